"""Curves and groups of bars with the labels where the eye is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.plots.style import INK, PALETTE, PAPER, QUIET, canvas, legend_below, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vPX*"


@styled
def lines(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log: str = "",
    limit: tuple[str, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """A curve for each of ``series`` over ``x``, marked and coloured; ``log`` is "", "x", "y" or "xy".

    A NaN leaves a gap.  A logarithmic x axis is labelled with the values themselves.  ``limit`` is (what, value) of a
    dashed line, such as the machine's peak.
    """
    figure, ax = canvas(ax)
    for i, (name, y) in enumerate(series.items()):
        marker = MARKERS[i % len(MARKERS)]
        ax.plot(x, y, marker=marker, markeredgecolor="white", color=PALETTE[i % len(PALETTE)], label=name)
    if limit is not None:
        _draw_limit(ax, *limit)
    if "x" in log:
        ax.set_xscale("log")
        ax.set_xticks(list(x), [f"{value:g}" for value in x])
        ax.minorticks_off()
    if "y" in log:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(lambda value, _: _between_decades(ax, value))
    else:
        low, high = ax.get_ylim()
        ax.set_ylim(min(0.0, low), high + 0.03 * (high - min(0.0, low)))  # room for whole marks at the top
    _label(ax, xlabel, ylabel, title)
    if len(series) > 1:
        legend_below(ax)
    return figure


@styled
def bars(
    names: Sequence[str],
    series: Mapping[str, Sequence[float]],
    ylabel: str = "",
    title: str = "",
    text: str = "{:.3g}",
    ax: Axes | None = None,
) -> Figure:
    """Groups of bars: one group for each of ``names``, one bar in it for each of ``series``, its value above it."""
    figure, ax = canvas(ax)
    width = 0.8 / max(len(series), 1)
    centres = np.arange(len(names))
    for i, (name, values) in enumerate(series.items()):
        offset = (i - (len(series) - 1) / 2) * width
        drawn = ax.bar(centres + offset, values, width * 0.92, color=PALETTE[i % len(PALETTE)], label=name)
        ax.bar_label(drawn, [text.format(value) for value in values], fontsize=8, padding=2, color=INK)
    ax.set_xticks(centres, names)
    ax.grid(visible=False, axis="x")
    ax.margins(y=0.1)
    _label(ax, "", ylabel, title)
    if len(series) > 1:
        legend_below(ax)
    return figure


def _draw_limit(ax: Axes, what: str, value: float) -> None:
    from matplotlib.patheffects import withStroke  # here, since it brings matplotlib

    ax.axhline(value, color=QUIET, linestyle="--", linewidth=1.2, zorder=1)
    ax.annotate(
        what, (1, value), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
        fontsize=9, color=QUIET, zorder=4, path_effects=[withStroke(linewidth=3, foreground=PAPER)],
    )  # fmt: skip


def _between_decades(ax: Axes, value: float) -> str:
    """The label of 2 and 5, 20 and 50 ... on an axis of few decades, where those alone would say too little."""
    low, high = ax.get_ylim()
    return f"{value:g}" if f"{value:e}"[0] in "25" and high < 100 * low else ""


def _label(ax: Axes, xlabel: str, ylabel: str, title: str) -> None:
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
