"""AsymmNet: MobileNet V3 whose expansions reuse their input (Yang et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, conv_bn_act, sequential
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[Any]

# paper, table 2 (large): kernel k, expanded channels, channels out, squeeze-and-excitation, activation, stride s
LARGE: tuple[Row, ...] = (
    (3, 16, 16, False, "relu", 1),
    (3, 64, 24, False, "relu", 2),
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hardswish", 2),
    (3, 200, 80, False, "hardswish", 1),
    (3, 184, 80, False, "hardswish", 1),
    (3, 184, 80, False, "hardswish", 1),
    (3, 480, 112, True, "hardswish", 1),
    (3, 672, 112, True, "hardswish", 1),
    (5, 672, 160, True, "hardswish", 2),
    (5, 960, 160, True, "hardswish", 1),
    (5, 960, 160, True, "hardswish", 1),
)

# the same columns of the small one
SMALL: tuple[Row, ...] = (
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hardswish", 2),
    (5, 240, 40, True, "hardswish", 1),
    (5, 240, 40, True, "hardswish", 1),
    (5, 120, 48, True, "hardswish", 1),
    (5, 144, 48, True, "hardswish", 1),
    (5, 288, 96, True, "hardswish", 2),
    (5, 576, 96, True, "hardswish", 1),
    (5, 576, 96, True, "hardswish", 1),
)

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[Row, ...] = (
    (3, 16, 16, True, "relu", 2),
    (3, 64, 24, False, "relu", 1),
    (3, 72, 24, False, "relu", 1),
    (5, 96, 40, True, "hardswish", 2),
    (5, 120, 40, True, "hardswish", 1),
    (5, 192, 64, True, "hardswish", 2),
    (5, 256, 64, True, "hardswish", 1),
)
CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "head": 256,
    "last": 192,
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = LARGE,
    asymmetry: Literal[0, 1, 2] = 1,
    stem: Count = 16,
    head: Count = 960,
    last: Count = 1280,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of the paper's table.

    ``width`` scales all channels but the ``last`` layer's; ``asymmetry`` is the paper's r, how often the input
    stands on each side of what the first 1x1 makes (0: MobileNet V3's block); ``small_input`` gives the first
    convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("hardswish", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stride = 1 if small_input else 2
    x = conv_bn_act(b, x, _whole(stem * width), 3, names=sequential("first_block"), style=style, stride=stride)
    for i, (kernel, expanded, channels, squeeze, activation, stride) in enumerate(table):
        x = _asymmetrical_bottleneck(
            b,
            x,
            _whole(channels * width),
            name=f"asymm_block.{i}",
            expanded=_whole(expanded * width),
            asymmetry=asymmetry,
            kernel=kernel,
            stride=stride,
            squeeze=squeeze,
            style=Style(activation, padding, eps),
        )
    x = conv_bn_act(b, x, _whole(head * width), 1, names=sequential("last_block"), style=style)
    x = b.adaptive_avg_pool2d(x, name="last_block.3")
    x = b.activation(b.conv2d(x, last, 1, name="last_block.4", bias=False), "hardswish", name="last_block.5")
    x = b.flatten(b.dropout(x, dropout, name="last_block.6"), name="last_block.7")
    return b.finish(b.linear(x, num_classes, name="output"))


def _asymmetrical_bottleneck(
    b: Builder,
    x: str,
    channels: int,
    *,
    name: str,
    expanded: int,
    asymmetry: int,
    kernel: int,
    stride: int,
    squeeze: bool,
    style: Style,
) -> str:
    """The 1x1 makes less of the expansion, the input itself the rest and more (paper, figure 2).

    The first 1x1 gives ``expanded`` channels less ``asymmetry`` times the input's, and stands between as many copies
    of the input on either side, so that the depthwise sees more channels for fewer mult-adds.
    """
    entry, before = x, b.channels(x)
    if expanded > max(1, asymmetry) * before:
        x = conv_bn_act(b, x, expanded - asymmetry * before, 1, names=_names(f"{name}.expand"), style=style)
        copies = [entry] * asymmetry
        x = b.concat(*copies, x, *copies, name=f"{name}.concat")
    hidden = b.channels(x)
    x = conv_bn_act(b, x, hidden, kernel, names=_names(f"{name}.dw_conv"), style=style, stride=stride, groups=hidden)
    if squeeze:
        reduced = _whole(hidden // 4)
        x = SqueezeExcite(f"{name}.se", reduced, gate="hardsigmoid", layers=("out.0", "out.2"))(b, x)
    x = conv_bn_act(b, x, channels, 1, names=_names(f"{name}.pw_conv_linear")[:2], style=style)
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and before == channels else x


def _names(prefix: str) -> tuple[str, str, str]:
    return f"{prefix}.conv", f"{prefix}.bn", f"{prefix}.act"


def _whole(channels: float) -> int:
    """The next multiple of 8 (the reference code rounds up)."""
    return math.ceil(channels / 8) * 8


SMALL_NETWORK: dict[str, Any] = {"table": SMALL, "head": 576}

FAMILIES = (
    Family(
        name="asymmnet",
        paper="AsymmNet: Towards Ultralight Convolution Neural Networks Using Asymmetrical Bottlenecks",
        year=2021,
        build=build,
        knob_aliases={"multiplier": "width", "asymmrate": "asymmetry"},
        variants=(
            Variant("asymmnet_large", params=6_076_608, macs=216_918_096),
            Variant("asymmnet_large_075", {"width": 0.75}, params=4_290_672, macs=142_076_416),
            Variant("asymmnet_large_050", {"width": 0.5}, params=2_844_976, macs=67_244_264),
            Variant("asymmnet_large_035", {"width": 0.35}, params=2_207_376, macs=42_620_072),
            Variant("asymmnet_cifar", CIFAR_KNOBS, labels="cifar10", params=273_674, macs=6_121_728),
            Variant("asymmnet_small", SMALL_NETWORK, params=3_131_896, macs=57_674_416),
            Variant("asymmnet_small_075", {**SMALL_NETWORK, "width": 0.75}, params=2_495_128, macs=40_821_136),
            Variant("asymmnet_small_050", {**SMALL_NETWORK, "width": 0.5}, params=1_964_472, macs=20_594_280),
            Variant("asymmnet_small_035", {**SMALL_NETWORK, "width": 0.35}, params=1_735_032, macs=15_240_656),
        ),
    ),
)
