"""From integer sums to codes: the epilogue of quantised layers, step by step as `Requantization.finish` has it.

Sums begin with a bias from which what zero points add is folded, so that kernels multiply codes as they lie:

    sum (x - x_zero) (w - w_zero) + bias = sum x w - w_zero sum x + (bias - x_zero sum (w - w_zero))

The term in the middle is there only for weights with a zero point, and the same for all outputs of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import clip_and_formula
from tinyinfer.kernels.arguments.operands import ByteRows as ByteRows
from tinyinfer.kernels.base import FeatureMap, Layer
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import Variable, vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.pointwise_math.fused_activation import NUMBERED
from tinyinfer.ops.quantized.requantization import FLOAT, Requantization
from tinyinfer.ops.quantized.weights import LARGEST_CODE, LARGEST_SUM, QuantizedLayer

FITTING = 2 if PAIRED else 0  # says `Requantize.plain` of a formula whose results fit 32 bits


@struct
class Results(NamedTuple):
    """Rows of codes, or of floats where ``size`` is 4; the next one begins ``stride`` bytes on."""

    address: Address
    stride: int
    size: int

    @classmethod
    def of(cls, pixels: FeatureMap) -> Results:
        """The pixels of a whole batch, a row each."""
        size = pixels.data.itemsize
        return cls(Address.of(pixels.data), pixels.pixel_stride * size, size)

    def at(self, row: int, column: int = 0) -> Results:
        """The part that begins at a row and a column."""
        return Results(self.address + (row * self.stride + column * self.size), self.stride, self.size)


@struct
class Inner(NamedTuple):
    """The codes that a residual is added to, where ``rounded`` is 1: what they are worth, and their bounds.

    Bounds are those of codes less their zero point; where it is 0, sums are not rounded before.
    """

    rounded: int
    worth: float
    lo: float
    hi: float

    @classmethod
    def of(cls, op: QuantizedLayer) -> Inner:
        """That of a layer with a residual."""
        if op.inner_scale is None:
            return NOTHING_INSIDE
        inner, addition = op.inner, op.addition
        zero, (low, high) = inner.zero_point, inner.bounds
        worth = np.float32(addition.worths()[0] / addition.unit)
        return cls(1, worth, np.float32(low - zero), np.float32(high - zero))


NOTHING_INSIDE = Inner(0, np.float32(0), np.float32(0), np.float32(0))


@struct
class Requantize(NamedTuple):
    """What becomes of sums: they are scaled, a residual is added, then come the activation, rounding and zero point.

    Sums begin with ``bias``, an int32 for each column.  A residual whose stride is 0 is none; of a row term, an int32
    for each row, there is none where ``row_step`` is 0, and else that is 4.  Bounds are those of the result less
    ``zero``.  A formula (`epilogue`) is that of the number ``act``; its result is multiplied by ``steps``.  Where codes
    are made without one, and of values that fit 32 bits before they are clipped, ``plain`` is 1; with one, `FITTING`.
    """

    bias: Address
    multiplier: Address
    row_terms: Address
    row_step: int
    residual: ByteRows
    residual_zero: int
    residual_worth: float
    inner: Inner
    act: int
    steps: float
    lo: float
    hi: float
    zero: int
    plain: int

    @classmethod
    def of(
        cls, op: Requantization, bias: np.ndarray, multiplier: np.ndarray, inputs: Sequence[FeatureMap],
        output: FeatureMap,
    ) -> Requantize:  # fmt: skip
        """That of a layer whose second input, if there is one, is the residual."""
        lo, hi, act = clip_and_formula(op.activation)
        zero, steps, to_codes = 0, 1.0, op.dtype != FLOAT
        if to_codes:
            zero, (low, high) = op.zero_point, op.bounds
            lo, hi = np.float32(low - zero), np.float32(high - zero)
        if to_codes and act:
            steps = 1 / op.scale
        residual, residual_zero, worth, inner = ByteRows(Address.of(output.data), 0), 0, 0.0, NOTHING_INSIDE
        if len(inputs) > 1:
            assert isinstance(op, QuantizedLayer)
            residual, residual_zero = ByteRows.of(inputs[1]), op.residual_zero_point
            inner, addition = Inner.of(op), op.addition
            worth = (op.residual_scale if op.inner_scale is None else addition.worths()[1]) / op.unit
        fits = (2**31 * float(multiplier.max(initial=0)) + LARGEST_CODE * worth) * max(steps, 1) < LARGEST_SUM
        bias_, multiplier_ = Address.of(bias), Address.of(multiplier)
        return cls(
            bias_, multiplier_, bias_, 0, residual, residual_zero, np.float32(worth), inner, act, np.float32(steps),
            lo, hi, zero, 0 if not (to_codes and fits) else 1 if not act else FITTING,
        )  # fmt: skip

    def at(self, row: int, column: int = 0) -> Requantize:
        """That of the part of the results that begins at a row and a column."""
        return Requantize(
            self.bias + column * 4, self.multiplier + column * 4, self.row_terms + row * self.row_step, self.row_step,
            self.residual.at(row, column), self.residual_zero, self.residual_worth, self.inner, self.act, self.steps,
            self.lo, self.hi, self.zero, self.plain,
        )  # fmt: skip

    def with_row_terms(self, address: Address) -> Requantize:
        """The same with a term for each row, the first of them at an address."""
        return Requantize(
            self.bias, self.multiplier, address, 4, self.residual, self.residual_zero, self.residual_worth, self.inner,
            self.act, self.steps, self.lo, self.hi, self.zero, self.plain,
        )  # fmt: skip

    def with_columns(self, bias: Address, multiplier: Address) -> Requantize:
        """The same with another bias and multiplier."""
        return Requantize(
            bias, multiplier, self.row_terms, self.row_step, self.residual, self.residual_zero, self.residual_worth,
            self.inner, self.act, self.steps, self.lo, self.hi, self.zero, self.plain,
        )  # fmt: skip


def signed_weight(layer: Layer) -> tuple[np.ndarray, int]:
    """Weights as int8, and their zero point: those of older files are uint8."""
    op, weight = layer.op, layer.params["weight"]
    assert isinstance(op, QuantizedLayer)
    if weight.dtype == np.uint8:
        return (weight ^ np.uint8(128)).view(np.int8), op.weight_zero_point - 128
    return weight.view(np.int8), op.weight_zero_point


def folded_bias(layer: Layer) -> np.ndarray:
    """What the sums of each output channel begin with, int32: the bias, less what the input's zero point adds."""
    weight, zero = signed_weight(layer)
    op, bias = layer.op, layer.params.get("bias")
    assert isinstance(op, QuantizedLayer)
    rows = weight.reshape(len(weight), -1)
    sums = rows.sum(axis=1, dtype=np.int64) - rows.shape[1] * zero
    folded = (0 if bias is None else bias.astype(np.int64)) - op.input_zero_point * sums
    return folded.astype(np.int32)  # which wraps around as the sums that are added to it do


def multipliers(layer: Layer) -> np.ndarray:
    """What a unit of each output channel's sums is worth, float32."""
    op = layer.op
    assert isinstance(op, QuantizedLayer)
    return np.asarray(op.worths(layer.params["weight_scale"]) / op.inner.unit, np.float32)


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
