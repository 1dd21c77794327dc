"""Depthwise convolution of codes: the strips of `depthwise_strip` for usual kernels, pixel by pixel for all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Address
from tinyinfer.kernels.arguments.windows import Geometry, tap_range, window_geometry
from tinyinfer.kernels.base import Bound, FeatureMap, Kernel, Layer, Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.depthwise.depthwise_strip import Inside
from tinyinfer.kernels.parallel.pages import aligned_empty
from tinyinfer.kernels.parallel.parts import own_range
from tinyinfer.kernels.parallel.task import Task, task
from tinyinfer.kernels.quantized.depthwise_strip import WIDE, Bounds, ByteImage, Shape, make_strip
from tinyinfer.kernels.quantized.requantize import (
    ByteRows,
    Finishing,
    Requantize,
    Results,
    folded_bias,
    multipliers,
    signed_weight,
)
from tinyinfer.ops.quantized.convolution import QuantizedConv2d
from tinyinfer.ops.quantized.requantization import FLOAT


class Blocks(NamedTuple):
    """Channels in blocks of ``size``: where each begins, and taps, biases and multipliers in the order of its lanes."""

    starts: np.ndarray
    taps: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray


class Packed(NamedTuple):
    """A layer's weights for strips, in whole blocks and in small ones, and for single pixels."""

    wide: Blocks
    narrow: Blocks
    pixel: Blocks


class Shapes(NamedTuple):
    """Those of strips with 4 registers of channels, and with 1."""

    wide: Shape
    narrow: Shape


def shapes_of(kernel: int, stride: int) -> Shapes:
    """As many rows of outputs side by side as there are registers for, where that spares anything."""
    if stride == 1:
        return Shapes(Shape(kernel, stride, 2 if kernel == 3 else 1), Shape(kernel, stride, 2 if kernel < 7 else 1))
    return Shapes(Shape(kernel, stride, 1), Shape(kernel, stride, 1))


def wide_order() -> np.ndarray:
    """The channel of each lane of four registers, as unpacking leaves them."""
    return np.arange(WIDE).reshape(-1, 4, 4).swapaxes(0, 1).reshape(-1)


def pack_blocks(starts: np.ndarray, order: np.ndarray, shape: Shape, layer: Layer) -> Blocks:
    """Weights (C, 1, K, K) as [block, piece, register, lane, line], missing taps being 0."""
    weight, _ = signed_weight(layer)
    channels = np.minimum(starts[:, None] + order, len(weight) - 1)  # (blocks, lanes)
    padded = np.zeros((len(weight), shape.kernel + 1, shape.kernel), np.int8)  # the last row stands for what is none
    padded[:, :-1] = weight[:, 0]
    rows = {
        piece: [tap if 0 <= tap < shape.kernel else shape.kernel for tap in shape.taps(*piece[1:])]
        for piece in shape.pieces
    }
    taps = np.stack([padded[channels][:, :, rows[piece], piece[0]] for piece in shape.pieces], axis=1)
    return Blocks(starts, *map(_aligned, (taps, folded_bias(layer)[channels], multipliers(layer)[channels])))


def pack_pixels(starts: np.ndarray, layer: Layer) -> Blocks:
    """Weights (C, 1, R, S), less their zero point, as [block, tap, lane] of 32 bits, and plain biases."""
    weight, zero = signed_weight(layer)
    c, _, kh, kw = weight.shape
    channels = np.minimum(starts[:, None] + np.arange(LANES), c - 1)
    taps = (weight.astype(np.int32) - zero).reshape(c, kh * kw)[channels].swapaxes(1, 2)
    bias = layer.params.get("bias", np.zeros(c, np.int32))
    return Blocks(starts, *map(_aligned, (taps, bias[channels], multipliers(layer)[channels])))


