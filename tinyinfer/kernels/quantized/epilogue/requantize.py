"""What becomes of sums, as kernels are told: the argument that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import clip_and_formula
from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.base import FeatureMap
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.codegen.structs import Address, struct
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
