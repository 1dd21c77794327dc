"""Convolutions, the padding before them, and the blocks that TensorFlow cuts images into around dilated ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import Batched
from tinyinfer.ops.base import integer
from tinyinfer.ops.geometry import same_padding

SAME, VALID = 0, 1

OIHW = (0, 3, 1, 2)  # of weights (O, H, W, I)
DEPTHWISE_OIHW = (3, 0, 1, 2)  # of weights (1, H, W, O)
IOHW = (3, 0, 1, 2)  # of weights (O, H, W, I), for transposed convolutions

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]


class Window(NamedTuple):
    """How a kernel moves over an image."""

    kernel: Pair
    stride: Pair
    dilation: Pair = (1, 1)


def pair(call: TfliteCall, name: str) -> Pair:
    """(height, width) of an option that the schema has for each."""
    height, width = (integer(call.attribute(name.format(side)), name.format(side), least=1) for side in "hw")
    return height, width


def read_padding(call: TfliteCall) -> str:
    """ "same" or "valid"."""
    padding = call.attribute("padding")
    if padding not in (SAME, VALID):
        raise GraphError(f"padding: expected {SAME} for SAME or {VALID} for VALID, found {padding}")
    return "same" if padding == SAME else "valid"


def conv_2d(call: TfliteCall) -> str:
    """CONV_2D: weights (O, H, W, I / groups)."""
    call.ignore("quantized_bias_type")
    weight = call.weight(1, OIHW, "oihw")
    channels, taken = call.channels(), call.shape_of(weight)[1]
    if taken == 0 or channels % taken:
        raise GraphError(f"weight of {taken} input channels for an image of {channels}")
    return _convolution(call, weight, channels // taken)


def depthwise_conv_2d(call: TfliteCall) -> str:
    """DEPTHWISE_CONV_2D: weights (1, H, W, O), of which so many follow one another for each input channel."""
    call.ignore("depth_multiplier")  # the shapes say it
    return _convolution(call, call.weight(1, DEPTHWISE_OIHW, "oihw"), call.channels())


def _convolution(call: TfliteCall, weight: str, groups: int) -> str:
    _, _, height, width = call.shape_of(weight)
    window = Window((height, width), pair(call, "stride_{}"), pair(call, "dilation_{}_factor"))
    batched = call.values.batched.get(call.value(0))
    source, padding = _in_blocks(call, window, batched) if batched else _source(call, window)
    block = batched.block if batched else (1, 1)
    value = call.apply(
        "conv2d",
        source,
        params={"weight": weight, "bias": call.optional(2)},
        stride=window.stride,
        padding=padding,
        dilation=tuple(d * b for d, b in zip(window.dilation, block, strict=True)),
        groups=groups,
    )
    value = call.activated(value)
    if not batched:
        return call.image(value)
    handle = f"{value} in blocks"
    call.values.batched[handle] = Batched(value, block, (0, 0, 0, 0))
    return handle


def _source(call: TfliteCall, window: Window) -> tuple[str, Pads | str]:
    """The image that is read, and the zeros around it: those of a PAD before are added to the operator's own."""
    padding, image = read_padding(call), call.nchw()
    before = call.values.padded.get(image)
    if before is None:
        return image, "same" if padding == "same" else (0, 0, 0, 0)
    size = call.shape()[1:3]
    if padding == "same" and any(map(is_free, size)):
        return image, "same"
    own = explicit_pads(size, window) if padding == "same" else (0, 0, 0, 0)
    return before.source, _sum(before.pads, own)


def explicit_pads(size: Sequence[int], window: Window) -> Pads:
    """What SAME is for an image of this size."""
    sides = zip(size, *window, strict=True)
    (top, bottom), (left, right) = (same_padding(size, k, stride, dilation) for size, k, stride, dilation in sides)
    return top, bottom, left, right


def _sum(a: Sequence[int], b: Sequence[int]) -> Pads:
    top, bottom, left, right = (m + n for m, n in zip(a, b, strict=True))
    return top, bottom, left, right


def _in_blocks(call: TfliteCall, window: Window, batched: Batched) -> tuple[str, Pads]:
    """A convolution inside of blocks: one of the whole image whose taps are a block apart."""
    if window.stride != (1, 1):
        call.refuse("a convolution with strides inside of SPACE_TO_BATCH_ND")
    # of stride 1, so that SAME depends on the kernel alone
    own = explicit_pads((1, 1), window) if read_padding(call) == "same" else (0, 0, 0, 0)
    down, across = batched.block
    return batched.source, _sum(batched.pads, (own[0] * down, own[1] * down, own[2] * across, own[3] * across))


