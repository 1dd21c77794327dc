"""A report's figure: what ``plot()`` of every report returns.

Plots know the reports that they draw; so that reports need not know plots, these register with `figure`.
"""

from __future__ import annotations

import importlib
from functools import singledispatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@singledispatch
def figure(report: object) -> Figure:
    """The figure of a report; raises TypeError for kinds of reports that nothing draws."""
    raise TypeError(f"expected a report that has a figure, found {type(report).__name__}")


def plot(report: object) -> Figure:
    """`figure`, with all that draws brought in; needs the ``plots`` extra."""
    importlib.import_module("tinyinfer.plots.reports")
    return figure(report)
