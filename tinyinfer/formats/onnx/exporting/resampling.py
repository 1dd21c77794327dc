"""Operators that change an image's size, in ONNX: transposed convolution, resizing, pixel shuffle, unpooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.formats.onnx.exporting.activations import PLAIN
from tinyinfer.formats.onnx.exporting.writer import Call
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d
from tinyinfer.ops.pooling.interpolate import CUBIC_A


def conv_transpose2d(call: Call) -> str:
    """ConvTranspose, then the fused activation."""
    params = (call.param(role) for role in ("weight", "bias") if role in call.weights)
    y = transposed_convolution(call, call.op, call.x, *params)
    return y if call.op.activation is None else PLAIN[call.op.activation](call, y)


def transposed_convolution(call: Call, op: ConvTranspose2d, x: str, *params: str) -> str:
    """ConvTranspose of these values, without an activation."""
    return call.add(
        "ConvTranspose", x, *params, strides=op.stride, pads=op.padding * 2, output_padding=op.output_padding,
        dilations=op.dilation, group=op.groups, kernel_shape=call.weights["weight"].shape[2:],
    )  # fmt: skip


def interpolate(call: Call) -> str:
    """Resize; area, which ONNX has only for whole factors, and factors that are not the sizes' ratio as matrices."""
    op, space = call.op, call.space()
    out = _known(call.out_shapes[0][2:])
    factors = op.scale_factor and not op.recompute_scale_factor
    if op.mode == "area" or (op.scale_factor and not factors):
        if space is None or out is None:
            call.refuse(f"mode {op.mode!r} with recomputed or unequal factors over free image sizes")
        return _as_matrices(call, space, out)
    attributes = _resize_attributes(op)
    if factors:
        return call.add("Resize", call.x, "", call.floats((1, 1, *op.scale_factor)), **attributes)
    if out is not None:
        sizes = call.ints(out)
    else:
        sizes = _size_of(call, call.node.inputs[1])
    both = call.add("Concat", call.shape_of(call.x, 0, 2), sizes, axis=0)
    return call.add("Resize", call.x, "", "", both, **attributes)


def _resize_attributes(op: Any) -> dict[str, Any]:
    nearest = op.mode.startswith("nearest")
    modes = {"bilinear": "linear", "bicubic": "cubic"}
    centres = "asymmetric" if op.mode == "nearest" else "align_corners" if op.align_corners else "half_pixel"
    attributes = {"mode": modes.get(op.mode, "nearest"), "coordinate_transformation_mode": centres}
    if nearest:
        # the pixel that holds the centre: floor(x + 0.5) of half_pixel's x, as "nearest-exact" has it
        return attributes | {"nearest_mode": "floor" if op.mode == "nearest" else "round_prefer_ceil"}
    return attributes | ({"cubic_coeff_a": CUBIC_A} if op.mode == "bicubic" else {})


def _as_matrices(call: Call, size: tuple[int, int], out: tuple[int, int]) -> str:
    """A matrix product from each side."""
    matrices = []
    for i in range(2):
        index, weight = call.op.taps(i, size[i], out[i])
        matrix = np.zeros((out[i], size[i]))
        np.add.at(matrix, (np.arange(out[i])[:, None], index), weight)
        matrices.append(matrix)
    rows, columns = matrices
    return call.add("MatMul", call.add("MatMul", call.floats(rows), call.x), call.floats(columns.T))


def _known(space: tuple[int | None, ...]) -> tuple[int, int] | None:
    height, width = space
    return None if height is None or width is None else (height, width)


def _size_of(call: Call, value: str) -> str:
    """Height and width of a value, worked out when the network runs."""
    return call.shape_of(value, 2, 4)


def pixel_shuffle(call: Call) -> str:
    """DepthToSpace in the order column, row, depth."""
    return call.add("DepthToSpace", call.x, blocksize=call.op.upscale_factor, mode="CRD")


