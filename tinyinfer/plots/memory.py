"""The arena of a plan: which value lies where, and from which step to which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinyinfer.passes.machine.plan_memory import live_bound
from tinyinfer.plots.style import INK, PALETTE, QUIET, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tinyinfer.runtime.plan import Plan

MEGABYTE = 1e6
NAMED = 0.055  # of the arena's height that a buffer needs for its name to fit in


@styled
def arena(plan: Plan, ax: Axes | None = None) -> Figure:
    """A rectangle for each buffer: steps from left to right, addresses from bottom to top.

    The dashed line is the most that is alive at one step: no arena can be smaller.
    """
    from matplotlib.patches import Rectangle

    figure, ax = canvas(ax, height=4.8)
    total = plan.arena_bytes / MEGABYTE
    steps = len(plan.steps)
    for i, lifetime in enumerate(sorted(plan.lifetimes, key=lambda r: (r.first, r.last))):
        workspace = lifetime.name not in plan.placements
        x, y = lifetime.first - 0.5, plan.offsets[lifetime.name] / MEGABYTE
        width, height = lifetime.last - lifetime.first + 1, lifetime.size / MEGABYTE
        colour = "#cbd2d9" if workspace else PALETTE[i % 5]
        ax.add_patch(Rectangle((x, y), width, height, facecolor=colour, alpha=0.8, edgecolor="white", linewidth=0.5))
        label = "workspace" if workspace else str(lifetime.name)
        if height > NAMED * total and width >= 0.016 * len(label) * steps * 0.8:
            ax.text(x + width / 2, y + height / 2, label, ha="center", va="center", fontsize=7, color=INK)
    bound = live_bound(plan.lifetimes) / MEGABYTE
    ax.axhline(bound, color=QUIET, linestyle="--", linewidth=1.2, zorder=3)
    ax.annotate(
        f"most alive at once: {bound:.2f} MB", (1, bound), (0, -4), xycoords=("axes fraction", "data"),
        textcoords="offset points", fontsize=9, color=QUIET, ha="right", va="top",
    )  # fmt: skip
    ax.set_xlim(-0.5, steps - 0.5)
    ax.set_ylim(0, total * 1.04)
    ax.set_xlabel("step")
    ax.set_ylabel("address, MB")
    separate = sum(lifetime.size for lifetime in plan.lifetimes) / MEGABYTE
    ax.set_title(
        f"{len(plan.lifetimes)} buffers in an arena of {total:.2f} MB ({separate:.1f} MB if none shared memory)"
    )
    return figure
