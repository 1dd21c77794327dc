"""ShuffleNet V2+: V2 with the activations and attention of MobileNet V3, its kernels found by search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.blocks.shuffle_unit import depthwise_separable, even_and_odd, shuffle_branch
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

# authors' release: channels of stages 1 to 4
CHANNELS: dict[str, tuple[int, int, int, int]] = {
    "small": (36, 104, 208, 416),
    "medium": (48, 128, 256, 512),
    "large": (68, 168, 336, 672),
}

XCEPTION = 0

# authors' release: the kernel of each unit, the first of a stage with stride 2; XCEPTION is three separable 3x3
UNITS: tuple[Sequence[int], ...] = (
    (3, 3, XCEPTION, 5),
    (5, 5, 3, 3),
    (7, 3, 7, 5, 5, 3, 7, 3),
    (7, 5, XCEPTION, 7),
)
STEM, HEAD = 16, 1280


def build(
    *,
    num_classes: Count = 1000,
    size: Literal["small", "medium", "large"] = "small",
    width: Factor = 1.0,
    units: Sequence[Sequence[int]] = UNITS,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of the authors' release; ``width`` scales the channels of ``size``.

    The first stage has ReLU, all else h-swish; stages 3 and 4 have squeeze-and-excitation, and so has the pooled
    output.  ``small_input`` gives the first convolution stride 1.
    """
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    swish, relu = Style("hardswish", padding, eps), Style("relu", padding, eps)
    x = conv_bn_act(b, x, STEM, 3, names=sequential("first_conv"), style=swish, stride=1 if small_input else 2)
    index = 0
    for stage, (channels, kernels) in enumerate(zip(CHANNELS[size], units, strict=True)):
        # more than in the stage before, and even for the split
        channels = max(make_divisible(channels * width, 4), b.channels(x) + 4)
        style = swish if stage else relu
        for i, kernel in enumerate(kernels):
            x = _unit(b, x, channels, kernel, f"features.{index}", 2 if i == 0 else 1, style, attention=stage >= 2)
            index += 1
    x = conv_bn_act(b, x, HEAD, 1, names=sequential("conv_last"), style=swish)
    x = b.adaptive_avg_pool2d(x, name="globalpool")
    x = b.flatten(_attention("LastSE", HEAD)(b, x))
    x = b.activation(b.linear(x, HEAD, name="fc.0", bias=False), "hardswish", name="fc.1")
    x = b.dropout(x, dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="classifier.0", bias=False))


def _unit(
    b: Builder, x: str, channels: int, kernel: int, name: str, stride: int, style: Style, *, attention: bool
) -> str:
    """A unit of V2 in the authors' form: even channels pass by, odd ones are worked on."""
    inner, window = channels // 2, kernel or 3
    if stride == 2:
        left = depthwise_separable(b, x, b.channels(x), window, name=f"{name}.branch_proj", style=style, stride=stride)
        right = x
    else:
        left, right = even_and_odd(b, x, name=name)
    main, rest = f"{name}.branch_main", channels - b.channels(left)
    if kernel == XCEPTION:
        for i, out in enumerate((inner, inner, rest)):
            step = stride if i == 0 else 1
            right = depthwise_separable(b, right, out, window, name=main, style=style, stride=step, first=5 * i)
    else:
        right = shuffle_branch(b, right, inner, rest, kernel, name=main, style=style, stride=stride)
    if attention:
        right = _attention(f"{main}.{15 if kernel == XCEPTION else 8}", rest)(b, right)
    return b.concat(left, right, name=f"{name}.concat")


def _attention(name: str, channels: int) -> SqueezeExcite:
    layers = ("SE_opr.1", "SE_opr.4")
    return SqueezeExcite(name, channels // 4, gate="hardsigmoid", bias=False, layers=layers, norm="SE_opr.2")


FAMILIES = (
    Family(
        name="shufflenet_v2_plus",
        paper="ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        year=2019,
        build=build,
        variants=(
            Variant("shufflenet_v2_plus_small", params=5_137_116, macs=155_845_008),
            Variant("shufflenet_v2_plus_medium", {"size": "medium"}, params=5_679_840, macs=222_249_984),
            Variant("shufflenet_v2_plus_large", {"size": "large"}, params=6_768_220, macs=360_050_704),
        ),
    ),
)
