"""Codes of a picture right from the caller's planes: one pass over it instead of a copy to pixels and another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.kernels.arguments.operands import Address, ByteRows
from tinyinfer.kernels.base import NHWC, Bound, FeatureMap
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import Vectors, vector_function
from tinyinfer.kernels.parallel.parts import own_units, worthwhile
from tinyinfer.kernels.parallel.task import Task, task

CHANNELS = (1, 3)  # of pictures


def make_quantization(dtype: str) -> Task:
    """n pictures of c planes of ``pixels`` floats into pixels of c codes; given[0] is the address of the planes."""

    def code(v: Any, x: Any, scale: Any, zero: Any) -> Any:
        return v.add(v.round(v.div(x, scale)), zero)

    def emit(v: Any, planes: list[Any], y: Any, count: Any, scale: Any, zero: Any) -> None:
        """Pixels that lie side by side, a register of each plane at a time."""
        channels, end = len(planes), count // LANES * LANES
        with v.loop(end, LANES) as k:
            codes = [code(v, v.load(plane, k), scale, zero) for plane in planes]
            for j, vector in enumerate(v.interleave(codes)):
                v.store_numbers(dtype, vector, y, k * channels + j * LANES)
        rest = count - end
        with v.when(rest != 0):
            mask = v.mask(rest)
            codes = [code(v, v.load_masked(plane, end, mask), scale, zero) for plane in planes]
            for j, vector in enumerate(v.interleave(codes)):
                own = v.mask(rest * channels - j * LANES)
                v.store_numbers(dtype, vector, y, end * channels + j * LANES, own)

    @vector_function(x="address", plane="int", channels="int", y=ByteRows, count="int", scale="float", zero="float")
    def quantize(v, x, plane, channels, y, count, scale, zero):
        affine = v.broadcast(scale), v.broadcast(zero)
        with v.either(y.stride == channels) as (dense, apart):
            with dense:
                for number in CHANNELS:
                    with v.when(channels == number):
                        emit(v, [x + plane * (4 * i) for i in range(number)], y.address, count, *affine)
            with apart:
                single = Vectors(v.builder, lanes=1)
                one = single.broadcast(scale), single.broadcast(zero)
                with v.loop(count) as pixel, v.loop(channels) as i:
                    value = code(single, single.load(x, i * plane + pixel), *one)
                    single.store_numbers(dtype, value, y.address, pixel * y.stride + i)

    @task
    def quantize_planes(part, parts, given, n, c, pixels, y: ByteRows, scale, zero):
        p0, p1 = own_units(part, n * pixels, LANES, parts)
        for image in range(p0 // pixels, -(-p1 // pixels)):
            first, last = max(0, p0 - image * pixels), min(pixels, p1 - image * pixels)
            source = given[0] + (image * c * pixels + first) * 4
            quantize(source, pixels, c, y.at(image * pixels + first), last - first, scale, zero)

    return quantize_planes


BY_DTYPE = {dtype: make_quantization(dtype) for dtype in ("uint8", "int8")}


def bind_planes(threads: int, address: np.ndarray, y: FeatureMap, scale: float, zero: float) -> Bound:
    """The call that quantises planes, which lie at the address that the array holds, to pixels or to planes again."""
    size = (y.n, y.c, y.h * y.w) if y.layout == NHWC else (1, 1, y.pixels * y.c)
    target = ByteRows(Address.of(y.data), y.pixel_stride if y.layout == NHWC else 1)
    parts = worthwhile(threads, y.pixels * y.c)
    return BY_DTYPE[str(y.data.dtype)].bind(parts, address, *size, target, np.float32(scale), np.float32(zero))
