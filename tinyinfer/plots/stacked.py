"""What a whole is made of: bars side by side, each cut into the same parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.plots.style import PALETTE, canvas, ink_on, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PITCH = 0.46  # inches a bar
LEAST = 0.05  # of the longest bar: the width from which on a part has room for its number


@styled
def stacked(
    names: Sequence[str],
    parts: Mapping[str, Sequence[float]],
    xlabel: str = "",
    title: str = "",
    text: str = "{:.0f}",
    ax: Axes | None = None,
) -> Figure:
    """A bar for each of ``names``, made of a piece for each of ``parts``; wide pieces bear their number."""
    figure, ax = canvas(ax, height=1.6 + PITCH * len(names))
    y, left = np.arange(len(names)), np.zeros(len(names))
    longest = float(np.sum([np.asarray(values, float) for values in parts.values()], axis=0).max())
    for i, (part, values) in enumerate(parts.items()):
        widths = np.asarray(values, float)
        colour = PALETTE[i % len(PALETTE)]
        drawn = ax.barh(y, widths, 0.72, left, color=colour, edgecolor="white", label=part)
        labels = [text.format(width) if width >= LEAST * longest else "" for width in widths]
        ax.bar_label(drawn, labels, label_type="center", fontsize=8, color=ink_on(colour), fontweight="bold")
        left += widths
    ax.set_yticks(y, names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(xlabel)
    ax.set_title(title)
    figure.legend(loc="outside lower center", ncols=len(parts) if len(parts) <= 4 else -(-len(parts) // 2))
    return figure
