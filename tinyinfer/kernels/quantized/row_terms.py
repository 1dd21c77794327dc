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
    """As many pixels at a time as there are lanes; short runs of two pixels share a register."""
    if LANES < 8:
        _of_pixels(v, x, grid, runs, to)
        return
    with v.either(runs.size < BYTES // 2 + 1) as (short, long):
        with short:
            _of_pixels(v, x, grid, runs, to, 2)
        with long:
            _of_pixels(v, x, grid, runs, to)


def _of_pixels(v: Any, x: Any, grid: Any, runs: Any, to: Any, sharing: int = 1) -> None:
    """Of each run all that `dot_panel` reads, whole fours; what is loaded behind them is left out.

    ``sharing`` is the number of pixels that have parts of a register.
    """
    nothing, part = v.integer(0), BYTES // sharing
    whole = runs.size // part * part
    rest = (runs.size - whole + 3) // 4
    mask = v.mask(rest)
    if sharing == 2:
        mask = v.union(mask, v.difference(v.mask(rest + LANES // 2), v.mask(v.int_constant(LANES // 2))))

    def totals(first: Any, count: int) -> list[Any]:
        """Sums of the products of ``count`` registers, of pixels as far apart."""
        pixels = [[x.at(first + i + count * k).address for k in range(sharing)] for i in range(count)]
        sums = [v.variable(nothing) for _ in range(count)]

        def subtract(at: Any, mask: Any = None) -> None:
            for own, total in zip(pixels, sums, strict=True):
                places = [address + at for address in own]
                codes = v.load_fours(places[0]) if sharing == 1 else v.load_fours_of_two(*places)
                codes = codes if mask is None else v.where(mask, codes, nothing)
                total.set(v.sub_integers(total.get(), v.dot2(*v.pairs(codes))))

        with v.loop(runs.number) as run:
            offset = v.load_int(runs.offsets, run)
            with v.loop(whole, part) as at:
                subtract(offset + at)
            with v.when(rest != 0):
                subtract(offset + whole, mask)
        return [total.get() for total in sums]

    together = grid.width // LANES * LANES
    with v.loop(grid.lines) as line:
        place, target = line * grid.pitch, to + line * grid.width * 4
        with v.loop(together, LANES) as pixel:
            v.store_sums(v.across_each(totals(place + pixel, LANES // sharing), v.add_integers), target, pixel)
        with v.loop(grid.width - together) as more:
            _one_pixel(v, x.at(place + together + more).address, runs, target + (together + more) * 4)


def _one_pixel(v: Any, pixel: Any, runs: Any, to: Any) -> None:
    """The same for a pixel alone."""
    total, whole = v.variable(v.integer(0)), runs.size // BYTES * BYTES
    rest = (runs.size - whole + 3) // 4
    mask = v.mask(rest)

    def subtract(codes: Any) -> None:
        total.set(v.sub_integers(total.get(), v.dot2(*v.pairs(codes))))

    with v.loop(runs.number) as run:
        start = pixel + v.load_int(runs.offsets, run)
        with v.loop(whole, BYTES) as at:
            subtract(v.load_fours(start, at))
        with v.when(rest != 0):
            subtract(v.where(mask, v.load_fours(start, whole), v.integer(0)))
    v.store_sum(v.across(total.get(), v.add_integers), to)


@vector_function(**TERMS)
def _row_terms(v, x, grid, runs, zero, to):
    (_products_of_neighbours if PAIRED else _sums_of_codes)(v, x, grid, runs, zero, to)


@shared(**TERMS)
def row_terms(x, grid, runs, zero, to):
    """to[pixels] (int32) = what is to be added to the sums of each pixel of a grid."""
    _row_terms(x, grid, runs, zero, to)


load(row_terms)
