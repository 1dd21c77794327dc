"""Fewer multiplications: tiles of 4x4 are transformed, multiplied place by place, and transformed back to 2x2."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from tinyinfer.pages.player.chapters.register_tile import tap
from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import (
    CHANNELS,
    KERNELS,
    TILE_ROWS,
    WINOGRAD_IN,
    WINOGRAD_OUT,
    Convolution,
)
from tinyinfer.pages.player.trace.program import Chapter, Phase, Run, Store, Template, Transform, single


def winograd(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """F(2x2, 3x3): each of the 16 places is a matrix product, tiles by channels times channels by kernels."""
    phases = (
        Phase("kernels", "once", _kernels(conv, arrays)),
        Phase("tiles", "counted", _tiles(conv, arrays)),
        Phase("multiply", "counted", _products(conv, arrays)),
        Phase("back", "counted", _back(conv, arrays)),
    )
    scratch = "tiles in 4x4", "products"
    shown = ("image", "tiles in 4x4", "kernels in 4x4", "products", "result")
    return Chapter("Winograd", phases, shown, TILE_ROWS, conv.lanes, scratch)


def _kernels(conv: Convolution, arrays: Mapping[str, Array]) -> tuple[Run, ...]:
    weights, packed = arrays["weights"], arrays["kernels in 4x4"]
    sources = tuple(weights.at(ky=ky, kx=kx) - weights.start for ky, kx in product(range(3), repeat=2))
    template = Template("kernel", (Transform("kernel", 0, sources, 1, _places(packed)),))
    return tuple(
        single(template, weights.at(m=m, c=c), packed.at(q=m // conv.lanes, c=c, l=m % conv.lanes))
        for m, c in product(range(KERNELS), range(CHANNELS))
    )


def _tiles(conv: Convolution, arrays: Mapping[str, Array]) -> tuple[Run, ...]:
    image, tiles = arrays["image"], arrays["tiles in 4x4"]
    sources = tuple(image.at(y=y, x=x) - image.start for y, x in product(range(WINOGRAD_IN), repeat=2))
    template = Template("input", (Transform("input", 0, sources, 1, _places(tiles)),))
    return tuple(
        single(template, image.at(c=c, y=y * WINOGRAD_OUT, x=x * WINOGRAD_OUT), tiles.at(p=p, c=c))
        for p, (y, x) in enumerate(_corners(conv))
        for c in range(CHANNELS)
    )


def _products(conv: Convolution, arrays: Mapping[str, Array]) -> tuple[Run, ...]:
    tiles, packed, products = (arrays[name] for name in ("tiles in 4x4", "kernels in 4x4", "products"))
    count = len(_corners(conv))
    runs: list[Run] = []
    for e, q, p in product(range(WINOGRAD_IN**2), range(conv.panels), range(0, count, TILE_ROWS)):
        rows = min(TILE_ROWS, count - p)
        bases = (tiles.at(e=e, p=p), 1), (packed.at(e=e, q=q), conv.lanes)
        runs.append(Run(tap(rows, tiles.step("p"), conv.lanes), CHANNELS, bases))
        stores = tuple(Store(i, 0, i * products.step("p"), conv.lanes) for i in range(rows))
        runs.append(single(Template("store", stores), products.at(e=e, p=p, m=q * conv.lanes)))
    return tuple(runs)


def _back(conv: Convolution, arrays: Mapping[str, Array]) -> tuple[Run, ...]:
    products, result = arrays["products"], arrays["result"]
    targets = tuple(result.at(y=y, x=x) - result.start for y, x in product(range(WINOGRAD_OUT), repeat=2))
    template = Template("output", (Transform("output", 0, _places(products), 1, targets),))
    return tuple(
        single(template, products.at(p=p, m=m), result.at(m=m, y=y * WINOGRAD_OUT, x=x * WINOGRAD_OUT))
        for p, (y, x) in enumerate(_corners(conv))
        for m in range(KERNELS)
    )


def _corners(conv: Convolution) -> list[tuple[int, int]]:
    side = range(conv.out // WINOGRAD_OUT)
    return [(y, x) for y in side for x in side]


def _places(array: Array) -> tuple[int, ...]:
    """How far apart the 16 places of a tile lie."""
    return tuple(e * array.step("e") for e in range(WINOGRAD_IN**2))
