"""The steps from sums to codes, or to floats, on registers: `Requantization.finish`, rounding by rounding."""

from __future__ import annotations

from typing import Any, NamedTuple

from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import Variable, vector_function
from tinyinfer.kernels.codegen.structs import struct
from tinyinfer.kernels.pointwise_math.fused_activation import NUMBERED
from tinyinfer.kernels.quantized.epilogue.requantize import FITTING, Requantize, Results


@struct
class Grid(NamedTuple):
    """Results of a product: ``lines`` of ``width`` pixels, and that the sums of lines begin ``pitch`` rows apart."""

    lines: int
    pitch: int
    width: int


class Finishing:
    """The steps from sums to results, on registers; what all of them share is kept in registers too."""

    def __init__(self, v: Any, epilogue: Any) -> None:
        self.v, self.act = v, epilogue.act
        self.steps, self.worth = v.broadcast(epilogue.steps), v.broadcast(epilogue.residual_worth)
        self.low, self.high = v.broadcast(epilogue.lo), v.broadcast(epilogue.hi)
        self.inner, self.inner_worth = epilogue.inner, v.broadcast(epilogue.inner.worth)
        self.inner_bounds = v.broadcast(epilogue.inner.lo), v.broadcast(epilogue.inner.hi)
        self.zero, self.residual_zero = v.integer(epilogue.zero), v.integer(epilogue.residual_zero)

    def scaled(self, sums: Any, multiplier: Any) -> Any:
        """Sums times what they are worth."""
        return self.v.mul(self.v.as_floats(sums), multiplier)

    def with_residual(self, value: Any, address: Any, offset: Any = 0, mask: Any = None) -> Any:
        """Plus what the residual's codes are worth; what they are added to is rounded before if it is codes too."""
        total = self.v.variable(value)
        with self.v.when(self.inner.rounded != 0):
            rounded = self.v.nearest_integers(self.v.clip(value, *self.inner_bounds))
            total.set(self.v.mul(self.v.as_floats(rounded), self.inner_worth))
        codes = self.v.sub_integers(self.v.load_codes(address, offset, mask), self.residual_zero)
        return self.v.add(total.get(), self.v.mul(self.v.as_floats(codes), self.worth))

    def activate(self, *values: Variable) -> None:
        """Apply the formula that is asked for, if one is."""
        with self.v.when(self.act != 0):
            for number, formula in NUMBERED:
                with self.v.when(self.act == number):
                    for value in values:
                        value.set(self.v.mul(formula(self.v, value.get(), None, None, None), self.steps))

    def store_codes(self, value: Any, address: Any, offset: Any = 0, mask: Any = None) -> None:
        """Clip, round and store as codes; the offset counts bytes."""
        integers = self.v.nearest_integers(self.v.clip(value, self.low, self.high))
        self.v.store_codes(self.v.add_integers(integers, self.zero), address, offset, mask)

    def store_floats(self, value: Any, address: Any, offset: Any = 0, mask: Any = None) -> None:
        """Clip and store as floats, which the offset counts."""
        self.v.store_numbers("float32", self.v.clip(value, self.low, self.high), address, offset, mask)


FINISH = {"sums": "address", "sums_row": "int", "grid": Grid, "y": Results, "columns": "int", "epilogue": Requantize}


@vector_function(**FINISH)
def _finish(v, sums, sums_row, grid, y, columns, epilogue):
    finishing, adding, shifted = Finishing(v, epilogue), epilogue.residual.stride != 0, epilogue.row_step != 0
    case = v, finishing, sums, sums_row, grid, y, columns, epilogue
    if PAIRED:  # where all sums have row terms
        fitting = v.intersection(epilogue.plain == FITTING, v.complement(adding))
        with v.either(epilogue.plain == 1) as (usual, unusual):
            with usual, v.either(adding) as (residuals, alone):
                with residuals:
                    _finish_plain(*case, adding=True, shifted=True)
                with alone:
                    _finish_plain(*case, shifted=True)
            with unusual, v.either(fitting) as (formulas, rest):
                with formulas:
                    _finish_plain(*case, shifted=True, curved=True)
                with rest:
                    _finish_anything(*case)
        return
    both = v.intersection(adding, shifted)
    with v.either(v.intersection(epilogue.plain != 0, v.complement(both))) as (usual, unusual):
        with usual, v.either(v.union(adding, shifted)) as (more, alone):
            with alone:
                _finish_plain(*case)
            with more, v.either(adding) as (residuals, row_terms):
                with residuals:
                    _finish_plain(*case, adding=True)
                with row_terms:
                    _finish_plain(*case, shifted=True)
        with unusual:
            _finish_anything(*case)