def _aligned(array: np.ndarray) -> np.ndarray:
    """A flat copy that begins at a cache line."""
    memory = aligned_empty(-(-array.nbytes // 4)).view(array.dtype)[: array.size]
    memory[:] = array.reshape(-1)
    return memory


class Walk(NamedTuple):
    """Blocks of channels for the strips of a kernel: addresses of what `Blocks` holds, and the bytes of a block."""

    starts: np.ndarray
    taps: Address
    taps_bytes: int
    bias: Address
    multiplier: Address
    size: int

    @classmethod
    def of(cls, blocks: Blocks, size: int) -> Walk:
        """All blocks, of ``size`` channels each."""
        number = max(1, len(blocks.starts))
        arrays = (blocks.taps, blocks.bias, blocks.multiplier)
        taps, bias, multiplier = (Address.of(a if a.size else np.zeros(64, np.int8)) for a in arrays)
        return cls(blocks.starts, taps, blocks.taps.nbytes // number, bias, multiplier, size)


@inline
def of_block(epilogue, walk, block):
    """The epilogue of a block of channels; it has no residual."""
    at = block * walk.size * 4
    return epilogue.with_columns(walk.bias + at, walk.multiplier + at)


def make_depthwise(kernel: int, stride: int) -> Task:
    """Square kernels with one stride: groups of rows of outputs, all blocks of channels in each."""
    shapes = shapes_of(kernel, stride)
    wide_strip, narrow_strip = make_strip(shapes.wide, registers=4), make_strip(shapes.narrow, registers=1)
    wide_rows, narrow_rows = shapes.wide.rows, shapes.narrow.rows
    most = max(wide_rows, narrow_rows)

    @inline
    def place(x, y, geometry, image, row, channel):
        """Inputs of some rows of outputs from a channel on, which of them lie in the image, and the outputs."""
        h, w, out_h, out_w, top, left = (
            geometry.h,
            geometry.w,
            geometry.out_h,
            geometry.out_w,
            geometry.top,
            geometry.left,
        )
        iy = row * stride - top
        source, target = x.at((image * h + iy) * w - left, channel), y.at((image * out_h + row) * out_w, channel)
        return (
            ByteImage(source.address, w * x.stride, x.stride), Inside(-iy, h - iy, left, w + left),
            ByteImage(target.address, out_w * y.stride, y.stride),
        )  # fmt: skip

    @task
    def depthwise(
        part, parts, x: ByteRows, geometry: Geometry, zeros: Address, wide: Walk, narrow: Walk, y: ByteRows,
        epilogue: Requantize, bounds: Bounds, images,
    ):  # fmt: skip
        groups = -(-geometry.out_h // most)
        first, last = own_range(part, images * groups, parts)
        for group in range(first, last):
            image, oy = group // groups, group % groups * most
            end = min(geometry.out_h, oy + most)
            for row in range(oy, end, wide_rows):
                for b in range(wide.starts.size):
                    source, inside, target = place(x, y, geometry, image, row, wide.starts[b])
                    wide_strip(
                        source, inside, wide.taps + b * wide.taps_bytes, zeros, target, end - row, geometry.out_w,
                        of_block(epilogue, wide, b), bounds,
                    )  # fmt: skip
            for row in range(oy, end, narrow_rows):
                for b in range(narrow.starts.size):
                    source, inside, target = place(x, y, geometry, image, row, narrow.starts[b])
                    narrow_strip(
                        source, inside, narrow.taps + b * narrow.taps_bytes, zeros, target, end - row, geometry.out_w,
                        of_block(epilogue, narrow, b), bounds,
                    )  # fmt: skip

    return depthwise


BY_KERNEL = {(kernel, stride): make_depthwise(kernel, stride) for kernel in (3, 5, 7) for stride in (1, 2)}


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
    with v.either(y.size == 1) as (as_codes, as_floats):
        with as_codes:
            finishing.store_codes(value.get(), y.address, 0, mask)
        with as_floats:
            finishing.store_floats(value.get(), y.address, 0, mask)


@task
def depthwise_any(
    part, parts, x: ByteRows, c, geometry: Geometry, zero, blocks: Walk, y: Results, epilogue: Requantize, images
):
    """The same for every kernel size, stride, padding and dilation, and weights with a zero point."""
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
        c, _, kh, kw = layer.params["weight"].shape
        whole = c // WIDE * WIDE
        small = np.maximum(0, np.minimum(np.arange(0, c, LANES), c - LANES))
        pixels, nothing = pack_pixels(small, layer), Blocks(*[np.zeros(0, np.int64)] * 4)
        if not _has_strips(layer):
            return Packed(nothing, nothing, pixels)
        shapes = shapes_of(kh, layer.op.stride[0])  # type: ignore[attr-defined]
        wide = pack_blocks(np.arange(0, whole, WIDE), wide_order(), shapes.wide, layer)
        rest = np.minimum(np.arange(whole, c, LANES), c - LANES)
        return Packed(wide, pack_blocks(rest, np.arange(LANES), shapes.narrow, layer), pixels)

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        x, y, op, packed = inputs[0], outputs[0], self.problem.op, self.packed
        assert isinstance(op, QuantizedConv2d)
        geometry, threads = window_geometry(self.problem), self.problem.threads
        nothing = np.zeros(1, np.float32)
        epilogue = Requantize.of(op, nothing, nothing, inputs, y)
        if op.dtype == FLOAT or len(inputs) > 1 or not packed.wide.taps.size + packed.narrow.taps.size:
            blocks = Walk.of(packed.pixel, LANES)
            return depthwise_any.bind(
                threads, ByteRows.of(x), x.c, geometry, op.input_zero_point, blocks, Results.of(y), epilogue, x.n
            )
        zeros = np.full((x.w + geometry.left) * x.pixel_stride + WIDE, op.input_zero_point, np.uint8)
        return BY_KERNEL[geometry.kw, geometry.stride_w].bind(
            threads, ByteRows.of(x), geometry, Address.of(zeros), Walk.of(packed.wide, WIDE),
            Walk.of(packed.narrow, LANES), ByteRows.of(y), epilogue, Bounds(*op.bounds), x.n,
        )  # fmt: skip


def _has_strips(layer: Layer) -> bool:
    """Whether there are strips for a layer: square kernels, one stride, no dilation, weights around 0, a register of channels."""
    op = layer.op
    assert isinstance(op, QuantizedConv2d)
    (kh, kw), (down, across) = layer.params["weight"].shape[2:], op.stride
    usual = kh == kw and down == across and (kw, across) in BY_KERNEL and op.dilation == (1, 1)
    return usual and signed_weight(layer)[1] == 0 and len(layer.params["weight"]) >= LANES


KERNELS = (QuantizedDepthwise,)