def space_to_batch_nd(call: TfliteCall) -> str:
    """SPACE_TO_BATCH_ND: remembered until the convolution inside of it comes."""
    image, block, pads = call.nchw(), call.fixed(1, "block"), call.fixed(2, "paddings")
    if len(block) != 2 or len(pads) != 4 or min(block) < 1 or min(pads) < 0:
        raise GraphError(f"expected blocks of 2 sizes and paddings of 2 x 2, found {block} and {pads}")
    handle = f"{call.name} in blocks"
    call.values.batched[handle] = Batched(image, (block[0], block[1]), (pads[0], pads[1], pads[2], pads[3]))
    return handle


def batch_to_space_nd(call: TfliteCall) -> str:
    """BATCH_TO_SPACE_ND behind such a convolution: the image is whole already, and what ``crops`` says is cut off."""
    batched = call.values.batched.get(call.value(0))
    if batched is None or any(batched.pads):
        call.refuse("known only behind SPACE_TO_BATCH_ND and a convolution")
    block, crops = call.fixed(1, "block"), call.fixed(2, "crops")
    if block != batched.block or len(crops) != 4 or min(crops) < 0:
        raise GraphError(f"expected blocks of {batched.block} and crops of 2 x 2, found {block} and {crops}")
    if not any(crops):
        return call.image(batched.source)
    return call.image(call.apply("pad", batched.source, pad=tuple(-crop for crop in crops)))


def transpose_conv(call: TfliteCall) -> str:
    """TRANSPOSE_CONV: the output's shape, weights (O, H, W, I), the image, maybe a bias."""
    call.ignore("quantized_bias_type")
    size = call.fixed(0, "output shape")
    if len(size) != 4:
        raise GraphError(f"expected an output shape of 4 sizes, found {size}")
    stride, same = pair(call, "stride_{}"), read_padding(call) == "same"
    value = _transposed(call, call.nchw(2), (size[1], size[2]), stride, same, call.optional(3))
    return call.image(call.activated(value))


def convolution_2d_transpose_bias(call: TfliteCall) -> str:
    """MediaPipe's Convolution2DTransposeBias: the image, weights (O, H, W, I), a bias."""
    padding, height, width = custom_integers(call, 3)
    if padding not in (1, 2) or min(height, width) < 1:
        raise GraphError(f"expected padding 1 or 2 and strides from 1 on, found {padding}, {height} and {width}")
    kernel, size = call.array(1, "weight").shape[1:3], call.shape()[1:3]
    stride, same = (height, width), padding == 1
    out = [n * s + (0 if same else max(k - s, 0)) for n, s, k in zip(size, stride, kernel, strict=True)]
    return call.image(_transposed(call, call.nchw(), (out[0], out[1]), stride, same, call.optional(2)))


def custom_integers(call: TfliteCall, count: int) -> tuple[int, ...]:
    """The first so many int32 of a custom operator's options."""
    data = call.attribute("custom_options", b"")
    if len(data) < 4 * count:
        raise GraphError(f"expected {4 * count} bytes of options, found {len(data)}")
    return tuple(np.frombuffer(data[: 4 * count], "<i4").tolist())


def _transposed(call: TfliteCall, image: str, size: Pair, stride: Pair, same: bool, bias: str | None) -> str:
    """A transposed convolution whose output has this size: what is too much at its end is cut off.

    At its beginning so much is cut off as ``same`` would pad the output, were it the input of a convolution.
    """
    weight = call.weight(1, IOHW, "iohw")
    _, _, height, width = call.shape_of(weight)
    kernel = (height, width)
    top, _, left, _ = explicit_pads(size, Window(kernel, stride)) if same else (0, 0, 0, 0)
    whole = [(n - 1) * s + k for n, s, k in zip(call.shape_of(image)[2:], stride, kernel, strict=True)]
    missing = [want - (n - 2 * cut) for want, n, cut in zip(size, whole, (top, left), strict=True)]
    inside = [min(max(more, 0), s - 1) for more, s in zip(missing, stride, strict=True)]
    value = call.apply(
        "conv_transpose2d",
        image,
        params={"weight": weight, "bias": bias},
        stride=stride,
        padding=(top, left),
        output_padding=tuple(inside),
    )
    below, beside = (more - extra for more, extra in zip(missing, inside, strict=True))
    if below > 0 or beside > 0:
        call.refuse(f"an output of {size[0]}x{size[1]} that reaches past all of its windows")
    return call.apply("pad", value, pad=(0, below, 0, beside)) if below or beside else value


LOWERINGS: dict[str, TfliteLowering] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
    "SPACE_TO_BATCH_ND": space_to_batch_nd,
    "BATCH_TO_SPACE_ND": batch_to_space_nd,
    "CUSTOM Convolution2DTransposeBias": convolution_2d_transpose_bias,
}
