"""Shifts, convolutions with displaced taps, and the encoding layer, in ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import Call


def shift(call: Call) -> str:
    """A depthwise Conv with a single 1 in each kernel."""
    channels = call.shapes[0][1]
    if channels is None:
        call.refuse("the number of channels is free")
    moves = call.op.displacements(channels, call.weights)
    reach = np.abs(moves).max(axis=0)
    kernel = np.zeros((channels, 1, *(2 * reach + 1)), np.float32)
    kernel[np.arange(channels), 0, *(moves + reach).T] = 1
    pads = [int(side) for side in (*reach, *reach)]
    return call.add("Conv", call.x, call.floats(kernel), kernel_shape=kernel.shape[2:], pads=pads, group=channels)


def deform_conv2d(call: Call) -> str:
    """DeformConv."""
    op, (r, s), size = call.op, call.weights["weight"].shape[2:], call.space()
    if size is None and isinstance(op.padding, str):
        call.refuse(f"padding {op.padding!r} over free image sizes")
    top, bottom, left, right = op.pads(size or (0, 0), (r, s))
    bias = call.param("bias") if "bias" in call.weights else ""
    inputs = (call.x, call.param("weight"), call.node.inputs[1], bias, *call.node.inputs[2:])
    return call.add(
        "DeformConv", *inputs, kernel_shape=(r, s), strides=op.stride, dilations=op.dilation,
        pads=(top, left, bottom, right), group=op.groups, offset_group=op.offset_groups,
    )  # fmt: skip


def irregular_conv2d(call: Call) -> str:
    """Conv with the larger, regular kernel."""
    size = call.space()
    if size is None and isinstance(call.op.padding, str):
        call.refuse(f"padding {call.op.padding!r} over free image sizes")
    conv, kernel = call.op.regular(call.weights, size or (0, 0))
    top, bottom, left, right = conv.padding
    bias = [call.param("bias")] if "bias" in call.weights else []
    return call.add(
        "Conv", call.x, call.floats(kernel), *bias, kernel_shape=kernel.shape[2:], strides=conv.stride,
        pads=(top, left, bottom, right), group=conv.groups,
    )  # fmt: skip


def encoding(call: Call) -> str:
    """Squared distances and sums as matrix products, a Softmax between them."""
    codewords, scale = call.weights["codewords"], call.weights["scale"]
    c = codewords.shape[1]
    pixels = call.add("Reshape", call.x, call.ints((0, c, -1)))
    lengths = call.add("ReduceSum", call.add("Mul", pixels, pixels), call.ints([1]), keepdims=1)
    doubled = call.add("MatMul", call.floats(-2 * codewords), pixels)
    squares = call.add("Add", call.add("Add", lengths, doubled), call.floats(np.square(codewords).sum(1)[:, None]))
    shares = call.add("Softmax", call.add("Mul", squares, call.floats(scale[:, None])), axis=1)
    sums = call.add("MatMul", shares, call.add("Transpose", pixels, perm=(0, 2, 1)))
    totals = call.add("ReduceSum", shares, call.ints([2]), keepdims=1)
    return call.add("Sub", sums, call.add("Mul", totals, call.param("codewords")))


EXPORTERS: dict[str, Callable[[Call], str]] = {
    "shift": shift,
    "sparse_shift": shift,
    "deform_conv2d": deform_conv2d,
    "irregular_conv2d": irregular_conv2d,
    "encoding": encoding,
}
