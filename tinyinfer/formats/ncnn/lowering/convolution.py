"""Convolutions and transposed convolutions, whole and in groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.activations import NAMES_OF_ACTIVATION, activated
from tinyinfer.formats.ncnn.lowering.arithmetic import scaled
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.lowering.quantization import accounted, dequantized, rounded, weight_of, with_codes
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

SAME_UPPER, SAME_LOWER = -233, -234  # in the place of all four pads
Pads = tuple[int, int, int, int]  # (top, bottom, left, right)

_WINDOWS = {
    0: "num_output", 1: "kernel_w", 2: "dilation_w", 3: "stride_w", 4: "pad_left", 5: "bias_term",
    6: "weight_data_size", 7: "group", 8: "int8_scale_term", 11: "kernel_h", 12: "dilation_h", 13: "stride_h",
    14: "pad_top", 15: "pad_right", 16: "pad_bottom",
} | NAMES_OF_ACTIVATION  # fmt: skip
CONVOLUTION = _WINDOWS | {17: "impl_type", 18: "pad_value", 19: "dynamic_weight"}
DECONVOLUTION = _WINDOWS | {
    18: "output_pad_right", 19: "output_pad_bottom", 20: "output_w", 21: "output_h", 28: "dynamic_weight",
}  # fmt: skip


def _weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    """Weight as (outputs, inputs of a group, rows, columns), and bias."""
    if p.flag("dynamic_weight"):
        return {}
    outputs, groups = p.integer("num_output", least=1), p.integer("group", 1, least=1)
    kernel = p.pair("kernel", least=1)
    size = p.integer("weight_data_size", least=1)
    if size % (outputs * kernel[0] * kernel[1]) or outputs % groups:
        raise GraphError(f"expected weights for {outputs} outputs in {groups} groups of {kernel}, found {size} numbers")
    weight = weights.tagged(size)
    found = {"bias": weights.plain(outputs)} if p.flag("bias_term") else {}
    scales = None
    if term := p.integer("int8_scale_term"):
        # one for each output, or in groups one for each of those; 2 and 102: one for all
        scales = weights.plain(1 if term % 100 == 2 else groups if groups > 1 else outputs)
        found |= with_codes(weight, scales, weights.plain(1), weights.plain(1) if term > 100 else None)
    weight = dequantized(weight, scales).reshape(outputs, -1, *kernel)
    return {"weight": weight, **found}


def _convolution(call: Call, p: Parameters) -> str:
    if p.flag("dynamic_weight"):
        call.refuse("weights that are computed in each run are not supported")
    call.ignore("num_output")
    groups = p.integer("group", 1)
    _accounted(call, p)
    kernel, stride, dilation = p.pair("kernel"), p.pair("stride", 1, least=1), p.pair("dilation", 1, least=1)
    pads, value, x = p.pads(), p.number("pad_value"), rounded(call, call.x, "input_scale")
    if len(call.shape()) == 2 and kernel == (1, 1) and groups == 1:  # a row is an image of one pixel
        x = call.apply("unsqueeze", x, dim=(2, 3))
        return call.apply("flatten", _convolved(call, p, x, padding=(0, 0, 0, 0)), start_dim=1)
    padding = window_padding(call, pads, kernel, stride, dilation)
    if value != 0 and padding != (0, 0, 0, 0):
        if padding == "same":
            call.refuse("a border of a number other than 0 whose width depends on the image is not supported")
        x, padding = call.apply("pad", x, pad=padding, value=value), (0, 0, 0, 0)
    return _convolved(call, p, x, stride=stride, dilation=dilation, groups=groups, padding=padding)


def _convolved(call: Call, p: Parameters, x: str, **windows: Any) -> str:
    params = {"weight": weight_of(call), "bias": call.attribute("bias")}
    return rounded(call, activated(call, p, call.apply("conv2d", x, params=params, **windows)), "output_scale")


def _accounted(call: Call, p: Parameters) -> None:
    """What has been used when the weights were read."""
    call.ignore("bias_term", "weight_data_size", "impl_type", "int8_scale_term")


def window_padding(
    call: Call, pads: Pads, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Pads | str:
    """Borders around the input, as conv2d has them."""
    if set(pads) == {SAME_UPPER}:
        return "same"
    if set(pads) != {SAME_LOWER}:
        return pads
    rows, columns = (
        _same_lower(call, size, (k - 1) * d + 1, s)
        for size, k, s, d in zip(call.shape()[2:], kernel, stride, dilation, strict=True)
    )
    return *rows, *columns


def _same_lower(call: Call, size: int, extent: int, stride: int) -> tuple[int, int]:
    """Pixels before and after a line, the odd one before it."""
    if stride > 1 and is_free(size):
        call.fix([size], "SAME_LOWER padding with a stride goes by the size of the image")
    total = max((-(-size // stride) - 1) * stride + extent - size, 0) if stride > 1 else extent - 1
    return total - total // 2, total // 2


def _deconvolution(call: Call, p: Parameters) -> str:
    if p.flag("dynamic_weight"):
        call.refuse("weights that are computed in each run are not supported")
    outputs, groups = p.integer("num_output"), p.integer("group", 1)
    _accounted(call, p)
    if call.attribute("codes") is not None:
        accounted(call)
    # (M, C / groups, R, S) to (C, M / groups, R, S)
    given, kernel = call.attribute("weight"), p.pair("kernel")
    weight = given.reshape(groups, outputs // groups, -1, *kernel).swapaxes(1, 2)
    params = {"weight": weight.reshape(-1, outputs // groups, *kernel), "bias": call.attribute("bias")}
    stride, dilation, pads = p.pair("stride", 1, least=1), p.pair("dilation", 1, least=1), p.pads()
    right = p.integer("output_pad_right", least=0)
    more = p.integer("output_pad_bottom", right, least=0), right
    width = p.integer("output_w", least=0)
    size = p.integer("output_h", width, least=0), width
    within = all(m < max(s, d) for m, s, d in zip(more, stride, dilation, strict=True))
    attrs = {"stride": stride, "dilation": dilation, "groups": groups, "output_padding": more if within else (0, 0)}
    if min(pads) >= 0 and (pads[0], pads[2]) == (pads[1], pads[3]) and within:
        return activated(call, p, call.apply("conv_transpose2d", call.x, params=params, padding=pads[::2], **attrs))
    bias = None if within else params.pop("bias")  # what output_padding adds has it too
    y = call.apply("conv_transpose2d", call.x, params=params, **attrs)
    top, bottom, left, right = _cuts(call, y, pads, (0, 0) if within else more, size)
    return activated(call, p, scaled(call, call.apply("pad", y, pad=(-top, -bottom, -left, -right)), None, bias))


def _cuts(call: Call, y: str, pads: Pads, more: tuple[int, int], size: tuple[int, int]) -> Pads:
    """Rows and columns to be cut off a whole result that ``more`` shall be added to; negative where some are added."""
    if set(pads) not in ({SAME_UPPER}, {SAME_LOWER}):
        if min(pads) < 0:
            raise GraphError(f"pads: expected 0 or more, {SAME_UPPER} or {SAME_LOWER}, found {pads}")
        top, bottom, left, right = pads
        return top, bottom - more[0], left, right - more[1]
    cuts: list[int] = []
    for found, extra, wanted in zip(call.shape_of(y)[2:], more, size, strict=True):
        if wanted == 0:
            call.refuse("padding that depends on the size of the output needs an output of fixed size")
        if is_free(found):
            call.fix([found], "padding depends on the size of the output")
        total = found + extra - wanted
        first = total // 2 if pads[0] == SAME_UPPER else total - total // 2
        cuts += [first, total - first - extra]
    return cuts[0], cuts[1], cuts[2], cuts[3]


def _deformable(call: Call, p: Parameters) -> str:
    _accounted(call, p)
    if call.attribute("codes") is not None:
        accounted(call)
    call.ignore("num_output", "kernel_w", "kernel_h")
    params = {"weight": call.attribute("weight"), "bias": call.attribute("bias")}
    inputs = [call.value(i) for i in range(len(call.inputs))]
    y = call.apply("deform_conv2d", *inputs, params=params, stride=p.pair("stride", 1), dilation=p.pair("dilation", 1),
                   padding=p.pads())  # fmt: skip
    return activated(call, p, y)


LAYERS: Layers = {
    "Convolution": LayerKind(_convolution, CONVOLUTION, _weights),
    "ConvolutionDepthWise": LayerKind(_convolution, CONVOLUTION, _weights),
    "Deconvolution": LayerKind(_deconvolution, DECONVOLUTION, _weights),
    "DeconvolutionDepthWise": LayerKind(_deconvolution, DECONVOLUTION, _weights),
    "DeformableConv2D": LayerKind(_deformable, _WINDOWS, _weights),
}
