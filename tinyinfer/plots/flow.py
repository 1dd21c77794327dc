"""Which channels meet which: a network's layers as rows of channels, with lines between those that are connected."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.plots.style import INK, PALETTE, QUIET, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.85  # inches from one row of channels to the next
HALF, TALL = 0.32, 0.2  # a channel's half width, and its height as a share of the rows' distance


@styled
def flow(layers: Sequence[tuple[str, np.ndarray]], groups: int, title: str = "", ax: Axes | None = None) -> Figure:
    """Channels from top to bottom, a row behind each of ``layers`` (name, matrix of outputs by inputs).

    Inputs have the colour of their group; every other channel shows the colours of all groups that it can see, as
    many as it sees.  A line stands for an entry that is not zero.  Raises InputError for matrices that do not follow
    each other and for groups that do not divide the inputs.
    """
    matrices = [np.asarray(matrix) != 0 for _, matrix in layers]
    if not matrices or any(m.ndim != 2 for m in matrices):
        raise InputError(f"flow: expected matrices, found shapes {[m.shape for m in matrices]}")
    if any(a.shape[0] != b.shape[1] for a, b in pairwise(matrices)):
        raise InputError(f"flow: matrices that do not follow each other: {[m.shape for m in matrices]}")
    channels = matrices[0].shape[1]
    if groups < 1 or channels % groups:
        raise InputError(f"flow: {groups} groups do not divide {channels} channels")
    widest = max(channels, *(len(m) for m in matrices))
    figure, ax = canvas(ax, height=0.6 + ROW * len(layers), width=WIDTH)
    seen = np.repeat(np.eye(groups, dtype=bool), channels // groups, axis=0)  # channels by groups
    _channels(ax, seen, 0, widest)
    for row, ((name, _), matrix) in enumerate(zip(layers, matrices, strict=True), start=1):
        _lines(ax, matrix, seen, row, widest)
        seen = (matrix[:, :, None] & seen).any(axis=1)
        _channels(ax, seen, row, widest)
        ax.annotate(name, (-0.8, row - 0.5), ha="right", va="center", fontsize=9, color=QUIET, annotation_clip=False)
    ax.set_xlim(-0.6, widest - 0.4)
    ax.set_ylim(len(layers) + TALL, -TALL)
    ax.set_axis_off()
    ax.set_title(title)
    return figure


def _places(count: int, widest: int) -> np.ndarray:
    """Where the channels of a row stand, centred."""
    return np.arange(count) + (widest - count) / 2


def _lines(ax: Axes, matrix: np.ndarray, seen: np.ndarray, row: int, widest: int) -> None:
    """From each input to each output; in the colour of what the input sees if that is one group alone."""
    above, below = _places(matrix.shape[1], widest), _places(len(matrix), widest)
    for output, source in np.argwhere(matrix):
        groups = np.flatnonzero(seen[source])
        colour = PALETTE[groups[0] % len(PALETTE)] if len(groups) == 1 else INK
        x, y = (above[source], below[output]), (row - 1 + TALL / 2, row - TALL / 2)
        ax.plot(x, y, color=colour, linewidth=1.0, alpha=0.75, zorder=1)


def _channels(ax: Axes, seen: np.ndarray, row: int, widest: int) -> None:
    from matplotlib.patches import Rectangle

    for x, groups in zip(_places(len(seen), widest), seen, strict=True):
        colours = [PALETTE[g % len(PALETTE)] for g in np.flatnonzero(groups)] or ["#ffffff"]
        width = 2 * HALF / len(colours)
        for i, colour in enumerate(colours):
            ax.add_patch(Rectangle((x - HALF + i * width, row - TALL / 2), width, TALL, facecolor=colour, zorder=2))
