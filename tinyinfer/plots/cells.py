"""Small matrices with every number written out, and tables of measurements coloured by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.plots.style import INK, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL = 0.42  # inches
DARKEST = 0.55  # of a colour map's range


@styled
def cells(
    values: np.ndarray,
    title: str = "",
    rows: Sequence[object] = (),
    columns: Sequence[object] = (),
    xlabel: str = "",
    ylabel: str = "",
    text: str = "{:g}",
    centre: float | None = None,
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A matrix, a coloured cell with its number for each value; a NaN leaves an empty one.

    ``rows`` and ``columns`` label the sides.  With ``centre`` colours diverge from white, blue below and red above: by
    the difference from 0, for values of both signs, or by the logarithm from a ratio that means "equal".  ``limits``
    are the values of the palest and the darkest cell, with ``centre`` of the darkest ones below and above.  Raises
    InputError for another shape.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"cells: expected a matrix, found shape {values.shape}")
    h, w = values.shape
    figure, ax = canvas(ax, height=CELL * h + 1.2, width=CELL * w + 1.2)
    tints, colours = _tints(values, centre, limits)
    ax.imshow(tints, cmap=colours, vmin=0, vmax=1, aspect="equal")
    for i, j in np.ndindex(h, w):
        if not np.isnan(values[i, j]):
            ax.text(j, i, text.format(values[i, j]), ha="center", va="center", fontsize=8, color=INK)
    ax.set_xticks(np.arange(len(columns)), [str(c) for c in columns])
    ax.set_yticks(np.arange(len(rows)), [str(r) for r in rows])
    ax.set_xticks(np.arange(w + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(h + 1) - 0.5, minor=True)
    ax.grid(visible=False, which="major")
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title, fontsize=10)
    return figure


def _tints(values: np.ndarray, centre: float | None, limits: tuple[float, float] | None) -> tuple[np.ndarray, str]:
    """Places on a colour map, and its name; no tint is too dark for dark figures on it."""
    if centre is None:
        low, high = limits or (np.nanmin(values), np.nanmax(values))
        return DARKEST * (values - low) / max(high - low, 1e-12), "Blues"
    distances, furthest = (_from(centre, np.asarray(v, np.float64)) for v in (values, limits or values))
    reach = max(np.nanmax(np.abs(furthest)), 1e-12)
    return 0.5 + DARKEST / 2 * np.clip(distances / reach, -1, 1), "RdBu_r"


def _from(centre: float, values: np.ndarray) -> np.ndarray:
    return values if centre == 0 else np.log(values / centre)
