"""MobileNet V4: one block that can be each of its forerunners, searched for all mobile hardware (Qin et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[Any]
Stage = Sequence[Row]

# Tables: rows of a stage, each with channels c, repeats n and stride s of the first at its end.  Before them
#   a convolution:                           kernel
#   a fused inverted bottleneck:             kernel, expansion
#   a universal inverted bottleneck (UIB):   kernels of the first and the second depthwise, or 0 for none; expansion
CONV, FUSED, UIB = "conv", "fused", "uib"

# paper, MNv4-Conv-S
SMALL: tuple[Stage, ...] = (
    ((CONV, 3, 32, 1, 2), (CONV, 1, 32, 1, 1)),
    ((CONV, 3, 96, 1, 2), (CONV, 1, 64, 1, 1)),
    ((UIB, 5, 5, 3, 96, 1, 2), (UIB, 0, 3, 2, 96, 4, 1), (UIB, 3, 0, 4, 96, 1, 1)),
    (
        (UIB, 3, 3, 6, 128, 1, 2),
        (UIB, 5, 5, 4, 128, 1, 1),
        (UIB, 0, 5, 4, 128, 1, 1),
        (UIB, 0, 5, 3, 128, 1, 1),
        (UIB, 0, 3, 4, 128, 2, 1),
    ),
    ((CONV, 1, 960, 1, 1),),
)

# paper, MNv4-Conv-M
MEDIUM: tuple[Stage, ...] = (
    ((FUSED, 3, 4, 48, 1, 2),),
    ((UIB, 3, 5, 4, 80, 1, 2), (UIB, 3, 3, 2, 80, 1, 1)),
    (
        (UIB, 3, 5, 6, 160, 1, 2),
        (UIB, 3, 3, 4, 160, 2, 1),
        (UIB, 3, 5, 4, 160, 1, 1),
        (UIB, 3, 3, 4, 160, 1, 1),
        (UIB, 3, 0, 4, 160, 1, 1),
        (UIB, 0, 0, 2, 160, 1, 1),
        (UIB, 3, 0, 4, 160, 1, 1),
    ),
    (
        (UIB, 5, 5, 6, 256, 1, 2),
        (UIB, 5, 5, 4, 256, 1, 1),
        (UIB, 3, 5, 4, 256, 2, 1),
        (UIB, 0, 0, 4, 256, 1, 1),
        (UIB, 3, 0, 4, 256, 1, 1),
        (UIB, 3, 5, 2, 256, 1, 1),
        (UIB, 5, 5, 4, 256, 1, 1),
        (UIB, 0, 0, 4, 256, 2, 1),
        (UIB, 5, 0, 2, 256, 1, 1),
    ),
    ((CONV, 1, 960, 1, 1),),
)

# paper, MNv4-Conv-L
LARGE: tuple[Stage, ...] = (
    ((FUSED, 3, 4, 48, 1, 2),),
    ((UIB, 3, 5, 4, 96, 1, 2), (UIB, 3, 3, 4, 96, 1, 1)),
    (
        (UIB, 3, 5, 4, 192, 1, 2),
        (UIB, 3, 3, 4, 192, 3, 1),
        (UIB, 3, 5, 4, 192, 1, 1),
        (UIB, 5, 3, 4, 192, 5, 1),
        (UIB, 3, 0, 4, 192, 1, 1),
    ),
    (
        (UIB, 5, 5, 4, 512, 4, 2),
        (UIB, 5, 0, 4, 512, 1, 1),
        (UIB, 5, 3, 4, 512, 1, 1),
        (UIB, 5, 0, 4, 512, 2, 1),
        (UIB, 5, 3, 4, 512, 1, 1),
        (UIB, 5, 5, 4, 512, 1, 1),
        (UIB, 5, 0, 4, 512, 3, 1),
    ),
    ((CONV, 1, 960, 1, 1),),
)

HEAD = 1280


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Stage] = SMALL,
    stem: Count = 32,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of a table behind a stem of ``stem`` channels.

    ``width`` scales all channels but the head's and, below 1, the stem's; ``small_input`` gives the first
    convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stem = make_divisible(stem * max(1.0, width))
    x = conv_bn_act(b, x, stem, 3, names=("conv_stem", "bn1", "act1"), style=style, stride=1 if small_input else 2)
    for stage, rows in enumerate(table):
        index = 0
        for kind, *sizes, c, n, s in rows:
            for i in range(n):
                name, channels, stride = f"blocks.{stage}.{index}", make_divisible(c * width), s if i == 0 else 1
                x = BLOCKS[kind](b, x, channels, *sizes, name=name, stride=stride, style=style)
                index += 1
    x = b.adaptive_avg_pool2d(x, name="global_pool")
    x = conv_bn_act(b, x, HEAD, 1, names=("conv_head", "norm_head", "act2"), style=style)
    x = b.dropout(b.flatten(x), dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _convolution(b: Builder, x: str, channels: int, kernel: int, *, name: str, stride: int, style: Style) -> str:
    names = (f"{name}.conv", f"{name}.bn1", f"{name}.act1")
    return conv_bn_act(b, x, channels, kernel, names=names, style=style, stride=stride)


def _fused(
    b: Builder, x: str, channels: int, kernel: int, expansion: int, *, name: str, stride: int, style: Style
) -> str:
    """Expansion and depthwise in one convolution, then the projection."""
    entry, hidden = x, make_divisible(b.channels(x) * expansion)
    names = (f"{name}.conv_exp", f"{name}.bn1", f"{name}.act1")
    x = conv_bn_act(b, x, hidden, kernel, names=names, style=style, stride=stride)
    x = conv_bn_act(b, x, channels, 1, names=(f"{name}.conv_pwl", f"{name}.bn2"), style=style)
    return _residual(b, entry, x, name)


def _universal(
    b: Builder,
    x: str,
    channels: int,
    start: int,
    middle: int,
    expansion: int,
    *,
    name: str,
    stride: int,
    style: Style,
) -> str:
    """A depthwise before the expansion, one behind it, either or none (figure 4); the last of them takes the stride."""
    entry, hidden = x, make_divisible(b.channels(x) * expansion)

    def depthwise(x: str, part: str, kernel: int, stride: int, activated: bool) -> str:
        names = (f"{name}.{part}.conv", f"{name}.{part}.bn", f"{name}.{part}.act")[: 2 + activated]
        groups = b.channels(x)
        return conv_bn_act(b, x, groups, kernel, names=names, style=style, stride=stride, groups=groups)

    if start:
        x = depthwise(x, "dw_start", start, 1 if middle else stride, activated=False)
    expand = (f"{name}.pw_exp.conv", f"{name}.pw_exp.bn", f"{name}.pw_exp.act")
    x = conv_bn_act(b, x, hidden, 1, names=expand, style=style)
    if middle:
        x = depthwise(x, "dw_mid", middle, stride, activated=True)
    x = conv_bn_act(b, x, channels, 1, names=(f"{name}.pw_proj.conv", f"{name}.pw_proj.bn"), style=style)
    return _residual(b, entry, x, name)


def _residual(b: Builder, entry: str, x: str, name: str) -> str:
    return b.add(entry, x, name=f"{name}.add") if b.shape(entry) == b.shape(x) else x


BLOCKS: dict[str, Callable[..., str]] = {CONV: _convolution, FUSED: _fused, UIB: _universal}

FAMILIES = (
    Family(
        name="mobilenet_v4",
        paper="MobileNetV4: Universal Models for the Mobile Ecosystem",
        year=2024,
        build=build,
        knob_aliases={"width_mult": "width"},
        variants=(
            Variant("mobilenetv4_conv_small", {}, (), 3_774_024, 186_005_568),
            Variant("mobilenetv4_conv_small_050", {"width": 0.5}, (), 2_238_952, 64_741_408),
            Variant("mobilenetv4_conv_small_035", {"width": 0.35}, (), 1_905_384, 47_723_040),
            Variant("mobilenetv4_conv_medium", {"table": MEDIUM, "resolution": 256}, (), 9_715_512, 1_080_244_224),
            Variant(
                "mobilenetv4_conv_large",
                {"table": LARGE, "stem": 24, "resolution": 384},
                params=32_590_864,
                macs=6_376_220_672,
            ),
        ),
    ),
)
