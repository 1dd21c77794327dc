"""Figures in a notebook, with words for those who do not see them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from tinyinfer.errors import InputError
from tinyinfer.plots.style import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDED = "<details><summary><small>The figure in words</small></summary><small>{}</small></details>"


def show(figure: Figure, alt: str) -> None:
    """Show a figure in a notebook, once, with what is to be seen in it as its alternative text.

    The words are the picture's ``alt`` metadata and its plain-text twin.  As notebook pages (JupyterLab, GitHub) do not
    hand either on to screen readers, they also stand folded below.  Raises InputError outside of IPython, and without
    words.
    """
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        raise InputError("show needs IPython: pip install 'tinyinfer[notebooks]'") from None
    shell = get_ipython()
    if shell is None:
        raise InputError("show: expected a notebook or IPython; plots.save writes a figure to a file")
    if not alt.strip():
        raise InputError("show: expected words that describe the figure, found none")
    formats, metadata = shell.display_formatter.format(figure)
    for kind in formats:
        if kind.startswith("image/"):
            metadata.setdefault(kind, {})["alt"] = alt
    display({**formats, "text/plain": alt}, metadata=metadata, raw=True)
    display({"text/html": FOLDED.format(html.escape(alt)), "text/plain": ""}, raw=True)
    require_matplotlib().close(figure)  # or pyplot shows it again at the end of the cell
