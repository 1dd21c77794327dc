"""How things show themselves, in Jupyter and when they are printed.

What shows a graph or a plan knows costs, blocks and pictures, of which these know nothing: so it registers here, and
is brought in when something is to be shown.
"""

from __future__ import annotations

import importlib
from functools import singledispatch


@singledispatch
def to_html(thing: object) -> str:
    """A piece of HTML, for Jupyter; raises TypeError for what nothing shows."""
    raise TypeError(f"expected something that shows itself, found {type(thing).__name__}")


@singledispatch
def to_text(thing: object) -> str:
    """The same in plain text, of some lines; raises TypeError for what nothing shows."""
    raise TypeError(f"expected something that shows itself, found {type(thing).__name__}")


@singledispatch
def to_page(thing: object) -> str:
    """A whole page of HTML, to keep and to pass on; raises TypeError for what nothing shows."""
    raise TypeError(f"expected something that has a page, found {type(thing).__name__}")


def html(thing: object) -> str:
    """`to_html`, with all that shows things brought in."""
    importlib.import_module("tinyinfer.display.registered")
    return to_html(thing)


def text(thing: object) -> str:
    """`to_text`, with all that shows things brought in."""
    importlib.import_module("tinyinfer.display.registered")
    return to_text(thing)


def page(thing: object) -> str:
    """`to_page`, with all that makes pages brought in."""
    importlib.import_module("tinyinfer.pages.profile.page")
    return to_page(thing)