def _finish_plain(
    v, finishing, sums, sums_row, grid, y, columns, epilogue, *, adding=False, shifted=False, curved=False
):
    """Emit the usual cases: codes are packed four registers at a time, of two rows or four."""
    low, high = (v.truncated(bound) + epilogue.zero for bound in (epilogue.lo, epilogue.hi))

    def value(row, at, multiplier, mask=None):
        """What a row's sums at a column are worth, by the row's numbers among results and among sums."""
        pixel, place = row
        total = v.load_sums(sums, place * sums_row + at)
        if shifted:
            total = v.add_integers(total, v.load_sum(epilogue.row_terms + pixel * epilogue.row_step))
        result, residual = finishing.scaled(total, multiplier), epilogue.residual
        if adding:
            result = finishing.with_residual(result, residual.address, pixel * residual.stride + at, mask)
        return result

    def formula(values):
        if not curved:
            return values
        variables = [v.variable(each) for each in values]
        finishing.activate(*variables)
        return [each.get() for each in variables]

    def pack(rows, at, registers):
        multipliers_ = [v.load(epilogue.multiplier, at + j * LANES) for j in range(registers)]
        values = [value(row, at + j * LANES, factor) for row in rows for j, factor in enumerate(multipliers_)]
        integers = [v.rounded(each) for each in formula(values)]
        pieces = v.quarters_in_order(v.pack_codes(integers, epilogue.zero, low, high), len(rows))
        for (pixel, _), piece in zip(rows, pieces, strict=True):
            v.store_bytes(piece, y.at(pixel, at).address)

    def single(row, at, mask=None):
        (result,) = formula([value(row, at, v.load(epilogue.multiplier, at), mask)])
        finishing.store_codes(result, y.at(row[0], at).address, 0, mask)

    def block(at, registers):
        together = 4 // registers
        whole = grid.width // together * together
        with v.loop(grid.lines) as line:
            with v.loop(whole, together) as pixel:
                pack([_row(grid, line, pixel + i) for i in range(together)], at, registers)
            with v.loop(grid.width - whole) as pixel:
                for j in range(registers):
                    single(_row(grid, line, whole + pixel), at + j * LANES)

    pairs = columns // (2 * LANES) * (2 * LANES)
    whole = columns // LANES * LANES
    with v.loop(pairs, 2 * LANES) as at:
        block(at, 2)
    with v.when(whole != pairs):
        block(pairs, 1)
    with v.when(columns != whole):
        mask = v.mask(columns - whole)
        with v.loop(grid.lines) as line, v.loop(grid.width) as pixel:
            single(_row(grid, line, pixel), whole, mask)


def _row(grid, line, pixel):
    """The numbers of a pixel's row among results and among sums."""
    return line * grid.width + pixel, line * grid.pitch + pixel


def _finish_anything(v, finishing, sums, sums_row, grid, y, columns, epilogue):
    """Emit all else, a register at a time."""
    residual, whole = epilogue.residual, columns // LANES * LANES

    def finish_register(at, mask):
        multiplier = v.load(epilogue.multiplier, at)
        with v.loop(grid.lines) as line, v.loop(grid.width) as column:
            pixel, place = _row(grid, line, column)
            total = v.variable(v.load_sums(sums, place * sums_row + at))
            with v.when(epilogue.row_step != 0):
                terms = v.load_sum(epilogue.row_terms + pixel * epilogue.row_step)
                total.set(v.add_integers(total.get(), terms))
            value = v.variable(finishing.scaled(total.get(), multiplier))
            with v.when(residual.stride != 0):
                added = finishing.with_residual(value.get(), residual.address, pixel * residual.stride + at, mask)
                value.set(added)
            finishing.activate(value)
            target = y.at(pixel, at).address
            with v.either(y.size == 1) as (as_codes, as_floats):
                with as_codes:
                    finishing.store_codes(value.get(), target, 0, mask)
                with as_floats:
                    finishing.store_floats(value.get(), target, 0, mask)

    with v.loop(whole, LANES) as at:
        finish_register(at, None)
    with v.when(whole != columns):
        finish_register(whole, v.mask(columns - whole))


@shared(**FINISH)
def finish(sums, sums_row, grid, y, columns, epilogue):
    """Results y[pixels, columns] of the sums of a grid, whose rows are ``sums_row`` integers apart."""
    _finish(sums, sums_row, grid, y, columns, epilogue)
