"""Figures as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyinfer.errors import InputError
from tinyinfer.files import atomic_write
from tinyinfer.plots.style import require_matplotlib, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# text stays text, which keeps the file small; without a date and with fixed names, equal figures are equal files
SVG: dict[str, Any] = {"svg.fonttype": "none", "svg.hashsalt": "tinyinfer"}


def picture_kind(path: str | os.PathLike[str]) -> str:
    """ "png" or "svg", as the file's name ends; raises InputError for another, and without matplotlib."""
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise InputError(f"{path}: expected the name of a .png or .svg file")
    require_matplotlib()
    return kind


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as its file's name says; the file appears whole or not at all.

    Raises InputError for a name that ends neither in .png nor in .svg, OSError when it can't be written.
    """
    kind = picture_kind(path)
    with style(), require_matplotlib().rc_context(SVG), atomic_write(path) as file:
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
