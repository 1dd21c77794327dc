"""The one style of all figures: light, quiet, legible at a notebook's width, told apart by every eye."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tinyinfer.errors import InputError
from tinyinfer.reporting.html import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

PALETTE = COLOURS  # Okabe and Ito's eight
INK, QUIET, GRID, PAPER = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
WIDTH = 8.0  # inches: the text width of a notebook at 100 dots an inch

SETTINGS: dict[str, Any] = {
    "figure.figsize": (WIDTH, 4.2),
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.use": True,
    "axes.facecolor": PAPER,
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.5,
    "font.size": 10,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so figures are the same everywhere
    "image.interpolation": "nearest",
}


def require_matplotlib() -> Any:
    """``matplotlib.pyplot``; raises InputError naming the extra when it is not installed."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise InputError("figures need matplotlib: pip install 'tinyinfer[plots]'") from None
    return plt


@contextlib.contextmanager
def style() -> Iterator[None]:
    """``with plots.style(): ...`` draws anything in the style of the lessons.  Raises InputError without matplotlib."""
    plt = require_matplotlib()
    with plt.rc_context({**SETTINGS, "axes.prop_cycle": plt.cycler(color=list(PALETTE))}):
        yield


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function draw in the style."""

    @functools.wraps(function)
    def draw(*args: P.args, **kwargs: P.kwargs) -> R:
        with style():
            return function(*args, **kwargs)

    return draw


def canvas(ax: Axes | None, height: float = 4.2, width: float = WIDTH) -> tuple[Figure, Axes]:
    """The axes to draw into and their figure: the given ones, or new ones of this size in inches.

    A new figure is not shown by itself: a notebook shows what a cell returns, once.
    """
    if ax is not None:
        figure = ax.get_figure(root=True)
        assert figure is not None
        return figure, ax
    return new_figure(lambda plt: plt.subplots(figsize=(width, height)))


def new_figure(make: Callable[[Any], tuple[Figure, Any]]) -> tuple[Figure, Any]:
    """The figure and axes of ``make(pyplot)``, taken out of pyplot's hands so that it shows once and is freed."""
    plt = require_matplotlib()
    made = make(plt)
    plt.close(made[0])
    return made
