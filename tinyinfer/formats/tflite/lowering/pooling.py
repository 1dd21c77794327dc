"""Pooling, and MediaPipe's way back from it."""

from __future__ import annotations

from typing import Any

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.convolution import custom_integers, pair, read_padding
from tinyinfer.formats.tflite.lowering.node import ACTIVATIONS, TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import NCHW
from tinyinfer.ops.base import integer

Pair = tuple[int, int]


def _windows(call: TfliteCall) -> dict[str, Any]:
    """Kernel, stride and padding as our operators have them."""
    height, width = (integer(call.attribute(f"filter_{side}"), f"filter {side}", 1) for side in ("height", "width"))
    return {"kernel_size": (height, width), "stride": pair(call, "stride_{}"), "padding": read_padding(call)}


def average_pool_2d(call: TfliteCall) -> str:
    """AVERAGE_POOL_2D: of each window the pixels that the image has."""
    image, windows = call.nchw(), _windows(call)
    if windows["padding"] == "valid" and windows["kernel_size"] == call.shape_of(image)[2:]:
        value = call.apply("mean", image, dim=(2, 3), keepdim=True)
    else:
        value = call.apply("avg_pool2d", image, **windows, count_include_pad=False)
    return call.image(call.fused(value))


def max_pool_2d(call: TfliteCall) -> str:
    """MAX_POOL_2D."""
    return call.image(call.fused(call.apply("max_pool2d", call.nchw(), **_windows(call))))


def l2_pool_2d(call: TfliteCall) -> str:
    """L2_POOL_2D: the square root of the mean of the squares."""
    image = call.nchw()
    squares = call.apply("mul", image, image)
    means = call.apply("avg_pool2d", squares, **_windows(call), count_include_pad=False)
    return call.image(call.fused(call.apply("sqrt", means)))


def max_pooling_with_argmax_2d(call: TfliteCall) -> list[str]:
    """MediaPipe's MaxPoolingWithArgmax2D: what it says of where maxima lay is only for MaxUnpooling2D to read."""
    windows, activation = _custom_windows(call)
    value, positions = call.apply_all("max_pool2d_with_indices", call.nchw(), **windows)
    if activation:
        value = call.apply(ACTIVATIONS[activation], value)
    handle = call.placed_as(positions, NCHW)
    call.values.window_positions.add(handle)
    return [call.image(value), handle]


def max_unpooling_2d(call: TfliteCall) -> str:
    """MediaPipe's MaxUnpooling2D: values back to where MaxPoolingWithArgmax2D found them."""
    if call.value(1) not in call.values.window_positions:
        call.refuse("with positions that are not those of a MaxPoolingWithArgmax2D")
    windows, _ = _custom_windows(call)
    height, width = call.tensor().nominal[1:3] if len(call.tensor().nominal) == len(NCHW) else (0, 0)
    if min(height, width) < 1:
        raise GraphError(f"expected an image as output, found shape {call.tensor().nominal}")
    del windows["padding"]  # the output's size says it
    size = (height, width)
    return call.image(call.apply("max_unpool2d", call.nchw(), call.nchw(1), **windows, output_size=size))


def _custom_windows(call: TfliteCall) -> tuple[dict[str, Any], int]:
    """Windows and activation from TfLitePoolParams: padding, strides (width first), filter (width first)."""
    padding, across, down, width, height, activation = custom_integers(call, 6)
    if padding not in (1, 2):
        raise GraphError(f"padding: expected 1 for SAME or 2 for VALID, found {padding}")
    if activation and activation not in ACTIVATIONS:
        call.refuse(f"fused activation {activation} is not supported")
    same = "same" if padding == 1 else "valid"
    return {"kernel_size": (height, width), "stride": (down, across), "padding": same}, activation


LOWERINGS: dict[str, TfliteLowering] = {
    "AVERAGE_POOL_2D": average_pool_2d,
    "MAX_POOL_2D": max_pool_2d,
    "L2_POOL_2D": l2_pool_2d,
    "CUSTOM MaxPoolingWithArgmax2D": max_pooling_with_argmax_2d,
    "CUSTOM MaxUnpooling2D": max_unpooling_2d,
}
