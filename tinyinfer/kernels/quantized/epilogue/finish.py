"""The steps from sums to codes, or to floats, on registers: `Requantization.finish`, rounding by rounding."""

from __future__ import annotations

from collections.abc import Sequence
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

    def with_residual(
        self, value: Any, address: Any, offset: Any = 0, mask: Any = None, rounded: bool | None = None
    ) -> Any:
        """Plus what the residual's codes are worth; what they are added to is rounded before if it is codes too.

        ``rounded`` says whether it is, where that is known.
        """
        if rounded is None:
            total = self.v.variable(value)
            with self.v.when(self.inner.rounded != 0):
                total.set(self._rounded(value))
            value = total.get()
        elif rounded:
            value = self._rounded(value)
        codes = self.v.sub_integers(self.v.load_codes(address, offset, mask), self.residual_zero)
        return self.v.add(value, self.v.mul(self.v.as_floats(codes), self.worth))

    def _rounded(self, value: Any) -> Any:
        """What the codes are worth that a residual is added to."""
        return self.v.mul(self.v.nearest(self.v.clip(value, *self.inner_bounds)), self.inner_worth)

    def activate(self, *values: Variable) -> None:
        """Apply the formula that is asked for, if one is."""
        with self.v.when(self.act != 0):
            for number, formula in NUMBERED:
                with self.v.when(self.act == number):
                    for value in values:
                        value.set(self.v.mul(formula(self.v, value.get(), None, None, None), self.steps))

    def store(self, value: Any, size: Any, address: Any, offset: Any = 0, mask: Any = None) -> None:
        """Store as codes or, where ``size`` is 4, as floats; the offset counts them."""
        with self.v.either(size == 1) as (as_codes, as_floats):
            with as_codes:
                self.store_codes(value, address, offset, mask)
            with as_floats:
                self.store_floats(value, address, offset, mask)

    def store_codes(self, value: Any, address: Any, offset: Any = 0, mask: Any = None) -> None:
        """Clip, round and store as codes; the offset counts bytes."""
        integers = self.v.nearest_integers(self.v.clip(value, self.low, self.high))
        self.v.store_codes(self.v.add_integers(integers, self.zero), address, offset, mask)

    def store_floats(self, value: Any, address: Any, offset: Any = 0, mask: Any = None) -> None:
        """Clip and store as floats, which the offset counts."""
        self.v.store_numbers("float32", self.v.clip(value, self.low, self.high), address, offset, mask)


Row = tuple[Any, Any]
FINISH = {"sums": "address", "sums_row": "int", "grid": Grid, "y": Results, "columns": "int", "epilogue": Requantize}


@vector_function(**FINISH)
def _finish(v, sums, sums_row, grid, y, columns, epilogue):
    adding, shifted = epilogue.residual.stride != 0, epilogue.row_step != 0

    def usually(**case: bool) -> None:
        _finish_plain(v, Plain(v, sums, sums_row, y, epilogue, **case), grid, columns)

    def otherwise() -> None:
        _finish_anything(v, Finishing(v, epilogue), sums, sums_row, grid, y, columns, epilogue)

    if PAIRED:  # where all sums have row terms
        fitting = v.intersection(epilogue.plain == FITTING, v.complement(adding))
        with v.either(epilogue.plain == 1) as (usual, unusual):
            with usual, v.either(adding) as (residuals, alone):
                with residuals:
                    usually(adding=True, shifted=True)
                with alone:
                    usually(shifted=True)
            with unusual, v.either(fitting) as (formulas, rest):
                with formulas:
                    usually(shifted=True, curved=True)
                with rest:
                    otherwise()
        return
    both = v.intersection(adding, shifted)
    with v.either(v.intersection(epilogue.plain != 0, v.complement(both))) as (usual, unusual):
        with usual, v.either(v.union(adding, shifted)) as (more, alone):
            with alone:
                usually()
            with more, v.either(adding) as (residuals, row_terms):
                with residuals:
                    usually(adding=True)
                with row_terms:
                    usually(shifted=True)
        with unusual:
            otherwise()


