"""One HTML file out of its parts: text, styles, scripts and data, all inline, under a policy that fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

# of every page: tokens of colour and type for light, dark and print; small makers of elements
COMMON_STYLES = ("page.css",)
COMMON_SCRIPTS = ("elements.js",)


class Page(NamedTuple):
    """What one page is made of.

    ``body`` is HTML.  ``styles`` and ``scripts`` are CSS and JavaScript as text, in the order in which they apply;
    ``workers`` are scripts by name that a page starts as workers (``startWorker(name)`` of elements.js).
    ``data`` is what JSON can hold, by name: ``embedded(name)`` of elements.js returns it.
    """

    title: str
    body: str
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()
    workers: Mapping[str, str] = {}
    data: Mapping[str, Any] = {}


def asset(package: str, name: str) -> str:
    """The text of a file in the ``assets`` folder of a package, such as ``("tinyinfer.pages", "page.css")``."""
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def document(page: Page) -> str:
    """The whole file.  Scripts run by their hashes only, and no address can be reached, not even by what runs."""
    styles = [*(asset(__package__, name) for name in COMMON_STYLES), *page.styles]
    common = "\n".join(asset(__package__, name) for name in COMMON_SCRIPTS)
    code = "\n".join((common, *page.scripts))
    policy = (
        f"default-src 'none'; script-src '{_hash(code)}' blob:; worker-src blob:; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src blob: mediastream:; base-uri 'none'; form-action 'none'"
    )
    blocks = [_block(f"data-{name}", "application/json", _json(value)) for name, value in page.data.items()]
    blocks += [_block(f"worker-{name}", "text/plain", _inline(text)) for name, text in page.workers.items()]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(page.title)}</title>\n<style>{''.join(styles)}</style>\n</head>\n"
        f"<body>\n{page.body}\n{''.join(blocks)}<script>{code}</script>\n</body>\n</html>\n"
    )


def base64_bytes(data: bytes) -> str:
    """Bytes as text for ``data``; ``bytesOf`` of elements.js turns it back."""
    return base64.b64encode(data).decode("ascii")


def _block(name: str, kind: str, text: str) -> str:
    return f'<script id="{escape(name)}" type="{kind}">{text}</script>\n'


def _json(value: Any) -> str:
    """JSON that can't end the element that holds it.  Raises ValueError for NaN and infinities."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _inline(code: str) -> str:
    """A script as it stands.  Raises ValueError for one that would end its own element."""
    if "</script" in code.lower() or "<!--" in code:
        raise ValueError("a script that holds </script or <!-- can't stand inside a page")
    return code


def _hash(code: str) -> str:
    digest = hashlib.sha256(_inline(code).encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
