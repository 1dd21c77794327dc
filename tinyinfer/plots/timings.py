"""Where the time goes, and against which roof."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.plots.style import INK, PALETTE, PAPER, QUIET, WIDTH, canvas, legend_below, new_figure, styled
from tinyinfer.reporting.tables import By

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect

    from tinyinfer.profiling.profile_rows import ProfileRow
    from tinyinfer.profiling.roofline import Peak
    from tinyinfer.profiling.timings import Profile

BAR_PITCH = 0.17  # inches a step
LEFT_OF = 3  # parts of the least intensity of a dot or bend: there the slopes have their names
ABOVE, BELOW = 1.5, -3.5  # points from a slope to its name
BESIDE = 12  # times the rightmost dot's intensity: there the flat roofs have their names


def colours_of(profile: Profile) -> dict[str, str]:
    """A colour for each kernel, the slowest first; what comes after the palette's end is grey."""
    return {group.name: PALETTE[min(i, len(PALETTE) - 1)] for i, group in enumerate(profile.grouped("kernel"))}


@styled
def step_times(profile: Profile, ax: Axes | None = None, top: int | None = None) -> Figure:
    """A bar for each step in order (or the ``top`` slowest, slowest first), coloured by kernel."""
    rows = list(profile.rows) if top is None else sorted(profile.rows, key=lambda row: -row.ms)[:top]
    figure, ax = canvas(ax, height=max(2.2, 1.1 + BAR_PITCH * len(rows)))
    colours = colours_of(profile)
    y = np.arange(len(rows))
    ax.barh(y, [row.ms for row in rows], height=0.74, color=[colours[row.label] for row in rows])
    ax.set_yticks(y, [row.name for row in rows], fontsize=8)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("ms (median)")
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_title(f"{profile.name}: {profile.total_ms:.2f} ms a run, {_threads(profile)}")
    shown = dict.fromkeys(row.label for row in rows)
    _legend(ax, {name: colour for name, colour in colours.items() if name in shown})
    return figure


@styled
def op_times(profile: Profile, ax: Axes | None = None, by: By = "kernel") -> Figure:
    """A bar for each operator or kernel: time, share and the number of steps."""
    groups = profile.grouped(by)
    figure, ax = canvas(ax, height=1.1 + 0.34 * len(groups))
    y = np.arange(len(groups))
    ax.barh(y, [group.ms for group in groups], height=0.66, color=PALETTE[0])
    for i, group in enumerate(groups):
        steps = f"{group.nodes} step{'s' if group.nodes > 1 else ''}"
        ax.annotate(
            f"{group.share:.1%}, {steps}", (group.ms, i), (5, 0), textcoords="offset points", va="center", fontsize=9,
            color=QUIET,
        )  # fmt: skip
    ax.set_yticks(y, [group.name for group in groups])
    ax.set_ylim(len(groups) - 0.4, -0.6)
    ax.set_xlim(0, max(group.ms for group in groups) * 1.28)
    ax.set_xlabel("ms")
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.set_title(f"{profile.name}: time by {'operator' if by == 'op' else 'kernel'}")
    return figure


@styled
def roofline(profile: Profile, ax: Axes | None = None) -> Figure:
    """Every step with mult-adds, and the machine's measured roofs; areas grow with time.

    Each cache has a slope of its own above that of memory.  With AMX the flat roof is that of tiles, and the FMA units
    have a dashed one below it.
    Raises InputError for a profile without roofs (one of the NumPy reference).
    """
    if profile.peak is None:
        raise InputError("this profile has no measured roofs: its plan ran without fast kernels")
    figure, ax = canvas(ax, height=4.8)
    rows = [row for row in profile.rows if row.macs and row.bytes and row.ms]
    colours = colours_of(profile)
    slowest = max((row.ms for row in rows), default=1.0)
    for name in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == name]
        ax.scatter(
            [_intensity(row) for row in mine], [row.gmacs_per_s for row in mine],
            s=[18 + 260 * row.ms / slowest for row in mine],
            color=colours[name], alpha=0.75, edgecolor="white", linewidth=0.6, label=name, zorder=3,
        )  # fmt: skip
    _draw_roofs(ax, profile.peak, [_intensity(row) for row in rows], [row.gmacs_per_s for row in rows])
    ax.set_xlabel("intensity: mult-adds a byte read or written")
    ax.set_ylabel("GMAC/s")
    ax.set_title(f"{profile.name} and the roofs of this machine, {_threads(profile)}")
    _legend(ax, {name: colours[name] for name in dict.fromkeys(row.label for row in rows)})
    return figure


