"""What each pixel's sums lack, whatever the column of weights.

A weight is worth w - zero: with VNNI, which multiplies w, sums lack -zero * (x0 + x1 + ...).  Where products are made
of sums, of weights that are less their zero point already, the two codes of each pair have been multiplied with each
other (`dot_sums`), and -(x0 x1 + x2 x3 + ...) puts that right.
"""

from __future__ import annotations

from typing import Any

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import load, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.quantized.byte_panels import Runs
from tinyinfer.kernels.quantized.epilogue.finish import Grid

BYTES = 4 * LANES  # of a register
TERMS = {"x": ByteRows, "grid": Grid, "runs": Runs, "zero": "int", "to": "address"}


def _sums_of_codes(v: Any, x: Any, grid: Any, runs: Any, zero: Any, to: Any) -> None:
    ones, whole = v.integer(0x01010101), runs.size // BYTES * BYTES
    rest = runs.size - whole
    with v.loop(grid.lines) as line, v.loop(grid.width) as pixel:
        total, row = v.variable(v.integer(0)), x.at(line * grid.pitch + pixel).address
        with v.loop(runs.number) as run:
            start = row + v.load_int(runs.offsets, run)
            with v.loop(whole, BYTES) as at:
                total.set(v.dot4(total.get(), v.load_fours(start, at), ones))
            with v.loop(rest, LANES) as at:
                total.set(v.add_integers(total.get(), v.load_codes(start, whole + at, v.mask(rest - at))))
        sum_ = v.across(total.get(), v.add_integers)
        v.store_sum(v.mul_integers(sum_, v.integer(zero * -1)), to + (line * grid.width + pixel) * 4)


def _products_of_neighbours(v: Any, x: Any, grid: Any, runs: Any, zero: Any, to: Any) -> None:
    """As many pixels at a time as there are lanes; of each run all that `dot_panel` reads, whole fours."""
    nothing, whole = v.integer(0), runs.size // BYTES * BYTES
    rest = (runs.size - whole + 3) // 4
    mask = v.mask(rest)

    def totals(first: Any, count: int) -> list[Any]:
        pixels, sums = [x.at(first + i).address for i in range(count)], [v.variable(nothing) for _ in range(count)]
        with v.loop(runs.number) as run:
            offset = v.load_int(runs.offsets, run)
            with v.loop(whole, BYTES) as at:
                for pixel, total in zip(pixels, sums, strict=True):
                    products = v.dot2(*v.pairs(v.load_fours(pixel + offset, at)))
                    total.set(v.sub_integers(total.get(), products))
            with v.when(rest != 0):
                for pixel, total in zip(pixels, sums, strict=True):
                    products = v.dot2(*v.pairs(v.load_sums(pixel + (offset + whole), 0, mask)))
                    total.set(v.sub_integers(total.get(), products))
        return [total.get() for total in sums]

    together = grid.width // LANES * LANES
    with v.loop(grid.lines) as line:
        place, target = line * grid.pitch, to + line * grid.width * 4
        with v.loop(together, LANES) as pixel:
            v.store_sums(v.across_each(totals(place + pixel, LANES), v.add_integers), target, pixel)
        with v.loop(grid.width - together) as more:
            pixel = together + more
            v.store_sum(v.across(totals(place + pixel, 1)[0], v.add_integers), target + pixel * 4)


@vector_function(**TERMS)
def _row_terms(v, x, grid, runs, zero, to):
    (_products_of_neighbours if PAIRED else _sums_of_codes)(v, x, grid, runs, zero, to)


@shared(**TERMS)
def row_terms(x, grid, runs, zero, to):
    """to[pixels] (int32) = what is to be added to the sums of each pixel of a grid."""
    _row_terms(x, grid, runs, zero, to)


load(row_terms)