class Plain:
    """The usual cases, on registers: results are codes, packed four registers at a time, of two rows or four.

    Sums may get a residual (``adding``), row terms (``shifted``) and a formula (``curved``); ``rounded`` says whether a
    residual is added to codes, where that is known.  A row is given by its numbers among results and among sums.
    """

    def __init__(
        self, v: Any, sums: Any, sums_row: Any, y: Any, epilogue: Any, *,
        adding: bool = False, shifted: bool = False, curved: bool = False, rounded: bool | None = None,
    ) -> None:  # fmt: skip
        self.v, self.sums, self.sums_row, self.y, self.epilogue = v, sums, sums_row, y, epilogue
        self.adding, self.shifted, self.curved, self.rounded = adding, shifted, curved, rounded
        self.finishing = Finishing(v, epilogue)
        self.low, self.high = (v.truncated(bound) + epilogue.zero for bound in (epilogue.lo, epilogue.hi))

    def _value(self, row: Row, at: Any, multiplier: Any, mask: Any = None) -> Any:
        """What a row's sums at a column are worth."""
        v, (pixel, place), residual = self.v, row, self.epilogue.residual
        total = v.load_sums(self.sums, place * self.sums_row + at)
        if self.shifted:
            total = v.add_integers(total, v.load_sum(self.epilogue.row_terms + pixel * self.epilogue.row_step))
        value = self.finishing.scaled(total, multiplier)
        if self.adding:
            codes = residual.address, pixel * residual.stride + at, mask
            value = self.finishing.with_residual(value, *codes, rounded=self.rounded)
        return value

    def _formula(self, values: list[Any]) -> list[Any]:
        if not self.curved:
            return values
        variables = [self.v.variable(each) for each in values]
        self.finishing.activate(*variables)
        return [each.get() for each in variables]

    def pack(self, rows: Sequence[Row], at: Any, registers: int) -> None:
        """The results of so many registers of columns, of rows that have four together."""
        v, epilogue = self.v, self.epilogue
        multipliers = [v.load(epilogue.multiplier, at + j * LANES) for j in range(registers)]
        values = [self._value(row, at + j * LANES, factor) for row in rows for j, factor in enumerate(multipliers)]
        integers = [v.rounded(each) for each in self._formula(values)]
        pieces = v.quarters_in_order(v.pack_codes(integers, epilogue.zero, self.low, self.high), len(rows))
        for (pixel, _), piece in zip(rows, pieces, strict=True):
            v.store_bytes(piece, self.y.at(pixel, at).address)

    def single(self, row: Row, at: Any, mask: Any = None) -> None:
        """The results of one register."""
        multiplier = self.v.load(self.epilogue.multiplier, at)
        (result,) = self._formula([self._value(row, at, multiplier, mask)])
        self.finishing.store_codes(result, self.y.at(row[0], at).address, 0, mask)


def finishes_beside(epilogue: Requantize) -> bool:
    """Whether `TileRows` has this case: codes without a formula, or the sum of codes and a residual."""
    has_form = epilogue.residual.stride == 0 or epilogue.inner.rounded == 1
    return epilogue.plain == 1 and epilogue.row_step == 0 and has_form


class TileRows:
    """The rows of a tile of two registers of sums, one of the usual cases: some each time that it is asked for them.

    These are ``each`` times two of ``height`` rows, until there are none left.
    """

    def __init__(
        self, v: Any, height: int, sums: Any, sums_row: int, y: Any, epilogue: Any, each: Any, **case: bool
    ) -> None:
        self.v, self.sums_row, self.y, self.epilogue, self.each = v, sums_row, y, epilogue, each
        begin = v.int_constant(height // 2), sums, y.address, epilogue.residual.address
        self.left, self.sums, self.target, self.residual = map(v.integer_variable, begin)
        self.plain = Plain(v, sums, sums_row // 4, y, epilogue, **case)

    def some(self) -> None:
        """Emit the next of them."""
        v, left = self.v, self.left.get()
        count = v.select(left < self.each, left, self.each)
        with v.loop(count):
            residual, plain = self.epilogue.residual, self.plain
            plain.sums, plain.y = self.sums.get(), self.y._replace(address=self.target.get())
            plain.epilogue = self.epilogue._replace(residual=residual._replace(address=self.residual.get()))
            plain.pack([(0, 0), (1, 1)], 0, 2)
            self.sums.set(plain.sums + 2 * self.sums_row)
            self.target.set(plain.y.address + self.y.stride * 2)
            self.residual.set(self.residual.get() + residual.stride * 2)
        self.left.set(left - count)


def _finish_plain(v: Any, plain: Plain, grid: Any, columns: Any) -> None:
    """Emit one of the usual cases."""

    def block(at: Any, registers: int) -> None:
        together = 4 // registers
        whole = grid.width // together * together
        with v.loop(grid.lines) as line:
            with v.loop(whole, together) as pixel:
                plain.pack([_row(grid, line, pixel + i) for i in range(together)], at, registers)
            with v.loop(grid.width - whole) as pixel:
                for j in range(registers):
                    plain.single(_row(grid, line, whole + pixel), at + j * LANES)

    pairs = columns // (2 * LANES) * (2 * LANES)
    whole = columns // LANES * LANES
    with v.loop(pairs, 2 * LANES) as at:
        block(at, 2)
    with v.when(whole != pairs):
        block(pairs, 1)
    with v.when(columns != whole):
        mask = v.mask(columns - whole)
        with v.loop(grid.lines) as line, v.loop(grid.width) as pixel:
            plain.single(_row(grid, line, pixel), whole, mask)


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
            finishing.store(value.get(), y.size, target, 0, mask)

    with v.loop(whole, LANES) as at:
        finish_register(at, None)
    with v.when(whole != columns):
        finish_register(whole, v.mask(columns - whole))


@shared(**FINISH)
def finish(sums, sums_row, grid, y, columns, epilogue):
    """Results y[pixels, columns] of the sums of a grid, whose rows are ``sums_row`` integers apart."""
    _finish(sums, sums_row, grid, y, columns, epilogue)
