"""Depthwise convolution of codes: the strips of `strip` for usual kernels, pixel by pixel for all others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address, ByteImage, ByteRows
from tinyinfer.kernels.arguments.windows import Geometry, tap_range, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import address_of, at_address, inline, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.depthwise.depthwise_strip import Inside
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import task
from tinyinfer.kernels.quantized.depthwise.packing import (
    MOST_TERMS,
    Blocks,
    Walk,
    pack_pixels,
    pack_strips,
    shape_of,
    terms_of,
)
from tinyinfer.kernels.quantized.depthwise.strip import REGISTERS, STRIP, Bounds, make_strip
from tinyinfer.kernels.quantized.epilogue.finish import Finishing
from tinyinfer.kernels.quantized.epilogue.folding import multipliers
from tinyinfer.kernels.quantized.epilogue.requantize import Requantize, Results
from tinyinfer.ops.quantized.convolution import QuantizedConv2d
from tinyinfer.ops.quantized.requantization import FLOAT

SIZES, STRIDES = (3, 5, 7), (1, 2)  # of kernels that have strips
MOST_ROWS = 2  # of outputs in a strip


STRIPS = {
    (*case, terms): shared("codes_strip_{}_{}_{}_{}".format(*case, terms), **STRIP)(
        make_strip(shape_of(*case), case[-1], terms)
    )
    for *case, terms in itertools.product(SIZES, STRIDES, REGISTERS, range(1, MOST_TERMS + 1))
}
"""By kernel, stride, registers of channels and terms of a tap; each is compiled when a layer needs it."""


class Packed(NamedTuple):
    """A layer's weights: for strips of `REGISTERS`, if it has such, in so many ``terms``, and for single pixels."""

    strips: tuple[Blocks, ...]
    terms: int
    pixel: Blocks


@at_address(**STRIP)
def run_strip(function, x, inside, w, zeros, y, rows, columns, epilogue, bounds):
    """What `make_strip` has made."""


@inline
def all_blocks(x, geometry, zeros, walk, y, epilogue, bounds, image, oy, end):
    """All blocks of one size, for the rows oy .. end of the outputs of an image."""
    h, w, out_h, out_w, _, _, stride, _, top, left, _, _ = geometry
    for row in range(oy, end, walk.rows):
        iy = row * stride - top
        inside = Inside(-iy, h - iy, left, w + left)
        for b in range(walk.starts.size):
            source = x.at((image * h + iy) * w - left, walk.starts[b])
            target = y.at((image * out_h + row) * out_w, walk.starts[b])
            columns = b * walk.size * 4
            run_strip(
                walk.strip, ByteImage(source.address, w * x.stride, x.stride), inside, walk.taps + b * walk.taps_bytes,
                zeros, ByteImage(target.address, out_w * y.stride, y.stride), end - row, out_w,
                epilogue.with_columns(walk.bias + columns, walk.multiplier + columns), bounds,
            )  # fmt: skip


