"""Pools over windows: MaxPool, AveragePool, LpPool, and MaxUnpool."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tinyinfer import ops
from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.free_shapes import reshape_to
from tinyinfer.formats.onnx.lowering.inference import all_true
from tinyinfer.formats.onnx.lowering.windows import (
    Windows,
    as_given,
    as_image,
    image_rank,
    read_volume_windows,
    read_windows,
    with_open_pad,
)
from tinyinfer.graph import Shape
from tinyinfer.ops.base import LARGEST_FLOAT
from tinyinfer.ops.dtypes import CODES, INTEGERS
from tinyinfer.ops.geometry import resolve_padding

VOLUMES = 5  # their rank
MOST_MADE = 2**22  # elements of arrays of ones, which are made while the file is read


def max_pool(call: Call) -> str | list[str]:
    """MaxPool, with the places of the maxima as a second output."""
    ceil_mode, by_columns = bool(call.attribute("ceil_mode", 0)), bool(call.attribute("storage_order", 0))
    x, dtype = call.x, call.type().dtype
    if dtype in INTEGERS and dtype not in CODES:
        call.refuse(f"MaxPool of {dtype} is not supported")
    if dtype in CODES and len(call.node.outputs) > 1:  # they are exact as float32
        x = call.apply("cast", x, dtype="float32")
    kind = call.importer.type(x).dtype
    lowest = np.iinfo(kind).min if kind in CODES else -LARGEST_FLOAT

    def pool(x: str, windows: Windows) -> list[str]:
        name = "max_pool2d" if len(call.node.outputs) < 2 else "max_pool2d_with_indices"
        x, windows = (x, windows) if ceil_mode else with_open_pad(call, x, windows, lowest)
        return call.apply_all(
            name, x, kernel_size=windows.kernel, stride=windows.stride, dilation=windows.dilation,
            padding=windows.padding, ceil_mode=ceil_mode,
        )  # fmt: skip

    if len(call.node.outputs) < 2:
        return _back(call, over_windows(call, x, lambda x, windows: pool(x, windows)[0]), dtype)
    image = as_image(call, x)
    y, at = pool(image, read_windows(call))
    return [as_given(call, _back(call, y, dtype)), as_given(call, _through_batch(call, image, at, by_columns))]


def over_windows(call: Call, x: str, pool: Callable[[str, Windows], str]) -> str:
    """A pool over lines or images, or over volumes: first over each plane, then over lines of planes."""
    if len(call.shape()) != VOLUMES:
        return as_given(call, pool(as_image(call, x), read_windows(call)))
    planes, lines = read_volume_windows(call)
    n, c, depth, *_ = call.shape()
    if not planes.see_one_pixel:
        y = pool(call.apply("flatten", x, start_dim=1, end_dim=2), planes)
        x = reshape_to(call, y, (n, c, depth, *call.shape_of(y)[2:]))
    if not lines.see_one_pixel:
        y = pool(call.apply("flatten", x, start_dim=3), lines)
        x = reshape_to(call, y, (*call.shape_of(y)[:3], *call.shape_of(x)[3:]))
    return x


def _back(call: Call, y: str, dtype: str) -> str:
    return y if call.importer.type(y).dtype == dtype else call.apply("cast", y, dtype=dtype)


def _through_batch(call: Call, x: str, at: str, by_columns: bool) -> str:
    """Places counted in each channel as ONNX counts them: through the whole batch."""
    channels = call.shape_of(x)[1]
    if is_free(channels):
        call.fix((channels,), "places of maxima count through all channels")
    places = call.apply("cast", at, dtype="int64")
    sizes = call.apply("shape", x)
    height, width = (call.apply("index", sizes, call.constant(dim, "int64")) for dim in (2, 3))
    if by_columns:
        row = call.apply("div", places, width, rounding_mode="floor")
        column = call.apply("sub", places, call.apply("mul", row, width))
        places = call.apply("add", call.apply("mul", column, height), row)
    before = call.apply("mul", _image_numbers(call, x), call.constant(channels, "int64"))
    before = call.apply("add", before, call.constant(np.arange(channels).reshape(1, -1, 1, 1), "int64"))
    return call.apply("add", places, call.apply("mul", before, call.apply("mul", height, width)))


def _image_numbers(call: Call, x: str) -> str:
    """0, 1, 2, ... for each image of a batch: (N, 1, 1, 1)."""
    batch = call.shape_of(x)[0]
    if not is_free(batch):
        return call.constant(np.arange(batch).reshape(-1, 1, 1, 1), "int64")
    corners = all_true(call, call.apply("slice", x, dim=(1, 2, 3), end=1))
    return call.apply("cumsum", call.apply("cast", corners, dtype="int64"), dim=0, exclusive=True)


def max_unpool(call: Call) -> str:
    """MaxUnpool; places count through the whole batch of outputs."""
    windows, rank = read_windows(call), image_rank(call)
    assert not isinstance(windows.padding, str)
    padding = windows.padding[::2]
    if padding != windows.padding[1::2]:
        call.refuse(f"pads that differ at beginning and end, {windows.padding}")
    x, at = as_image(call, call.x), as_image(call, call.value(1))
    attributes: dict[str, Any] = {"kernel_size": windows.kernel, "stride": windows.stride, "padding": padding}
    like: list[str] = []
    out = ops.get("max_unpool2d")(**attributes).out_size(call.shape_of(x)[2:])  # type: ignore[attr-defined]
    if call.has(2):
        wanted = call.array(2, "output_shape").tolist()[-rank:]
        out = (1, *wanted) if rank == 1 else tuple(wanted)
        if any(map(is_free, out)):
            like = [call.of_size(out)]
        else:
            attributes["output_size"] = out
    pixels = _pixel_count(call, out, like)
    whole = call.apply("div", at, pixels, rounding_mode="floor")
    in_channel = call.apply("sub", at, call.apply("mul", whole, pixels))
    positions = call.apply("cast", in_channel, dtype="float32")
    return as_given(call, call.apply("max_unpool2d", x, positions, *like, **attributes))


def _pixel_count(call: Call, out: Shape, like: list[str]) -> str:
    """Height times width, worked out in the network where it depends on the input."""
    pixels = out[0] * out[1]
    if not is_free(pixels):
        return call.constant(pixels, "int64")
    if not like:
        call.fix(out, "there is no output_shape")
    sizes = call.apply("shape", like[0])
    return call.apply("mul", *(call.apply("index", sizes, call.constant(dim, "int64")) for dim in (2, 3)))


def average_pool(call: Call) -> str:
    """AveragePool."""
    ceil_mode, counted = bool(call.attribute("ceil_mode", 0)), bool(call.attribute("count_include_pad", 0))
    return over_windows(call, call.x, lambda x, windows: _means(call, x, windows, ceil_mode, counted))


def _means(call: Call, x: str, windows: Windows, ceil_mode: bool, counted: bool) -> str:
    """The mean of each window, of those with gaps by a convolution of equal weights; ``counted`` is padding."""
    image = x
    x, windows = (x, windows) if ceil_mode else with_open_pad(call, x, windows)
    counted = counted or x != image  # what is padded before the pool is part of its image
    if windows.dilation == (1, 1):
        return call.apply(
            "avg_pool2d", x, kernel_size=windows.kernel, stride=windows.stride, padding=windows.padding,
            ceil_mode=ceil_mode, count_include_pad=counted,
        )  # fmt: skip
    padded = counted and not isinstance(windows.padding, str)
    if padded:  # what is added around the image counts then, and what windows overhang it does not
        x = call.apply("pad", x, pad=windows.padding)
        windows = replace(windows, padding=(0, 0, 0, 0))
    sums = window_sums(call, x, windows, ceil_mode)
    if counted and not padded:
        counts = call.constant(math.prod(windows.kernel), "float32")
    else:
        counts = window_sums(call, _ones(call, x), windows, ceil_mode)
    return call.apply("div", sums, counts)


def _ones(call: Call, x: str) -> str:
    """A map of ones of the size of the image."""
    size = call.shape_of(x)[2:]
    if any(map(is_free, size)) or math.prod(size) > MOST_MADE:
        return call.apply("interpolate", call.constant(np.ones((1, 1, 1, 1)), "float32"), x)
    return call.constant(np.ones((1, 1, *size)), "float32")


def window_sums(call: Call, x: str, windows: Windows, ceil_mode: bool) -> str:
    """The sum over each window of each channel; beyond the image there are zeros."""
    if windows.dilation == (1, 1):
        return call.apply(
            "avg_pool2d", x, kernel_size=windows.kernel, stride=windows.stride, padding=windows.padding,
            ceil_mode=ceil_mode, divisor_override=1,
        )  # fmt: skip
    _, channels, *size = call.shape_of(x)
    padding: Any = windows.padding
    if ceil_mode and not isinstance(padding, str):
        padding = _with_overhang(call, windows, size)
    shape = (channels, 1, *windows.kernel)
    if math.prod(shape) > MOST_MADE:
        call.refuse(f"windows of {windows.kernel} with gaps over {channels} channels")
    weight = np.ones(shape, np.float32)
    attributes = windows.conv | {"padding": padding, "groups": channels}
    return call.apply("conv2d", x, params={"weight": weight}, **attributes)


def _with_overhang(call: Call, windows: Windows, size: list[int]) -> tuple[int, ...]:
    """The padding, grown so far that windows which overhang the image in ceil_mode fit."""
    pads = list(resolve_padding(windows.padding, (size[0], size[1]), windows.kernel, windows.stride, windows.dilation))
    for i in range(2):
        before, after = pads[2 * i : 2 * i + 2]
        room = size[i] + before + after - windows.extent[i]
        if is_free(room):
            call.fix(size, "windows with gaps overhang the image in ceil_mode")
        last = min(-(-room // windows.stride[i]), (size[i] + before - 1) // windows.stride[i])
        pads[2 * i + 1] += max(last * windows.stride[i] - room, 0)
    return tuple(pads)


def lp_pool(call: Call) -> str:
    """LpPool: the p-th root of the sum of the p-th powers in each window."""
    p, ceil_mode = call.attribute("p", 2), bool(call.attribute("ceil_mode", 0))
    powers = power(call, call.x, p)
    return root(call, over_windows(call, powers, lambda x, windows: window_sums(call, x, windows, ceil_mode)), p)


def power(call: Call, x: str, p: float) -> str:
    """|x| ** p."""
    if p == 2:
        return call.apply("mul", x, x)
    size = call.apply("abs", x)
    return size if p == 1 else call.apply("pow", size, call.constant(p, call.importer.type(x).dtype))


def root(call: Call, x: str, p: float) -> str:
    """The p-th root of numbers that are not negative."""
    if p == 1:
        return x
    return call.apply("sqrt", x) if p == 2 else call.apply("pow", x, call.constant(1 / p, call.importer.type(x).dtype))


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("MaxPool", 1): max_pool,
    ("MaxUnpool", 9): max_unpool,
    ("AveragePool", 1): average_pool,
    ("LpPool", 2): lp_pool,
}
