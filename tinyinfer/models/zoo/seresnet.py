"""SE-ResNet, SE-ResNeXt and SENet-154: residual blocks that weigh their channels (Hu et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, basic_block, bottleneck, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

# paper, table 1: channels and stride of conv2_x to conv5_x; a bottleneck's output has four times the channels
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
EXPANSION = 4

Form = Literal["timm", "caffe"]
Block = Literal["basic", "bottleneck", "senet"]


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depths: Sequence[int] = (3, 4, 6, 3),
    block: Block = "bottleneck",
    groups: Count = 1,
    base_width: Count = 64,
    reduction: Count | None = 16,
    form: Form = "timm",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.0,
    eps: Factor = 1e-5,
) -> Graph:
    """The networks of table 1 and, with ``block`` "senet", that of the appendix.

    The channels are squeezed by ``reduction`` (section 6.1), None leaves squeeze-and-excitation out.  ``groups`` and
    ``base_width`` are ResNeXt's; a "senet" block has twice the channels inside, a stem of three 3x3 and 3x3
    shortcuts.  ``form`` "caffe" is the authors': the first pooling is not padded but overhangs, the stride of
    ungrouped bottlenecks is on the first 1x1, and basic blocks have a ReLU in front of the attention too.
    ``small_input`` takes a 3x3 stem of stride 1 without pooling.
    """
    if block == "basic" and (groups, base_width) != (1, 64):
        raise InputError(f"groups and base_width are a bottleneck's, found {groups} and {base_width} with basic blocks")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    x = _stem(b, x, make_divisible(STAGES[0][0] * width), style, small=small_input, deep=block == "senet")
    if not small_input:
        pads: dict[str, Any] = {"ceil_mode": True} if form == "caffe" else {"padding": style.pad(3)}
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, **pads)
    for stage, ((channels, stride), depth) in enumerate(zip(STAGES, depths, strict=True), start=1):
        plain = make_divisible(channels * width)
        for i in range(depth):
            x = _block(
                b,
                x,
                plain,
                name=f"layer{stage}.{i}",
                kind=block,
                stride=stride if i == 0 else 1,
                groups=groups,
                base_width=base_width,
                reduction=reduction,
                form=form,
                style=style,
            )
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    x = b.dropout(x, dropout, name="dropout") if dropout else x
    return b.finish(b.linear(x, num_classes, name="fc"))


def _stem(b: Builder, x: str, channels: int, style: Style, *, small: bool, deep: bool) -> str:
    kernel, stride = (3, 1) if small else (3 if deep else 7, 2)
    x = conv_bn_act(b, x, channels, kernel, names=("conv1", "bn1", "relu1"), style=style, stride=stride)
    if deep:
        x = conv_bn_act(b, x, channels, 3, names=("conv2", "bn2", "relu2"), style=style)
        x = conv_bn_act(b, x, 2 * channels, 3, names=("conv3", "bn3", "relu3"), style=style)
    return x


def _block(
    b: Builder,
    x: str,
    plain: int,
    *,
    name: str,
    kind: Block,
    stride: int,
    groups: int,
    base_width: int,
    reduction: int | None,
    form: Form,
    style: Style,
) -> str:
    out = plain if kind == "basic" else plain * EXPANSION
    shortcut = x
    if stride != 1 or b.channels(x) != out:
        names = (f"{name}.downsample.0", f"{name}.downsample.1")
        kernel = 3 if kind == "senet" and stride != 1 else 1
        shortcut = conv_bn_act(b, x, out, kernel, names=names, style=style, stride=stride)
    attention = SqueezeExcite(f"{name}.se", _reduced(out, reduction, form)) if reduction else None
    common: dict[str, Any] = {"name": name, "stride": stride, "style": style, "attention": attention}
    if kind == "basic":
        return basic_block(b, x, shortcut, out, rectified=form == "caffe", **common)
    if kind == "senet":
        return bottleneck(b, x, shortcut, out, inner=4 * plain, entry=2 * plain, groups=groups, **common)
    inner = max(1, plain * base_width // 64) * groups
    first = form == "caffe" and groups == 1
    return bottleneck(b, x, shortcut, out, inner=inner, groups=groups, stride_first=first, **common)


def _reduced(channels: int, reduction: int, form: Form) -> int:
    """Channels of the squeezed layer; in timm's networks the nearest multiple of 8."""
    return max(1, channels // reduction) if form == "caffe" else max(8, int(channels / reduction + 4) // 8 * 8)


# the ports of the authors' weights, timm's legacy ones among them
LEGACY = ((r"^layer0\.", ""), (r"\.se_module\.", ".se."), (r"^last_linear\.", "fc."))

# timm's stem of three 3x3, a Sequential whose last norm stands outside
DEEP_STEM = (
    (r"^bn1\.", "bn3."),
    (r"^conv1\.1\.", "bn1."),
    (r"^conv1\.3\.", "conv2."),
    (r"^conv1\.4\.", "bn2."),
    (r"^conv1\.6\.", "conv3."),
    (r"^conv1\.0\.", "conv1."),
)


def layouts(form: Form = "timm", block: Block = "bottleneck", **_: Any) -> dict[str, Layout]:
    """The key map of the ports of the authors' weights; timm's own are canonical but for the stem of SENet-154."""
    if form == "caffe":
        return {"legacy": Layout(LEGACY)}
    # the other libraries' senet154 is the authors'
    return {"timm": Layout(DEEP_STEM), "legacy": Layout(LEGACY, {"form": "caffe"})} if block == "senet" else {}


def _basic(*depths: int) -> dict[str, object]:
    return {"block": "basic", "depths": depths}


def _next(*depths: int, base_width: int = 4, groups: int = 32) -> dict[str, object]:
    return {"depths": depths, "groups": groups, "base_width": base_width}


CAFFE = {"form": "caffe"}
SENET_154 = {"depths": (3, 8, 36, 3), "block": "senet", "groups": 64}

FAMILIES = (
    Family(
        name="seresnet",
        paper="Squeeze-and-Excitation Networks",
        year=2017,
        build=build,
        layouts=layouts,
        variants=(
            Variant("seresnet18", _basic(2, 2, 2, 2), params=11_779_624, macs=1_814_161_408),
            Variant("seresnet34", _basic(3, 4, 6, 3), params=21_960_416, macs=3_663_920_128),
            Variant("seresnet50", params=28_088_024, macs=4_091_699_200),
            Variant("seresnet101", {"depths": (3, 4, 23, 3)}, params=49_326_872, macs=7_806_148_608),
            Variant("seresnet152", {"depths": (3, 8, 36, 3)}, params=66_821_848, macs=11_520_204_800),
            Variant("seresnext50_32x4d", _next(3, 4, 6, 3), params=27_559_896, macs=4_232_994_816),
            Variant("seresnext101_32x4d", _next(3, 4, 23, 3), params=48_955_416, macs=7_974_739_968),
            Variant("seresnext101_32x8d", _next(3, 4, 23, 3, base_width=8), params=93_569_048, macs=16_418_758_656),
            Variant("seresnext101_64x4d", _next(3, 4, 23, 3, groups=64), params=88_232_984, macs=15_465_013_248),
            Variant("legacy_seresnet18", {**_basic(2, 2, 2, 2), **CAFFE}, params=11_778_592, macs=1_814_160_384),
            Variant("legacy_seresnet34", {**_basic(3, 4, 6, 3), **CAFFE}, params=21_958_868, macs=3_663_918_592),
            Variant("legacy_seresnet50", CAFFE, params=28_088_024, macs=3_860_488_192),
            Variant("legacy_seresnet101", {"depths": (3, 4, 23, 3), **CAFFE}, params=49_326_872, macs=7_574_937_600),
            Variant("legacy_seresnet152", {"depths": (3, 8, 36, 3), **CAFFE}, params=66_821_848, macs=11_288_993_792),
            Variant("legacy_seresnext50_32x4d", {**_next(3, 4, 6, 3), **CAFFE}, params=27_559_896, macs=4_232_994_816),
            Variant(
                "legacy_seresnext101_32x4d", {**_next(3, 4, 23, 3), **CAFFE}, params=48_955_416, macs=7_974_739_968
            ),
            Variant("legacy_senet154", {**SENET_154, "dropout": 0.2, **CAFFE}, params=115_088_984, macs=20_688_363_520),
            Variant("senet154", SENET_154, params=115_088_984, macs=20_688_363_520),
        ),
    ),
)
