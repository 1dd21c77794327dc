"""RepVGG: a plain stack of 3x3 convolutions that was trained with parallel branches (Ding et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, branches
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor

# paper, table 2: channels of stages 1 to 4 before their factors; the first layer (stage 0) has at most 64
CHANNELS = (64, 128, 256, 512)

# paper, table 2: layers of stages 1 to 4
DEPTHS_A = (2, 4, 14, 1)
DEPTHS_B = (4, 6, 16, 1)


def build(
    *,
    num_classes: Count = 1000,
    a: Factor = 0.75,
    b: Factor = 2.5,
    depths: Sequence[int] = DEPTHS_A,
    groups: Count = 1,
    reduction: Count | None = None,
    deploy: bool = False,
    width: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of tables 2 and 3: ``a`` scales the channels of stages 0 to 3, ``b`` those of stage 4.

    Every second layer has ``groups`` groups (section 3.4); with a ``reduction`` squeeze and excitation stands in front
    of each ReLU.  ``deploy`` gives the single-branch form; ``width`` scales all channels; ``small_input`` keeps 32x32
    pictures at their size in the first layer.
    """
    if len(depths) != len(CHANNELS) or min(depths) < 1:
        raise InputError(f"depths: expected {len(CHANNELS)} counts of layers, found {depths!r}")
    style = Style("relu", eps=eps)
    net = Builder()
    x = net.input(3, resolution or (32 if small_input else 224))

    def layer(x: str, channels: int, name: str, stride: int, groups: int = 1) -> str:
        return branches(
            net, x, channels, 3, name=name, parts=("conv_kxk",), pointwise="conv_1x1", style=style,
            deploy=deploy, stride=stride, groups=groups,
            attention=SqueezeExcite(f"{name}.attn", max(1, channels // reduction)) if reduction else None,
        )  # fmt: skip

    x = layer(x, _channels(min(64, 64 * a) * width), "stem", 1 if small_input else 2)
    number = 0
    for stage, (channels, factor, depth) in enumerate(zip(CHANNELS, (a, a, a, b), depths, strict=True)):
        for i in range(depth):
            number += 1
            grouped = groups if number % 2 == 0 else 1
            x = layer(x, _channels(channels * factor * width), f"stages.{stage}.{i}", 2 if i == 0 else 1, grouped)
    x = net.flatten(net.adaptive_avg_pool2d(x, name="head.global_pool"))
    return net.finish(net.linear(x, num_classes, name="head.fc"))


def _channels(channels: float) -> int:
    return max(1, int(channels))


# the authors' names of a block's branches, and ours
OFFICIAL = (
    (r"^stage0\.", "stem."),
    (r"\.rbr_dense\.", ".conv_kxk."),
    (r"\.rbr_1x1\.", ".conv_1x1."),
    (r"\.rbr_identity\.", ".identity."),
    (r"\.rbr_reparam\.", ".reparam_conv."),
    (r"\.se\.down\.", ".attn.fc1."),
    (r"\.se\.up\.", ".attn.fc2."),
    (r"^linear\.", "head.fc."),
)


def layouts(**_: Any) -> dict[str, Layout]:
    """The key map of the authors' checkpoints; timm's are canonical."""
    stages = tuple((rf"^stage{i + 1}\.", f"stages.{i}.") for i in range(len(CHANNELS)))
    return {"official": Layout((*OFFICIAL, *stages))}


def _b(a: float, b: float, groups: int = 1) -> dict[str, object]:
    return {"a": a, "b": b, "depths": DEPTHS_B, "groups": groups}


# the authors' page: released after the paper, and evaluated on pictures larger than it was trained on
D2SE = {"a": 2.5, "b": 5.0, "depths": (8, 14, 24, 1), "reduction": 16, "resolution": 320}

# for 32x32 pictures, within 10 M mult-adds and 300 k parameters, the parallel branches included
CIFAR_KNOBS: dict[str, Any] = {"a": 0.25, "b": 0.375, "depths": (4, 5, 3, 1), "small_input": True, "num_classes": 10}

FAMILIES = (
    Family(
        name="repvgg",
        paper="RepVGG: Making VGG-style ConvNets Great Again",
        year=2021,
        build=build,
        layouts=layouts,
        trials=({"deploy": True},),
        variants=(
            Variant("repvgg_a0", aliases=("repvgg_a0_official",), params=9_108_968, macs=1_512_581_120),
            Variant("repvgg_a1", {"a": 1.0}, params=14_092_264, macs=2_626_488_320),
            Variant("repvgg_a2", {"a": 1.5, "b": 2.75}, params=28_210_600, macs=5_685_345_280),
            Variant("repvgg_b0", _b(1.0, 2.5), params=15_817_960, macs=3_397_191_680),
            Variant("repvgg_b1", _b(2.0, 4.0), params=57_415_016, macs=13_128_089_600),
            Variant("repvgg_b1g2", _b(2.0, 4.0, 2), params=45_782_376, macs=9_788_375_040),
            Variant("repvgg_b1g4", _b(2.0, 4.0, 4), params=39_966_056, macs=8_118_517_760),
            Variant("repvgg_b2", _b(2.5, 5.0), params=89_022_376, macs=20_418_170_880),
            Variant("repvgg_b2g2", _b(2.5, 5.0, 2), params=70_846_376, macs=15_199_866_880),
            Variant("repvgg_b2g4", _b(2.5, 5.0, 4), params=61_758_376, macs=12_590_714_880),
            Variant("repvgg_b3", _b(3.0, 5.0), params=123_085_288, macs=29_120_696_320),
            Variant("repvgg_b3g2", _b(3.0, 5.0, 2), params=96_911_848, macs=21_606_338_560),
            Variant("repvgg_b3g4", _b(3.0, 5.0, 4), params=83_825_128, macs=17_849_159_680),
            Variant("repvgg_cifar", CIFAR_KNOBS, labels="cifar10", params=287_114, macs=8_193_920),
            Variant("repvgg_d2se", D2SE, params=133_334_836, macs=74_437_325_312),
        ),
    ),
)
