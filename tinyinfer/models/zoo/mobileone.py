"""MobileOne: depthwise and pointwise layers that were trained with several parallel branches (Vasu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, branches, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor

# paper, table 2: channels before their factors and pairs of layers of each stage; the first layer has at most 64
STAGES = ((64, 2), (128, 8), (256, 10), (512, 1))
STEM = 64

NO_ATTENTION = (0, 0, 0, 0)


def build(
    *,
    num_classes: Count = 1000,
    widths: Sequence[float] = (0.75, 1.0, 1.0, 2.0),
    branches_per_layer: Count = 4,
    attention: Sequence[int] = NO_ATTENTION,
    deploy: bool = False,
    width: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of tables 2 and 3: ``widths`` are the stages' factors, ``branches_per_layer`` is k.

    The last ``attention`` pairs of each stage have squeeze and excitation; ``deploy`` gives the single-branch form;
    ``width`` scales all channels; ``small_input`` keeps 32x32 pictures at their size in the first layer.
    """
    if not len(widths) == len(attention) == len(STAGES):
        raise InputError(f"widths, attention: expected {len(STAGES)} numbers, found {widths!r} and {attention!r}")
    style = Style("relu", eps=eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))

    def layer(x: str, channels: int, kernel: int, name: str, k: int, squeeze: bool = False, **options: int) -> str:
        reduced = make_divisible(channels / 16)
        return branches(
            b, x, channels, kernel, name=name, parts=[f"conv_kxk.{i}" for i in range(k)], style=style, deploy=deploy,
            pointwise="conv_scale" if kernel > 1 else None,
            attention=SqueezeExcite(f"{name}.attn", reduced) if squeeze else None, **options,
        )  # fmt: skip

    x = layer(x, _channels(min(STEM, STEM * widths[0]) * width), 3, "stem", 1, stride=1 if small_input else 2)
    for stage, ((channels, depth), factor, attentive) in enumerate(zip(STAGES, widths, attention, strict=True)):
        for i in range(depth):
            before, name = b.channels(x), f"stages.{stage}"
            squeeze, stride = i >= depth - attentive, 2 if i == 0 else 1
            k = branches_per_layer
            x = layer(x, before, 3, f"{name}.{2 * i}", k, squeeze, stride=stride, groups=before)
            x = layer(x, _channels(channels * factor * width), 1, f"{name}.{2 * i + 1}", k, squeeze)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="head.global_pool"))
    return b.finish(b.linear(x, num_classes, name="head.fc"))


def _channels(channels: float) -> int:
    return max(1, int(channels))


# the authors' names of a block's branches, and ours
OFFICIAL = (
    (r"^stage0\.", "stem."),
    (r"\.rbr_conv\.", ".conv_kxk."),
    (r"\.rbr_scale\.", ".conv_scale."),
    (r"\.rbr_skip\.", ".identity."),
    (r"\.se\.reduce\.", ".attn.fc1."),
    (r"\.se\.expand\.", ".attn.fc2."),
    (r"^linear\.", "head.fc."),
)


def layouts(**_: Any) -> dict[str, Layout]:
    """The key map of the authors' checkpoints; timm's are canonical."""
    stages = tuple((rf"^stage{i + 1}\.", f"stages.{i}.") for i in range(len(STAGES)))
    return {"official": Layout((*OFFICIAL, *stages))}


def _single(*widths: float, attention: Sequence[int] = NO_ATTENTION) -> dict[str, object]:
    return {"widths": widths, "branches_per_layer": 1, "attention": attention}


FAMILIES = (
    Family(
        name="mobileone",
        paper="MobileOne: An Improved One millisecond Mobile Backbone",
        year=2023,
        build=build,
        layouts=layouts,
        trials=({"deploy": True},),
        variants=(
            Variant("mobileone_s0", params=5_293_272, macs=1_051_935_232),
            Variant("mobileone_s1", _single(1.5, 1.5, 2.0, 2.5), params=4_825_192, macs=830_062_080),
            Variant("mobileone_s2", _single(1.5, 2.0, 2.5, 4.0), params=7_884_648, macs=1_304_027_392),
            Variant("mobileone_s3", _single(2.0, 2.5, 3.0, 4.0), params=10_170_600, macs=1_902_112_768),
            Variant(
                "mobileone_s4",
                _single(3.0, 3.5, 3.5, 4.0, attention=(0, 0, 5, 1)),
                params=14_951_248,
                macs=2_986_802_432,
            ),
        ),
    ),
)
