"""Figures for lessons and reports, in one style; they need the ``plots`` extra (matplotlib), imported at first use.

Every function draws into ``ax`` if one is given and into a new figure otherwise, and returns the figure.
"""

from __future__ import annotations

from tinyinfer.plots.cells import cells
from tinyinfer.plots.dots import dots
from tinyinfer.plots.flow import flow
from tinyinfer.plots.images import conv_kernels, feature_maps
from tinyinfer.plots.lines import bars, lines
from tinyinfer.plots.memory import arena
from tinyinfer.plots.points import points
from tinyinfer.plots.saving import save
from tinyinfer.plots.showing import show
from tinyinfer.plots.stacked import stacked
from tinyinfer.plots.style import PALETTE, style
from tinyinfer.plots.timings import op_times, profile, roofline, step_times

__all__ = [
    "PALETTE",
    "arena",
    "bars",
    "cells",
    "conv_kernels",
    "dots",
    "feature_maps",
    "flow",
    "lines",
    "op_times",
    "points",
    "profile",
    "roofline",
    "save",
    "show",
    "stacked",
    "step_times",
    "style",
]
