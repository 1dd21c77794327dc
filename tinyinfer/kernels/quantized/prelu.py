"""PReLU of codes: a step is worth one number above the zero point, and one for each channel below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.ops.quantized.prelu import QuantizedPrelu


@struct
class Slopes(NamedTuple):
    """The zero point, what a step is worth above it, and the numbers for below, a float for each channel."""

    zero: int
    above: float
    below: Address


@vector_function(x=ByteRows, slopes=Slopes, y=Results, rows="int", channels="int", epilogue=Requantize)
def prelu_rows(v, x, slopes, y, rows, channels, epilogue):
    """Rows of codes to rows of codes or floats."""
    finishing, end = Finishing(v, epilogue), channels // LANES * LANES
    zero, above, rest = v.integer(slopes.zero), v.broadcast(slopes.above), v.mask(channels - end)

    def some(row, at, mask):
        steps = v.as_floats(v.sub_integers(v.load_codes(x.address, row * x.stride + at, mask), zero))
        worth = v.where_positive(steps, above, v.load(slopes.below, at))
        value, target = v.variable(v.mul(steps, worth)), y.at(row, at).address
        finishing.activate(value)
        finishing.store(value.get(), y.size, target, 0, mask)

    with v.loop(rows) as row:
        with v.loop(end, LANES) as at:
            some(row, at, None)
        with v.when(channels != end):
            some(row, end, rest)


@task
def prelu(part, parts, x: ByteRows, slopes: Slopes, y: Results, channels, epilogue: Requantize, pieces: Pieces):
    """Each part's rows, or its channels of them."""
    p0, p1, first, count = own_channels(part, parts, channels, pieces)
    own = Slopes(slopes.zero, slopes.above, slopes.below + first * 4)
    prelu_rows(x.at(p0, first), own, y.at(p0, first), p1 - p0, count, epilogue)


class QuantizedPreluCodes(Kernel):
    """Images or matrices of codes."""

    op = "quantized_prelu"
    name = "codes"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        assert isinstance(problem.op, QuantizedPrelu)
        return {*problem.input_dtypes} == {"uint8"} and problem.op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> np.ndarray:
        """What a step below the zero point is worth, a number for each channel or one for all."""
        assert isinstance(layer.op, QuantizedPrelu)
        return np.asarray(layer.op.worths(layer.params["weight"]) / layer.op.unit, np.float32)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), op = inputs, outputs, self.problem.op
        assert isinstance(op, QuantizedPrelu)
        below = aligned_empty(-(-x.c // LANES) * LANES)
        below[:] = 0
        below[: x.c] = self.packed
        slopes = Slopes(op.input_zero_point, np.float32(op.input_scale / op.unit), Address.of(below))
        nothing = np.zeros(1, np.float32)
        pieces, parts = pieces_of(x.pixels, x.c, worthwhile(self.problem.threads, x.pixels * x.c))
        return prelu.bind(
            parts, ByteRows.of(x), slopes, Results.of(y), x.c, Requantize.of(op, nothing, nothing, inputs, y), pieces
        )


KERNELS = (QuantizedPreluCodes,)
