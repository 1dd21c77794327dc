"""Pooling over windows, over the whole image and over bins."""

from __future__ import annotations

from typing import Any

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.convolution import SAME_LOWER, SAME_UPPER, window_padding
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters

FULL, VALID, UPPER, LOWER = range(4)  # pad modes
KEPT = -233  # a size of adaptive pooling that stays
NAMES = {
    0: "pooling_type", 1: "kernel_w", 2: "stride_w", 3: "pad_left", 4: "global_pooling", 5: "pad_mode",
    6: "avgpool_count_include_pad", 7: "adaptive_pooling", 8: "out_w", 11: "kernel_h", 12: "stride_h", 13: "pad_top",
    14: "pad_right", 15: "pad_bottom", 18: "out_h",
}  # fmt: skip


def _pooling(call: Call, p: Parameters) -> str:
    kind = p.integer("pooling_type")
    if kind not in (0, 1):
        call.refuse(f"pooling type {kind} is not known")
    which = ("max", "avg")[kind]
    if p.flag("global_pooling"):  # the result is a row of channels
        call.ignore(*NAMES.values())
        return call.apply("flatten", call.apply(f"adaptive_{which}_pool2d", call.x, output_size=1), start_dim=1)
    if p.flag("adaptive_pooling"):
        call.ignore(*NAMES.values())
        sizes = tuple(None if size == KEPT else size for size in p.pair("out"))
        return call.apply(f"adaptive_{which}_pool2d", call.x, output_size=sizes)
    return _windows(call, p, which)


def _windows(call: Call, p: Parameters, which: str) -> str:
    kernel, stride, mode = p.pair("kernel", least=1), p.pair("stride", 1, least=1), p.integer("pad_mode")
    pads = {UPPER: (SAME_UPPER,) * 4, LOWER: (SAME_LOWER,) * 4}.get(mode, p.pads())
    attrs: dict[str, Any] = {}
    if which == "avg":
        counted = p.flag("avgpool_count_include_pad")
        attrs["count_include_pad"] = counted or mode in (UPPER, LOWER)
        if counted and mode == FULL:  # and what overhangs as well
            attrs["divisor_override"] = kernel[0] * kernel[1]
    call.ignore(*NAMES.values())
    padding = window_padding(call, pads, kernel, stride, (1, 1))
    y = call.apply(f"{which}_pool2d", call.x, kernel_size=kernel, stride=stride, padding=padding,
                   ceil_mode=mode == FULL, **attrs)  # fmt: skip
    if mode == FULL:
        _check_size(call, y, kernel, stride, pads)
    return y


def _check_size(call: Call, y: str, kernel: tuple[int, int], stride: tuple[int, int], pads: tuple[int, ...]) -> None:
    """Raise GraphError where ncnn has a window more: one that lies outside the image, of numbers that mean nothing."""
    for i in range(2):
        size, found = int(call.shape()[2 + i]), call.shape_of(y)[2 + i]
        expected = -(-(size + pads[2 * i] + pads[2 * i + 1] - kernel[i]) // stride[i]) + 1
        if found != expected:
            raise GraphError(f"a window of {kernel} in steps of {stride} lies outside the image")


LAYERS: Layers = {"Pooling": LayerKind(_pooling, NAMES)}
