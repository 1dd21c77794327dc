"""Families of measured things as named points: what each gives against what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.plots.lines import MARKERS
from tinyinfer.plots.style import PALETTE, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[str, float, float]

SIDES = ((1, -1), (1, 1), (-1, 1), (-1, -1), (1, 0), (-1, 0))  # where a name may stand, the usual place first
LETTER, LINE, GAP = 5.0, 8.0, 6.0  # points of a letter's width, a name's height, and between a dot and its name
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
    sides = iter(_sides([point for family in families.values() for point in _ordered(family)], log))
    for i, (family, members) in enumerate(families.items()):
        ordered, colour = _ordered(members), PALETTE[i % len(PALETTE)]
        ax.plot(
            [x for _, x, _ in ordered], [y for _, _, y in ordered], marker=MARKERS[i % len(MARKERS)],
            color=colour, markersize=7, markeredgecolor="white", linewidth=1.2, label=family,
        )  # fmt: skip
        for name, x, y in ordered:
            right, up = next(sides)
            ax.annotate(
                name, (x, y), (GAP * right, GAP * up), textcoords="offset points", fontsize=8, color=colour,
                ha="left" if right > 0 else "right", va=("top", "center", "bottom")[up + 1],
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
        ax.legend(loc="lower right")
    return figure


def _ordered(members: Sequence[Point]) -> list[Point]:
    return sorted(members, key=lambda point: point[1])


def _sides(members: Sequence[Point], log: bool) -> list[tuple[int, int]]:
    """For each name the side of its dot that is freest of other dots and of the names placed before."""
    x = np.array([point[1] for point in members], float)
    places = np.stack([np.log(x) if log else x, [point[2] for point in members]], axis=1)
    reach = np.ptp(places, axis=0)
    places = (places - places.min(axis=0)) / np.where(reach > 0, reach, 1) * SPAN
    taken, chosen = list(places), []
    for (name, *_), place in zip(members, places, strict=True):
        width = LETTER * len(name)
        middles = [place + np.multiply(side, (GAP + width / 2, GAP + LINE / 2)) for side in SIDES]
        scale = np.array([LETTER + width / 2, LINE])  # a distance of one is just free
        room = [min(np.abs((middle - other) / scale).max() for other in taken) for middle in middles]
        best = int(np.argmax(np.minimum(room, 1.5)))  # far enough is as good as farther: the usual place then
        taken.append(middles[best])
        chosen.append(SIDES[best])
    return chosen
