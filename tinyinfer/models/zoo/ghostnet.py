"""GhostNet: cheap features beside the computed ones (Han et al. 2020), and V2 with long-range attention (2022)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, conv_bn_act, make_divisible
from tinyinfer.models.blocks.ghost import ghost_module
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[Any]

# paper, table 1, by stages: kernel k, expanded channels, channels out, squeeze-and-excitation, stride
TABLE: tuple[tuple[Row, ...], ...] = (
    ((3, 16, 16, False, 1),),
    ((3, 48, 24, False, 2),),
    ((3, 72, 24, False, 1),),
    ((5, 72, 40, True, 2),),
    ((5, 120, 40, True, 1),),
    ((3, 240, 80, False, 2),),
    (
        (3, 200, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 184, 80, False, 1),
        (3, 480, 112, True, 1),
        (3, 672, 112, True, 1),
    ),
    ((5, 672, 160, True, 2),),
    (
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
        (5, 960, 160, False, 1),
        (5, 960, 160, True, 1),
    ),
)
STEM, SQUEEZED, HEAD = 16, 960, 1280

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[tuple[Row, ...], ...] = (
    ((3, 16, 16, False, 2),),
    ((3, 64, 24, False, 1), (3, 72, 24, False, 1)),
    ((5, 96, 48, True, 2),),
    ((5, 144, 48, True, 1), (5, 144, 48, True, 1)),
    ((5, 192, 72, True, 2),),
    ((5, 288, 72, True, 1),),
)
CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "squeezed": 288,
    "head": 192,
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}

PLAIN_STAGES = 2  # the first of V2, without attention
ATTENTION_KERNEL = 5


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Sequence[Row]] = TABLE,
    stem: Count = STEM,
    squeezed: Count = SQUEEZED,
    head: Count = HEAD,
    ratio: Count = 2,
    cheap_kernel: Count = 3,
    attention: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1.

    ``width`` is the paper's alpha, of all channels but ``head``; ``ratio`` and ``cheap_kernel`` are its s and d; the
    table's last channels become ``squeezed``, scaled too, in front of the pooling and ``head`` behind it;
    ``attention`` makes it GhostNetV2; ``small_input`` gives the first convolution stride 1; ``padding`` "same" is
    for weights trained by TensorFlow.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    first = make_divisible(stem * width, 4)
    x = conv_bn_act(b, x, first, 3, names=("conv_stem", "bn1", "act1"), style=style, stride=1 if small_input else 2)
    for stage, rows in enumerate(table):
        for i, (k, expanded, channels, squeeze, stride) in enumerate(rows):
            x = _bottleneck(
                b,
                x,
                make_divisible(channels * width, 4),
                name=f"blocks.{stage}.{i}",
                expanded=make_divisible(expanded * width, 4),
                kernel=k,
                stride=stride,
                squeeze=squeeze,
                attention=attention and stage >= PLAIN_STAGES,
                style=style,
                ratio=ratio,
                cheap_kernel=cheap_kernel,
            )
    name = f"blocks.{len(table)}.0"
    names = (f"{name}.conv", f"{name}.bn1", f"{name}.act1")
    x = conv_bn_act(b, x, make_divisible(squeezed * width, 4), 1, names=names, style=style)
    x = b.adaptive_avg_pool2d(x, name="global_pool")
    x = b.relu(b.conv2d(x, head, 1, name="conv_head"), name="act2")
    x = b.dropout(b.flatten(x), dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _bottleneck(
    b: Builder,
    x: str,
    channels: int,
    *,
    name: str,
    expanded: int,
    kernel: int,
    stride: int,
    squeeze: bool,
    attention: bool,
    style: Style,
    ratio: int,
    cheap_kernel: int,
) -> str:
    """Two ghost modules around a depthwise, which only blocks of stride 2 have, and a shortcut (figure 3)."""
    entry, ghost = x, partial(ghost_module, b, style=style, ratio=ratio, cheap_kernel=cheap_kernel)
    x = ghost(x, expanded, name=f"{name}.ghost1")
    if attention:
        gate = _long_range_attention(b, entry, x, name=f"{name}.ghost1", style=style)
        x = b.mul(x, gate, name=f"{name}.ghost1.mul")
    if stride > 1:
        names = (f"{name}.conv_dw", f"{name}.bn_dw")
        x = conv_bn_act(b, x, expanded, kernel, names=names, style=style, stride=stride, groups=expanded)
    if squeeze:
        reduced, layers = make_divisible(expanded / 4, 4), ("conv_reduce", "conv_expand")
        x = SqueezeExcite(f"{name}.se", reduced, gate="hardsigmoid", layers=layers)(b, x)
    x = ghost(x, channels, name=f"{name}.ghost2", activated=False)
    shortcut = _shortcut(b, entry, channels, name=f"{name}.shortcut", kernel=kernel, stride=stride, style=style)
    return b.add(x, shortcut, name=f"{name}.add")


def _long_range_attention(b: Builder, x: str, like: str, *, name: str, style: Style) -> str:
    """A gate for every pixel from its row and column, at half the size (V2, section 4.1: decoupled full connections).

    ``x`` is the module's input, ``like`` its output, of whose shape the gate is.
    """
    channels = b.channels(like)
    x = b.avg_pool2d(x, 2, name=f"{name}.avgpool")
    x = conv_bn_act(b, x, channels, 1, names=(f"{name}.short_conv.0", f"{name}.short_conv.1"), style=style)
    for at, kernel in ((2, (1, ATTENTION_KERNEL)), (4, (ATTENTION_KERNEL, 1))):
        padding = (kernel[0] // 2, kernel[1] // 2)
        conv, norm = f"{name}.short_conv.{at}", f"{name}.short_conv.{at + 1}"
        x = b.conv2d(x, channels, kernel, name=conv, padding=padding, groups=channels, bias=False)
        x = b.batch_norm(x, name=norm, eps=style.eps)
    x = b.activation(x, "sigmoid", name=f"{name}.gate")
    return b.apply("interpolate", x, like, name=f"{name}.resize", mode="nearest")


def _shortcut(b: Builder, x: str, channels: int, *, name: str, kernel: int, stride: int, style: Style) -> str:
    """The input itself, or a depthwise and a 1x1 where the shape changes."""
    before = b.channels(x)
    if stride == 1 and before == channels:
        return x
    names = (f"{name}.0", f"{name}.1")
    x = conv_bn_act(b, x, before, kernel, names=names, style=style, stride=stride, groups=before)
    return conv_bn_act(b, x, channels, 1, names=(f"{name}.2", f"{name}.3"), style=style)


FAMILIES = (
    Family(
        name="ghostnet",
        paper="GhostNet: More Features from Cheap Operations",
        year=2020,
        build=build,
        variants=(
            Variant("ghostnet_050", {"width": 0.5}, ("ghostnet_official_050",), params=2_587_292, macs=42_328_152),
            Variant("ghostnet_100", aliases=("ghostnet", "ghostnet_official"), params=5_182_508, macs=141_150_512),
            Variant("ghostnet_cifar", CIFAR_KNOBS, labels="cifar10", params=243_030, macs=5_231_872),
            Variant("ghostnet_130", {"width": 1.3}, ("ghostnet_official_130",), params=7_358_820, macs=227_003_256),
        ),
    ),
    Family(
        name="ghostnet_v2",
        paper="GhostNetV2: Enhance Cheap Operation with Long-Range Attention",
        year=2022,
        build=build,
        variants=(
            Variant(
                "ghostnetv2_100",
                {"attention": True},
                aliases=("ghostnetv2",),
                params=6_156_908,
                macs=167_048_288,
            ),
            Variant("ghostnetv2_130", {"attention": True, "width": 1.3}, params=8_960_404, macs=269_322_976),
            Variant("ghostnetv2_160", {"attention": True, "width": 1.6}, params=12_392_698, macs=398_607_224),
        ),
    ),
)
