"""Families of measured things as named points: what each gives against what it costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.plots.lines import MARKERS
from tinyinfer.plots.style import INK, PALETTE, canvas, legend_below, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[str, float, float]

SIDES = ((1, -1), (1, 1), (-1, 1), (-1, -1), (1, 0), (-1, 0))  # where a name may stand, the usual place first
AWAY = (1.0, 2.6, 4.2)  # gaps from the dot; the nearest is the usual one
LETTER, LINE, GAP = 5.0, 8.0, 6.0  # points of a letter's width, a name's height, and between a dot and its name
ALONG = 8.0  # points between two places of a line that names keep away from
SPAN = (480.0, 280.0)  # points of an ordinary figure's axes: only to tell what lies close together


@styled
def points(
    families: Mapping[str, Sequence[Point]],
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    log: bool = False,
    legend: bool = True,
    ax: Axes | None = None,
) -> Figure:
    """A colour for each of ``families``, whose (name, x, y) are joined in rising order of x and named beside the dot.

    ``log`` makes the x axis logarithmic.
    """
    figure, ax = canvas(ax, height=4.8)
    sides = iter(_sides([_ordered(family) for family in families.values()], log))
    for i, (family, members) in enumerate(families.items()):
        ordered, colour = _ordered(members), PALETTE[i % len(PALETTE)]
        ax.plot(
            [x for _, x, _ in ordered], [y for _, _, y in ordered], marker=MARKERS[i % len(MARKERS)],
            color=colour, markersize=7, markeredgecolor="white", linewidth=1.2, label=family,
        )  # fmt: skip
        for name, x, y in ordered:
            (right, up), away = next(sides)
            ax.annotate(
                name, (x, y), (GAP * away * right, GAP * away * up), textcoords="offset points", fontsize=8,
                color=INK, ha="left" if right > 0 else "right", va=("top", "center", "bottom")[up + 1],
                arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8} if away > 1 else None,
            )  # fmt: skip
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    ax.margins(x=0.08, y=0.08)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    if legend:
        legend_below(ax)
    return figure


def _ordered(members: Sequence[Point]) -> list[Point]:
    return sorted(members, key=lambda point: point[1])


def _sides(families: Sequence[Sequence[Point]], log: bool) -> list[tuple[tuple[int, int], float]]:
    """For each name the side of its dot, and how far away, where it is free of dots, lines and the names before."""
    members = [point for family in families for point in family]
    x = np.array([point[1] for point in members], float)
    places = np.stack([np.log(x) if log else x, [point[2] for point in members]], axis=1)
    reach = np.ptp(places, axis=0)
    places = (places - places.min(axis=0)) / np.where(reach > 0, reach, 1) * SPAN
    ends = np.cumsum([len(family) for family in families])[:-1]
    taken = [*places, *(place for line in np.split(places, ends) for place in _along(line))]
    chosen = []
    for (name, *_), place in zip(members, places, strict=True):
        width = LETTER * len(name)
        spots = list(itertools.product(AWAY, SIDES))
        middles = [place + np.multiply(side, (GAP * away + width / 2, GAP * away + LINE / 2)) for away, side in spots]
        scale = np.array([LETTER + width / 2, LINE])  # a distance of one is just free
        room = np.array([min(np.abs((middle - other) / scale).max() for other in taken) for middle in middles])
        # far enough is as good as farther: the usual place then
        best = int(np.argmax(np.minimum(room, 1.3) - [0.2 * AWAY.index(away) for away, _ in spots]))
        taken.append(middles[best])
        chosen.append((spots[best][1], spots[best][0]))
    return chosen


def _along(line: np.ndarray) -> Iterator[np.ndarray]:
    """Places on the pieces of a line, its ends left out."""
    for start, end in itertools.pairwise(line):
        count = int(np.hypot(*(end - start)) // ALONG)
        yield from (start + (end - start) * i / (count + 1) for i in range(1, count + 1))
