"""The one style of all figures: light, quiet, legible at a notebook's width, told apart by every eye."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tinyinfer.errors import InputError
from tinyinfer.reporting.html import COLOURS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
R = TypeVar("R")

PALETTE = COLOURS  # Okabe and Ito's eight
INK, QUIET, GRID, PAPER = "#1f2933", "#52606d", "#e4e7eb", "#ffffff"
LETTER, HANDLE = 5.2, 42.0  # points: a letter of a legend, and its mark with the gaps around
LABELLED, UNLABELLED = 4.4, 2.8  # letters' heights from the axes to the legend below
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


def legend_below(ax: Axes, handles: Sequence[Artist] | None = None) -> None:
    """A legend under the axes, where it hides nothing, in as many columns as fit their width."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    handles = ax.get_legend_handles_labels()[0] if handles is None else list(handles)
    longest = max(len(str(handle.get_label())) for handle in handles)
    spec = ax.get_subplotspec()
    columns = spec.get_gridspec().ncols if spec else 1
    room = 72 * figure.get_figwidth() / columns - 50  # points
    across = max(1, min(len(handles), int(room / (LETTER * longest + HANDLE))))
    across = math.ceil(len(handles) / math.ceil(len(handles) / across))  # rows of one length
    gap = LABELLED if ax.get_xlabel() else UNLABELLED
    lines = max((tick.get_text().count("\n") for tick in ax.get_xticklabels()), default=0)
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=gap + 1.4 * lines, ncols=across)


def ink_on(colour: str) -> str:
    """White or black, whichever has a contrast of 4.5 or more to a colour (WCAG 2.2)."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "white" if 1.05 / (luminance + 0.05) > 4.5 else "black"


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