def _draw_roofs(ax: Axes, peak: Peak, intensities: list[float], speeds: list[float]) -> None:
    ridges = [peak.ridge, *(peak.gmacs / cache.gbytes for cache in peak.caches)]
    low = min([*intensities, *ridges]) / LEFT_OF
    high = max([*intensities, peak.ridge]) * BESIDE
    x = np.geomspace(low, high, 200)
    ax.plot(x, [peak.roof(value) for value in x], color=INK, linewidth=1.6, zorder=2)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    bottom = min([*speeds, peak.roof(low)]) / 2
    ax.set_ylim(bottom, max([*speeds, peak.gmacs]) * 2.2)
    if peak.fma_gmacs < peak.gmacs:
        bend = max(low, peak.fma_gmacs / peak.gbytes)
        ax.plot([bend, high], [peak.fma_gmacs] * 2, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
        _name_roof(ax, f"FMA peak {peak.fma_gmacs:.0f} GMAC/s", high, peak.fma_gmacs)
    _name_roof(ax, f"{peak.units} peak {peak.gmacs:.0f} GMAC/s", high, peak.gmacs)
    _name_slope(ax, f"memory {peak.gbytes:.0f} GB/s", low, peak.gbytes, above=False)
    for cache in peak.caches:
        ax.plot(x, np.minimum(peak.gmacs, x * cache.gbytes), color=QUIET, linewidth=1.0, zorder=2)
        _name_slope(ax, f"{cache.name} {cache.gbytes:.0f} GB/s", low, cache.gbytes, above=True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def _name_slope(ax: Axes, text: str, low: float, gbytes: float, *, above: bool) -> None:
    """Along a slope, from its left end on, above or below it: whatever the axes' scales, the words lie as it does."""
    from matplotlib.transforms import ScaledTranslation

    figure = ax.get_figure(root=True)
    assert figure is not None
    apart = ScaledTranslation(0, (ABOVE if above else BELOW) / 72, figure.dpi_scale_trans)
    left = low * 1.12
    ax.text(
        left, left * gbytes, text, transform=ax.transData + apart, fontsize=9, color=INK, zorder=4, ha="left",
        va="bottom" if above else "top", rotation=math.degrees(math.atan(gbytes)), rotation_mode="anchor",
        transform_rotates_text=True, path_effects=_halo(),
    )  # fmt: skip


def _name_roof(ax: Axes, text: str, right: float, height: float) -> None:
    ax.annotate(
        text, (right, height), (-4, 5), textcoords="offset points", ha="right", fontsize=9, color=INK, zorder=4,
        path_effects=_halo(),
    )  # fmt: skip


def _halo() -> list[AbstractPathEffect]:
    """Paper around letters, as dots and other roofs may lie there."""
    from matplotlib.patheffects import withStroke  # here, since it brings matplotlib

    return [withStroke(linewidth=3, foreground=PAPER)]


@styled
def profile(profile: Profile) -> Figure:
    """Time by kernel and, where roofs were measured, the roofline below it."""
    groups = len(profile.grouped("kernel"))
    if profile.peak is None:
        return op_times(profile)
    heights = [1.1 + 0.34 * groups, 4.8]
    figure, (upper, lower) = new_figure(
        lambda plt: plt.subplots(2, 1, figsize=(WIDTH, sum(heights)), height_ratios=heights)
    )
    op_times(profile, upper)
    roofline(profile, lower)
    return figure


def _intensity(row: ProfileRow) -> float:
    return row.macs / row.bytes


def _threads(profile: Profile) -> str:
    return f"{profile.threads} thread{'s' if profile.threads > 1 else ''}"


def _legend(ax: Axes, colours: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    legend_below(ax, [Patch(color=colour, label=name) for name, colour in colours.items()])
