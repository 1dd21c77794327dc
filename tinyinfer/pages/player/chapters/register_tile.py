"""Several pixels by several kernels at once: what is loaded is used as often as the tile is wide and high."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.pages.player.chapters.im2col import gather
from tinyinfer.pages.player.chapters.panels import pack
from tinyinfer.pages.player.trace.arrays import Array
from tinyinfer.pages.player.trace.convolution import TILE_ROWS, Convolution
from tinyinfer.pages.player.trace.program import Chapter, Load, MultiplyAdd, Phase, Run, Store, Template, single


def register_tile(conv: Convolution, arrays: Mapping[str, Array]) -> Chapter:
    """One tap a step for all sums of a tile; they leave the registers when they are complete."""
    matrix, packed, result = (arrays[name] for name in ("matrix", "panels", "result"))
    runs: list[Run] = []
    for q in range(conv.panels):
        group = q // (conv.panels // conv.groups)
        for p in range(0, conv.windows, TILE_ROWS):
            rows = min(TILE_ROWS, conv.windows - p)
            bases = (matrix.at(g=group, p=p), 1), (packed.at(q=q), conv.lanes)
            runs.append(Run(tap(rows, conv.depth, conv.lanes), conv.depth, bases))
            target = result.at(m=q * conv.lanes, y=p // conv.out, x=p % conv.out)
            runs.append(single(tile_store(rows, result, conv.lanes), target))
    phases = pack(conv, arrays, "before"), gather(conv, arrays), Phase("multiply", "counted", tuple(runs))
    shown = ("image", "matrix", "panels", "result")
    return Chapter("register tile", phases, shown, TILE_ROWS, conv.lanes, ("matrix",))


def tap(rows: int, apart: int, lanes: int) -> Template:
    """One vector of weights, then one number of each of ``rows`` pixels, which lie ``apart``."""
    return Template("tap", (Load(1, 0, lanes), *(MultiplyAdd(i, 0, i * apart) for i in range(rows))))


def tile_store(rows: int, result: Array, lanes: int) -> Template:
    """The sums of pixels that are neighbours in the result."""
    stores = (Store(i, 0, i * result.step("x"), lanes, result.step("m")) for i in range(rows))
    return Template("store", tuple(stores))
