"""Benchmarks as pictures: our time over the other engines', network by network, and how times grow in a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.plots.lines import MARKERS
from tinyinfer.plots.style import GRID, INK, PALETTE, QUIET, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tinyinfer.bench.report import BenchReport, BenchRow
    from tinyinfer.bench.sweep_report import SweepReport

    Group = dict[str, BenchRow]

OURS = "tinyinfer"  # what reports call this engine
PITCH = 0.34  # inches a network
ACROSS = 2  # panels of a sweep side by side


@styled
def ratios(report: BenchReport) -> Figure:
    """tinyinfer's time over each peer's, a row a network and a panel for each number of images and threads.

    A dot is the median of the rounds, the bar through it their quartiles; left of the line at 1 tinyinfer is faster.
    Its own milliseconds stand beside it, CPU and date above.  Raises InputError for a report without peers.
    """
    panels: dict[tuple[int, int], list[Group]] = {}
    for group in report.groups():
        panels.setdefault((group[OURS].batch, group[OURS].threads), []).append(group)
    engines = list(dict.fromkeys(row.engine for row in report.rows if row.engine != OURS))
    if not engines:
        raise InputError("plot: expected engines to compare with, found tinyinfer alone")
    most = max(map(len, panels.values()))
    size = (WIDTH if len(panels) < 3 else 4 * len(panels), 1.5 + PITCH * most)
    figure, axes = new_figure(lambda plt: plt.subplots(1, len(panels), figsize=size, sharex=True, squeeze=False))
    furthest = max(row.ratio_quartiles[1] for row in report.rows)
    for ax, ((batch, threads), groups) in zip(axes[0], panels.items(), strict=True):
        _panel(ax, groups, engines, first=ax is axes[0][0])
        ax.set_xlim(0, max(1.15, furthest + 0.05))
        ax.set_title(f"{_count(batch, 'image')}, {_count(threads, 'thread')}")
        ax.set_xlabel("tinyinfer's time / the engine's (below 1: faster)", fontsize=9)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(", ".join(filter(None, (report.cpu, report.date))), x=0.995, ha="right", fontsize=9, color=QUIET)
    return figure


def _panel(ax: Axes, groups: Sequence[Group], engines: Sequence[str], first: bool) -> None:
    ax.axvspan(0, 1, color=GRID, alpha=0.45, linewidth=0, zorder=0)
    ax.axvline(1, color=QUIET, linewidth=1.2)
    for i, name in enumerate(engines):
        present = [(y, group[name]) for y, group in enumerate(groups) if name in group]
        rows, colour, marker = [row for _, row in present], *_look(i + 1)
        heights = [y + 0.16 * (i - (len(engines) - 1) / 2) for y, _ in present]  # lest equal ones hide each other
        low, high = (np.array([row.ratio_quartiles[side] for row in rows]) for side in (0, 1))
        ax.hlines(heights, low, high, color=colour, linewidth=2, alpha=0.6)
        x = [row.ratio for row in rows]
        ax.plot(x, heights, marker, color=colour, markersize=6, markeredgecolor="white", label=name)
    for y, group in enumerate(groups):
        ax.annotate(
            f"{group[OURS].median_ms:.3g} ms", (1, y), (4, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="left", va="center", fontsize=8, color=QUIET,
        )  # fmt: skip
    names = [group[OURS].model for group in groups]
    ax.set_yticks(range(len(groups)), names if first else [""] * len(groups))
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0, labelcolor=INK)


@styled
def sweep(report: SweepReport) -> Figure:
    """Milliseconds of every engine along a sweep, a panel for each network.

    Axes are logarithmic, but not those of threads nor that of times after a pause.  The dotted line is in proportion to
    the mult-adds, or to one over the threads, from our first point on.
    """
    series = report.series()
    down, across = math.ceil(len(series) / ACROSS), min(len(series), ACROSS)
    size = (WIDTH if across > 1 else 0.7 * WIDTH, 0.6 + 3.2 * down)
    figure, axes = new_figure(lambda plt: plt.subplots(down, across, figsize=size, squeeze=False))
    for ax in axes.flat[len(series) :]:
        ax.set_axis_off()
    for ax, (name, groups) in zip(axes.flat, series.items(), strict=False):
        _curves(ax, groups, report.sweep)
        ax.set_title(name, fontsize=10)
        ax.set_xlabel(report.axis)
        ax.set_ylabel("ms a call")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _curves(ax: Axes, groups: Sequence[Group], swept: str) -> None:
    x = np.array([group[OURS].value for group in groups], np.float64)
    for i, name in enumerate(groups[0]):
        y = [group[name].median_ms for group in groups]
        colour, marker = _look(i)
        ax.plot(x, y, marker=marker, markeredgecolor="white", color=colour, label=name)
    if swept != "pause":
        macs = np.array([group[OURS].macs for group in groups], np.float64)
        ideal = x[0] / x if swept == "threads" else macs / macs[0]
        label = "1 / threads" if swept == "threads" else "in proportion to mult-adds"
        ax.plot(x, groups[0][OURS].median_ms * ideal, ":", color=QUIET, linewidth=1.3, label=label)
    if swept != "threads":
        ax.set_xscale("log")
    if swept in ("threads", "pause"):
        ax.set_ylim(bottom=0)
    else:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    ax.set_xticks(x, [f"{value:g}" for value in x], minor=False)
    ax.xaxis.set_minor_formatter(lambda value, _: "")
    ax.tick_params(axis="x", which="minor", length=0)


def _look(engine: int) -> tuple[str, str]:
    """Colour and marker of an engine, tinyinfer the first: the same in both pictures."""
    return PALETTE[engine % len(PALETTE)], MARKERS[engine % len(MARKERS)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
