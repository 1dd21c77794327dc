"""Measurements side by side as dots on a line for each thing measured (Cleveland, 1984): many names, few series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.plots.lines import MARKERS
from tinyinfer.plots.style import GRID, PALETTE, QUIET, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PITCH = 0.36  # inches a name
APART = 0.13  # of that, from one series to the next


@styled
def dots(
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    xlabel: str = "",
    title: str = "",
    limit: tuple[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A row for each of ``names``, in it a dot for each of ``series``; a NaN is left out.

    ``limit`` is (what, value) of a dashed line, such as the machine's peak.
    """
    figure, ax = canvas(ax, height=1.5 + PITCH * len(names))
    y = np.arange(len(names))
    for i, (name, values) in enumerate(series.items()):
        marker, colour = MARKERS[i % len(MARKERS)], PALETTE[i % len(PALETTE)]
        apart = APART * (i - (len(series) - 1) / 2)  # lest equal ones hide each other
        ax.plot(values, y + apart, marker, color=colour, markersize=7, markeredgecolor="white", label=name)
    ax.set_yticks(y, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(visible=False)
    ax.tick_params(axis="y", length=0)
    if limit is not None:
        what, value = limit
        ax.axvline(value, color=QUIET, linestyle="--", linewidth=1.2)
        ax.annotate(
            f"{what} {value:.0f}", (value, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="right", fontsize=9, color=QUIET,
        )  # fmt: skip
    ax.hlines(y, 0, 1, colors=GRID, linewidth=0.8, transform=ax.get_yaxis_transform(), zorder=0)
    ax.set_xlim(left=0)  # after the limit, as the right end stays where it is from here on
    ax.set_xlabel(xlabel)
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=min(len(series), 5))
    return figure