def pixel_unshuffle(call: Call) -> str:
    """Reshape, Transpose, Reshape; SpaceToDepth orders the channels otherwise."""
    r, (_, c, h, w) = call.op.downscale_factor, call.out_shapes[0]
    channels = call.shapes[0][1]
    if channels is None or h is None or w is None:
        call.refuse("the number of channels or the image's size is free")
    squares = call.add("Reshape", call.x, call.ints((-1, channels, h, r, w, r)))
    moved = call.add("Transpose", squares, perm=(0, 1, 3, 5, 2, 4))
    return call.add("Reshape", moved, call.ints((-1, c, h, w)))


def max_pool2d_with_indices(call: Call) -> list[str]:
    """MaxPool, whose indices count through the whole batch: the remainder is the place in the channel."""
    op = call.op
    windows = {"kernel_shape": op.kernel_size, "strides": op.step, "dilations": op.dilation}
    space = call.space()
    if space is None and isinstance(op.padding, str):
        call.refuse(f"padding {op.padding!r} over free image sizes")
    top, bottom, left, right = op.pads(space or (0, 0))
    below, beside = op.overhang(space) if space else (0, 0)
    pads = (top, left, bottom + below, right + beside)
    if any(p >= k for p, k in zip(pads, op.kernel_size * 2, strict=True)):
        call.refuse(f"padding {pads} is not smaller than the kernel {op.kernel_size}")
    ceil = int(op.ceil_mode and space is None)
    y, at = call.add_many("MaxPool", call.x, outputs=2, **windows, pads=pads, ceil_mode=ceil)
    pixels = call.add("ReduceProd", _size_of(call, call.x), keepdims=0)
    return [y, call.add("Cast", call.add("Mod", at, pixels), to=1)]


def max_unpool2d(call: Call) -> str:
    """ScatterElements into zeros, the channels being rows of pixels."""
    out = _known(call.out_shapes[0][2:])
    if out is None and len(call.node.inputs) < 3:
        call.refuse("the image's size is free")
    size = call.ints(out) if out else _size_of(call, call.node.inputs[2])
    count = call.shape_of(call.x, 0, 2)
    pixels = call.add("ReduceProd", size, keepdims=1)
    zeros = call.add("Expand", call.floats(0), call.add("Concat", count, pixels, axis=0))
    rows = call.ints((0, 0, -1))
    values, places = (call.add("Reshape", value, rows) for value in call.node.inputs[:2])
    whole = call.add("Cast", places, to=7)
    y = call.add("ScatterElements", zeros, whole, values, axis=2)
    return call.add("Reshape", y, call.add("Concat", count, size, axis=0))


def local_response_norm(call: Call) -> str:
    """LRN for odd windows of images; for others the sums over channels are a product with a band matrix."""
    op, channels = call.op, call.shapes[0][1]
    if op.size % 2 and len(call.shapes[0]) == 4:
        return call.add("LRN", call.x, size=op.size, alpha=op.alpha, beta=op.beta, bias=op.k)
    if channels is None:
        call.refuse("the number of channels is free")
    step = np.arange(channels) - np.arange(channels)[:, None]  # from the channel of a row to that of a column
    band = (step >= -(op.size // 2)) & (step <= (op.size - 1) // 2)
    rows = call.add("Reshape", call.add("Mul", call.x, call.x), call.ints((0, 0, -1)))
    total = call.add("MatMul", call.floats(band * (op.alpha / op.size)), rows)
    power = call.add("Pow", call.add("Add", total, call.floats(op.k)), call.floats(op.beta))
    return call.add("Div", call.x, call.add("Reshape", power, call.add("Shape", call.x)))


EXPORTERS: dict[str, Callable[[Call], str | list[str]]] = {
    "conv_transpose2d": conv_transpose2d,
    "interpolate": interpolate,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "max_pool2d_with_indices": max_pool2d_with_indices,
    "max_unpool2d": max_unpool2d,
    "local_response_norm": local_response_norm,
}
