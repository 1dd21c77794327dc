"""The page of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyinfer.pages.document import Page, asset, document
from tinyinfer.pages.sandbox.accuracies import published
from tinyinfer.pages.sandbox.measured import shipped
from tinyinfer.pages.sandbox.tables import families

TITLE = "Design a network"

STYLES = ("layout.css", "charts.css")
SCRIPTS = (
    "builder.js",
    "blocks.js",
    "families.js",
    "counts.js",
    "layers.js",
    "predict.js",
    "guidelines.js",
    "design.js",
    "axes.js",
    "headline.js",
    "bars.js",
    "roofline.js",
    "accuracies.js",
    "verdicts.js",
    "knobs.js",
    "main.js",
)


def sandbox_document(table: Mapping[str, Any] | None = None) -> str:
    """The whole page as HTML; ``table`` is what ``--measure`` wrote, of another machine than the package's own."""
    styles = [asset(__package__, name) for name in STYLES]
    scripts = [asset(__package__, name) for name in SCRIPTS]
    data = {"families": families(), "measured": table or shipped(), "published": published()}
    return document(Page(TITLE, asset(__package__, "body.html"), styles, scripts, data=data))
