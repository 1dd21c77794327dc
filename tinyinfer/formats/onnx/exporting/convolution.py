"""Convolutions in ONNX."""

from __future__ import annotations

from typing import Any

from tinyinfer.formats.onnx.exporting.activations import epilogue
from tinyinfer.formats.onnx.exporting.writer import AUTO_PAD, Call
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.geometry import PADDING_MODES


def conv2d(call: Call) -> str:
    """Conv, the fused epilogue as nodes after it."""
    y = convolution(call, call.op, call.x, *(call.param(role) for role in ("weight", "bias") if role in call.weights))
    return epilogue(call, y, call.node.inputs[1:])


def convolution(call: Call, op: Conv2d, x: str, *params: str) -> str:
    """Conv of these values, without an epilogue; padding by other than zeros becomes a Pad before it."""
    kernel = call.weights["weight"].shape[2:]
    attributes: dict[str, Any] = {"strides": op.stride, "dilations": op.dilation, "group": op.groups}
    attributes["kernel_shape"] = kernel
    space = call.space()
    if isinstance(op.padding, str) and space is None:
        if op.padding_mode != "zeros":
            call.refuse(f"padding {op.padding!r} by {op.padding_mode} over free image sizes")
        attributes["auto_pad"] = AUTO_PAD[op.padding]  # decided when the size is known, like TensorFlow's
    else:
        top, bottom, left, right = op.pads(space or (0, 0), kernel)
        if op.padding_mode == "zeros":
            attributes["pads"] = (top, left, bottom, right)
        else:
            pads = call.ints((0, 0, top, left, 0, 0, bottom, right))
            x = call.add("Pad", x, pads, mode=PADDING_MODES[op.padding_mode])
    return call.add("Conv", x, *params, **attributes)


EXPORTERS = {"conv2d": conv2d}
