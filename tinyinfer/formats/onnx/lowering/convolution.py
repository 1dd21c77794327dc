"""Conv and DeformConv."""

from __future__ import annotations

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.windows import as_given, as_image, read_windows, with_open_pad


def conv(call: Call) -> str:
    """Conv: over images, or over lines as images one pixel high."""
    call.array(1, "weight")
    if call.has(2):
        call.array(2, "bias")
    return convolve(call, call.x, call.value(1), call.value(2) if call.has(2) else None)


def convolve(call: Call, x: str, weight: str, bias: str | None) -> str:
    """The convolution that a node's attributes ask for, of these values; weight and bias are known."""
    x, windows = with_open_pad(call, x, read_windows(call, call.shape_of(weight)))
    params = {"weight": as_image(call, weight), "bias": bias}
    groups = call.attribute("group", 1)
    return as_given(call, call.apply("conv2d", as_image(call, x), params=params, groups=groups, **windows.conv))


def deform_conv(call: Call) -> str:
    """DeformConv, whose offset is (dy, dx) by tap as torchvision has it."""
    call.array(1, "weight")
    windows = read_windows(call, call.shape(1))
    params = {"weight": call.value(1), "bias": call.value(3) if call.has(3) else None}
    if call.has(3):
        call.array(3, "bias")
    groups = {"groups": call.attribute("group", 1), "offset_groups": call.attribute("offset_group", 1)}
    mask = [call.value(4)] if call.has(4) else []
    return call.apply("deform_conv2d", call.x, call.value(2), *mask, params=params, **groups, **windows.conv)


LOWERINGS: dict[tuple[str, int], Lowering] = {("Conv", 1): conv, ("DeformConv", 19): deform_conv}
