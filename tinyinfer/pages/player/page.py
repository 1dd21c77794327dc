"""The page of the player."""

from __future__ import annotations

from tinyinfer.pages.document import Page, asset, document
from tinyinfer.pages.player.export import export

TITLE = "Convolution as memory"

STYLES = ("layout.css", "arrays.css", "strips.css")
SCRIPTS = (
    "machine.js",
    "cache.js",
    "trace.js",
    "arrays.js",
    "player.js",
    "sentences.js",
    "grids.js",
    "cursor.js",
    "strips.js",
    "numbers.js",
    "totals.js",
    "switches.js",
    "transport.js",
    "main.js",
)


def player_document() -> str:
    """The whole page as HTML."""
    styles = [asset(__package__, name) for name in STYLES]
    scripts = [asset(__package__, name) for name in SCRIPTS]
    return document(Page(TITLE, asset(__package__, "body.html"), styles, scripts, data={"player": export()}))
