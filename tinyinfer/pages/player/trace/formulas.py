"""What each chapter must count, as a formula a student can check: P windows, M kernels, D = K * K * C / groups taps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tinyinfer.pages.player.trace.convolution import (
    CHANNELS,
    KERNELS,
    LANES,
    SIDE,
    TILE_ROWS,
    WINOGRAD_IN,
    WINOGRAD_OUT,
    Convolution,
)


class Formula(NamedTuple):
    """Its text and its value."""

    text: str
    value: int


class Expected(NamedTuple):
    """Load instructions, store instructions and mult-adds of a chapter."""

    loads: Formula
    stores: Formula
    macs: Formula


def formulas(conv: Convolution) -> dict[str, Expected]:
    """By the chapter's name."""
    ways: dict[str, Callable[[Convolution], Expected]] = {
        "window": _window,
        "im2col": _im2col,
        "panels": _panels,
        "register tile": _register_tile,
        "line buffer": _line_buffer,
        **({"Winograd": _winograd} if conv.has_winograd else {}),
    }
    return {name: way(conv) for name, way in ways.items()}


def _macs(conv: Convolution) -> Formula:
    return Formula("P · M · D", conv.windows * KERNELS * conv.depth)


def _gather(conv: Convolution) -> int:
    """Pieces of all windows: a pixel's channels each, or a row of the kernel for each channel."""
    if conv.layout == "NHWC":
        return conv.windows * conv.kernel**2 * conv.groups
    return conv.windows * CHANNELS * conv.kernel * -(-conv.kernel // LANES)


def _results(conv: Convolution) -> Formula:
    """A vector a store where the result's channels lie side by side, else a number."""
    if conv.layout == "NHWC" or conv.windows == 1:
        return Formula("P · M / lanes", conv.windows * KERNELS // conv.lanes)
    return Formula("P · M", conv.windows * KERNELS)


def _window(conv: Convolution) -> Expected:
    macs = _macs(conv)
    return Expected(Formula("2 · P · M · D", 2 * macs.value), Formula("P · M", conv.windows * KERNELS), macs)


def _im2col(conv: Convolution) -> Expected:
    window, pieces = _window(conv), _gather(conv)
    loads = Formula("pieces + 2 · P · M · D", pieces + window.loads.value)
    return Expected(loads, Formula("pieces + P · M", pieces + window.stores.value), window.macs)


def _panels(conv: Convolution) -> Expected:
    pieces, results = _gather(conv), _results(conv)
    loads = Formula("pieces + 2 · P · D · M / lanes", pieces + 2 * conv.windows * conv.panels * conv.depth)
    return Expected(loads, Formula(f"pieces + {results.text}", pieces + results.value), _macs(conv))


def _register_tile(conv: Convolution) -> Expected:
    pieces, results = _gather(conv), _results(conv)
    tiles = -(-conv.windows // TILE_ROWS)
    loads = Formula("pieces + (P + P / 4) · D · M / lanes", pieces + (conv.windows + tiles) * conv.panels * conv.depth)
    return Expected(loads, Formula(f"pieces + {results.text}", pieces + results.value), _macs(conv))


def _line_buffer(conv: Convolution) -> Expected:
    rows = len({y * conv.stride + ky for y in range(conv.out) for ky in range(conv.kernel)})
    fetched = rows * SIDE * (1 if conv.layout == "NHWC" else CHANNELS)
    tiles = conv.out * -(-conv.out // TILE_ROWS)
    loads = fetched + (conv.windows + tiles) * conv.panels * conv.depth
    results = _results(conv)
    stores = Formula(f"pixels + {results.text}", rows * SIDE + results.value)
    return Expected(Formula("image once + (P + tiles) · D · M / lanes", loads), stores, _macs(conv))


def _winograd(conv: Convolution) -> Expected:
    tiles, places = (conv.out // WINOGRAD_OUT) ** 2, WINOGRAD_IN**2
    products = places * CHANNELS * conv.panels * (tiles + -(-tiles // TILE_ROWS))
    return Expected(
        Formula("16 · T · C + products + 16 · T · M", places * tiles * (CHANNELS + KERNELS) + products),
        Formula(
            "16 · T · C + 16 · T · M / lanes + P · M",
            places * tiles * (CHANNELS + conv.panels) + conv.windows * KERNELS,
        ),
        Formula("16 · T · C · M", places * tiles * CHANNELS * KERNELS),
    )
