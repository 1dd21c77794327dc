"""Networks that cheaper searches found among inverted residuals: FBNet-C, Single-Path NAS, HardCoRe-NAS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import BlockNames, SqueezeExcite, Style, conv_bn_act, inverted_residual, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Stage = Sequence[Any]

# Tables: channels and stride of a stage, then its blocks: kernel, expansion and, where it has any, attention.
# A separable block is a depthwise and a 1x1 convolution, without an expansion.
SEPARABLE = 0
SE = "se"

# Wu et al. 2019, figure 4
FBNET_C: tuple[Stage, ...] = (
    (16, 1, (3, 1)),
    (24, 2, (3, 6), (3, 1), (3, 1)),
    (32, 2, (5, 6), (5, 3), (5, 6), (3, 6)),
    (64, 2, (5, 6), (5, 3), (5, 6), (5, 6)),
    (112, 1, (5, 6), (5, 6), (5, 6), (5, 3)),
    (184, 2, (5, 6), (5, 6), (5, 6), (5, 6)),
    (352, 1, (3, 6)),
)

# Stamoulis et al. 2019, figure 5
SINGLE_PATH: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (3, 3), (3, 3), (3, 3)),
    (40, 2, (5, 6), (3, 3), (3, 3), (3, 3)),
    (80, 2, (5, 6), (3, 3), (3, 3), (3, 3)),
    (96, 1, (5, 6), (5, 3), (5, 3), (5, 3)),
    (192, 2, (5, 6), (5, 6), (5, 6), (5, 6)),
    (320, 1, (3, 6)),
)

# Nayman et al. 2021, the released networks
HARDCORE_A: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3), (5, 3, SE)),
    (40, 2, (5, 3), (5, 6, SE)),
    (80, 2, (5, 6, SE), (5, 6, SE)),
    (112, 1, (5, 6, SE), (5, 6, SE)),
    (192, 2, (5, 6, SE), (5, 6, SE)),
)
HARDCORE_B: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3), (5, 3, SE), (3, 3)),
    (40, 2, (5, 3), (5, 3), (5, 3)),
    (80, 2, (5, 3), (5, 3), (3, 3), (3, 3)),
    (112, 1, (5, 3), (3, 3), (3, 3), (3, 3)),
    (192, 2, (5, 6, SE), (5, 6, SE), (3, 3, SE)),
)
HARDCORE_C: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3), (5, 3, SE)),
    (40, 2, (5, 3), (5, 3), (5, 3), (5, 3)),
    (80, 2, (5, 4), (5, 6, SE), (3, 3), (3, 3)),
    (112, 1, (5, 6, SE), (3, 3), (3, 3), (3, 3)),
    (192, 2, (5, 6, SE), (5, 6, SE), (3, 3, SE)),
)
HARDCORE_D: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3, SE), (5, 3, SE)),
    (40, 2, (5, 3, SE), (5, 4, SE), (3, 3, SE)),
    (80, 2, (5, 4, SE), (3, 3, SE), (3, 3, SE), (3, 3, SE)),
    (112, 1, (3, 4, SE), (5, 4, SE), (3, 3, SE), (5, 3, SE)),
    (192, 2, (5, 6, SE), (5, 6, SE), (5, 6, SE), (3, 6, SE)),
)
HARDCORE_E: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3, SE), (5, 3, SE)),
    (40, 2, (5, 6, SE), (5, 4, SE), (5, 4, SE), (3, 3, SE)),
    (80, 2, (5, 4, SE), (3, 6, SE)),
    (112, 1, (5, 6, SE), (5, 6, SE), (5, 6, SE), (5, 3, SE)),
    (192, 2, (5, 6, SE), (5, 6, SE), (5, 6, SE), (3, 6, SE)),
)
HARDCORE_F: tuple[Stage, ...] = (
    (16, 1, (3, SEPARABLE)),
    (24, 2, (5, 3, SE), (5, 3, SE)),
    (40, 2, (5, 6, SE), (5, 6, SE)),
    (80, 2, (5, 6, SE), (5, 6, SE), (3, 3, SE), (3, 3, SE)),
    (112, 1, (3, 6, SE), (5, 6, SE), (5, 6, SE), (3, 3, SE)),
    (192, 2, (5, 6, SE), (5, 6, SE), (3, 6, SE), (3, 6, SE)),
)

RELU_STAGES = 3  # of MobileNet V3's design: those of large maps


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Stage] = FBNET_C,
    stem: Count = 16,
    head: Count = 1984,
    design: Literal["v2", "v3"] = "v2",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """A stem, the stages of ``table`` and a head of ``head`` channels.

    ``design`` "v2" is MobileNet V2's: ReLU and the head before the pooling; "v3" is MobileNet V3's: h-swish from the
    fourth stage on, the head behind the pooling and without a norm.  ``width`` scales all channels but the head's;
    ``small_input`` gives the first convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("relu" if design == "v2" else "hardswish", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    names = ("conv_stem", "bn1", "act1")
    x = conv_bn_act(b, x, make_divisible(stem * width), 3, names=names, style=style, stride=1 if small_input else 2)
    for stage, (channels, stride, *blocks) in enumerate(table):
        here = replace(style, activation="relu") if stage < RELU_STAGES else style
        for i, (kernel, expansion, *attention) in enumerate(blocks):
            name = f"blocks.{stage}.{i}"
            x = inverted_residual(
                b,
                x,
                make_divisible(channels * width),
                names=BlockNames.flat(name, expand=expansion != SEPARABLE),
                hidden=b.channels(x) * max(expansion, 1),
                stride=stride if i == 0 else 1,
                style=here,
                kernel=kernel,
                attention=_squeeze(f"{name}.se", b.channels(x) * expansion) if attention else None,
            )
    x = _head_v2(b, x, head, style) if design == "v2" else _head_v3(b, x, head, style, f"blocks.{len(table)}.0")
    x = b.dropout(x, dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _squeeze(name: str, hidden: int) -> SqueezeExcite:
    return SqueezeExcite(name, make_divisible(hidden / 4), gate="hardsigmoid", layers=("conv_reduce", "conv_expand"))


def _head_v2(b: Builder, x: str, channels: int, style: Style) -> str:
    x = conv_bn_act(b, x, channels, 1, names=("conv_head", "bn2", "act2"), style=style)
    return b.flatten(b.adaptive_avg_pool2d(x, name="global_pool"))


def _head_v3(b: Builder, x: str, channels: int, style: Style, last: str) -> str:
    """Five times the channels, pooled, then ``channels`` (MobileNet V3, figure 5)."""
    x = conv_bn_act(b, x, 5 * b.channels(x), 1, names=(f"{last}.conv", f"{last}.bn1", f"{last}.act1"), style=style)
    x = b.adaptive_avg_pool2d(x, name="global_pool")
    x = b.activation(b.conv2d(x, channels, 1, name="conv_head"), style.activation, name="act2")
    return b.flatten(x)


def _hardcore(table: Sequence[Stage]) -> dict[str, Any]:
    return {"table": table, "stem": 32, "head": 1280, "design": "v3"}


FAMILIES = (
    Family(
        name="fbnet",
        paper="FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural Architecture Search",
        year=2019,
        build=build,
        variants=(Variant("fbnetc_100", {}, ("fbnet_c",), 5_572_200, 384_960_160),),
    ),
    Family(
        name="single_path_nas",
        paper="Single-Path NAS: Designing Hardware-Efficient ConvNets in less than 4 Hours",
        year=2019,
        build=build,
        variants=(
            Variant("spnasnet_100", {"table": SINGLE_PATH, "stem": 32, "head": 1280}, (), 4_421_616, 333_467_072),
        ),
    ),
    Family(
        name="hardcore_nas",
        paper="HardCoRe-NAS: Hard Constrained diffeRentiable Neural Architecture Search",
        year=2021,
        build=build,
        variants=(
            Variant("hardcorenas_a", _hardcore(HARDCORE_A), (), 5_260_232, 224_227_936),
            Variant("hardcorenas_b", _hardcore(HARDCORE_B), (), 5_176_544, 251_832_064),
            Variant("hardcorenas_c", _hardcore(HARDCORE_C), (), 5_521_224, 270_058_400),
            Variant("hardcorenas_d", _hardcore(HARDCORE_D), (), 7_500_208, 287_787_616),
            Variant("hardcorenas_e", _hardcore(HARDCORE_E), (), 8_070_992, 338_689_760),
            Variant("hardcorenas_f", _hardcore(HARDCORE_F), (), 8_199_688, 341_905_696),
        ),
    ),
)
