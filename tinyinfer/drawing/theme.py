"""The colours of drawings: as they stand in a file of their own, and as a page says them, which may be dark."""

from __future__ import annotations

from typing import NamedTuple


class Theme(NamedTuple):
    """Colours as SVG takes them."""

    paper: str
    panel: str
    line: str
    edge: str
    ink: str
    quiet: str
    heat: str  # of what takes long


LIGHT = Theme("#ffffff", "#f5f7fa", "#cbd2d9", "#7b8794", "#1f2933", "#52606d", "#e69f00")
# the tokens of page.css
PAGE = Theme("none", "var(--panel)", "var(--line)", "var(--quiet)", "var(--ink)", "var(--quiet)", "var(--orange)")
