"""Depthwise convolution of codes by one tap a channel, as norms become that no layer can take in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.operands import ByteRows
from tinyinfer.kernels.arguments.windows import is_pointwise
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import Pieces, own_channels, pieces_of, worthwhile
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.depthwise.depthwise import QuantizedDepthwise
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.folding import folded_bias, multipliers, signed_weight
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results

WIDE = 4 * LANES  # codes that are packed at once


class Taps(NamedTuple):
    """For each channel the tap less its zero point, what sums begin with, and what they are worth; of 32 bits each."""

    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray


@vector_function(x=ByteRows, w="address", y=Results, rows="int", channels="int", epilogue=Requantize)
def one_tap_rows(v, x, w, y, rows, channels, epilogue):
    """y[row, i] = what becomes of bias[i] + x[row, i] * w[i]."""
    finishing, end, whole = Finishing(v, epilogue), channels // LANES * LANES, channels // WIDE * WIDE
    rest = v.mask(channels - end)
    low, high = (v.truncated(bound) + epilogue.zero for bound in (epilogue.lo, epilogue.hi))

    def value(row, at, mask=None):
        codes = v.load_codes(x.address, row * x.stride + at, mask)
        sums = v.add_integers(v.load_sums(epilogue.bias, at), v.mul_integers(codes, v.load_sums(w, at)))
        return finishing.scaled(sums, v.load(epilogue.multiplier, at))

    def pack(row, at):
        integers = [v.rounded(value(row, at + i * LANES)) for i in range(4)]
        (codes,) = v.quarters_in_order(v.pack_codes(integers, epilogue.zero, low, high), 1)
        v.store_bytes(codes, y.at(row, at).address)

    def store(row, at, mask=None):
        result, target = v.variable(value(row, at, mask)), y.at(row, at).address
        finishing.activate(result)
        finishing.store(result.get(), y.size, target, 0, mask)

    packed = v.select(epilogue.plain == 1, whole, 0)
    with v.loop(rows) as row:
        with v.loop(packed, WIDE) as at:
            pack(row, at)
        with v.loop(end - packed, LANES) as more:
            store(row, packed + more)
        with v.when(channels != end):
            store(row, end, rest)


@task
def one_tap(part, parts, x: ByteRows, w: Address, y: Results, channels, epilogue: Requantize, pieces: Pieces):
    """Each part's pixels, or its channels of them."""
    p0, p1, first, count = own_channels(part, parts, channels, pieces)
    one_tap_rows(x.at(p0, first), w + first * 4, y.at(p0, first), p1 - p0, count, epilogue.at(p0, first))


class OneTap(Kernel):
    """A factor and a summand a channel, without a residual."""

    op = "quantized_conv2d"
    name = "one_tap"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        return QuantizedDepthwise.applies(problem) and is_pointwise(problem) and len(problem.inputs) == 1

    @classmethod
    def pack(cls, layer: Layer) -> Taps:
        weight, zero = signed_weight(layer)
        taps = weight.reshape(-1).astype(np.int32) - zero
        return Taps(*map(_padded, (taps, folded_bias(layer), multipliers(layer))))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        (x,), (y,), taps = inputs, outputs, self.packed
        epilogue = Requantize.of(self.problem.op, taps.bias, taps.multiplier, inputs, y)
        pieces, parts = pieces_of(x.pixels, x.c, worthwhile(self.problem.threads, x.pixels * x.c))
        return one_tap.bind(parts, ByteRows.of(x), Address.of(taps.weight), Results.of(y), x.c, epilogue, pieces)


def _padded(values: np.ndarray) -> np.ndarray:
    """Whole registers of them."""
    memory = aligned_empty(-(-values.size // LANES) * LANES).view(values.dtype)
    memory[:] = 0
    memory[: values.size] = values
    return memory


KERNELS = (OneTap,)