@task
def depthwise(
    part, parts, x: ByteRows, geometry: Geometry, zeros: Address, four: Walk, two: Walk, one: Walk, y: ByteRows,
    epilogue: Requantize, bounds: Bounds, images,
):  # fmt: skip
    """Square kernels with one stride: a few rows of outputs at a time, all blocks of channels in each."""
    groups = -(-geometry.out_h // MOST_ROWS)
    first, last = own_range(part, images * groups, parts)
    for group in range(first, last):
        image, oy = group // groups, group % groups * MOST_ROWS
        end = min(geometry.out_h, oy + MOST_ROWS)
        all_blocks(x, geometry, zeros, four, y, epilogue, bounds, image, oy, end)
        all_blocks(x, geometry, zeros, two, y, epilogue, bounds, image, oy, end)
        all_blocks(x, geometry, zeros, one, y, epilogue, bounds, image, oy, end)


@vector_function(
    x=ByteImage, rows="int", columns="int", zero="int", w="address", w_row="int", y=Results, count="int",
    epilogue=Requantize,
)  # fmt: skip
def pixel(v, x, rows, columns, zero, w, w_row, y, count, epilogue):
    """One output of a few channels, with any number of taps at any distance, all inside the image."""
    mask, finishing, zeros = v.mask(count), Finishing(v, epilogue), v.integer(zero)
    total = v.variable(v.load_sums(epilogue.bias))
    with v.loop(rows) as row, v.loop(columns) as column:
        codes = v.load_codes(x.address, row * x.row + column * x.pixel, mask)
        taps = v.load_sums(w, row * w_row + column * LANES)
        total.set(v.add_integers(total.get(), v.mul_integers(v.sub_integers(codes, zeros), taps)))
    value = v.variable(finishing.scaled(total.get(), v.load(epilogue.multiplier)))
    with v.when(epilogue.residual.stride != 0):
        value.set(finishing.with_residual(value.get(), epilogue.residual.address, 0, mask))
    finishing.activate(value)
    finishing.store(value.get(), y.size, y.address, 0, mask)


@task
def depthwise_any(
    part, parts, x: ByteRows, c, geometry: Geometry, zero, blocks: Walk, y: Results, epilogue: Requantize, images
):
    """The same for every kernel size, stride, padding and dilation, and all weights."""
    h, width, out_h, out_w, kh, kw, stride_h, stride_w, top, left, dilation_h, dilation_w = geometry
    first, last = own_range(part, images * out_h, parts)
    for p in range(first, last):
        image, oy = p // out_h, p % out_h
        iy = oy * stride_h - top
        i0, i1 = tap_range(iy, h, kh, dilation_h)
        line = (image * h + iy + i0 * dilation_h) * width
        for ox in range(out_w):
            ix = ox * stride_w - left
            j0, j1 = tap_range(ix, width, kw, dilation_w)
            to = p * out_w + ox
            for b in range(blocks.starts.size):
                at = blocks.starts[b]
                source = x.at(line + ix + j0 * dilation_w, at)
                pixel(
                    ByteImage(source.address, dilation_h * width * x.stride, dilation_w * x.stride), i1 - i0, j1 - j0,
                    zero, blocks.taps + (b * kh * kw + i0 * kw + j0) * LANES * 4, kw * LANES, y.at(to, at),
                    min(c, LANES),
                    epilogue.at(to, at).with_columns(blocks.bias + b * LANES * 4, blocks.multiplier + b * LANES * 4),
                )  # fmt: skip


class QuantizedDepthwise(Kernel):
    """One input and one output channel a group."""

    op = "quantized_conv2d"
    name = "depthwise"
    dtypes = ("uint8", "float32")
    tolerance = 1.0  # of codes, where the activation is a formula; else they are the reference's

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        op = problem.op
        assert isinstance(op, QuantizedConv2d)
        single = op.groups == problem.inputs[0][1] == problem.outputs[0][1]
        return single and {*problem.input_dtypes} == {"uint8"} and op.activation in FUSED

    @classmethod
    def pack(cls, layer: Layer) -> Packed:
        layer = Layer(layer.op, dict(layer.params))  # fetched once
        terms = terms_of(layer) if _may_have_strips(layer) else []
        return Packed(pack_strips(layer, terms) if terms else (), len(terms), pack_pixels(layer))

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, packed = inputs[0], outputs[0], self.problem.op, self.packed
        assert isinstance(op, QuantizedConv2d)
        geometry, threads = window_geometry(self.problem), self.problem.threads
        nothing = np.zeros(1, np.float32)
        epilogue = Requantize.of(op, nothing, nothing, inputs, y)
        if op.dtype == FLOAT or len(inputs) > 1 or not packed.strips:
            blocks = Walk.of(packed.pixel, LANES)
            return depthwise_any.bind(
                threads, ByteRows.of(x), x.c, geometry, op.input_zero_point, blocks, Results.of(y), epilogue, x.n
            )
        zeros = np.full((x.w + geometry.left) * x.pixel_stride + 4 * LANES, op.input_zero_point, np.uint8)
        walks = [
            Walk.of(blocks, n * LANES, *strip_of(geometry.kw, geometry.stride_w, n, packed.terms))
            if blocks.starts.size
            else Walk.of(blocks, n * LANES)
            for blocks, n in zip(packed.strips, REGISTERS, strict=True)
        ]
        return depthwise.bind(
            threads, ByteRows.of(x), geometry, Address.of(zeros), *walks, ByteRows.of(y), epilogue,
            Bounds(*op.bounds), x.n,
        )  # fmt: skip


def strip_of(kernel: int, stride: int, registers: int, terms: int) -> tuple[int, int]:
    """The address of the strip of a kernel for so many registers of channels, and its rows of outputs."""
    return address_of(STRIPS[kernel, stride, registers, terms]), shape_of(kernel, stride, registers).rows


def _may_have_strips(layer: Layer) -> bool:
    """Whether there are strips if taps have few terms: for square kernels, one stride, no dilation, enough channels.

    Nor do they take results that could leave 32 bits, which those of any useful scales are far from.
    """
    op = layer.op
    assert isinstance(op, QuantizedConv2d)
    (kh, kw), (down, across) = layer.params["weight"].shape[2:], op.stride
    usual = kh == kw and down == across and kw in SIZES and across in STRIDES and op.dilation == (1, 1)
    steps = multipliers(layer).max(initial=0) * (1.0 if op.is_clip else 1 / op.scale)
    return bool(usual and len(layer.params["weight"]) >= LANES and steps < 1)


KERNELS = (QuantizedDepthwise,)
