"""ResNet and what only widens its blocks: ResNeXt, Wide ResNet (He et al. 2015, Xie et al. 2016, Zagoruyko 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, basic_block, bottleneck, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

# paper, table 1: channels and stride of conv2_x to conv5_x; a bottleneck's output has four times the channels
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
EXPANSION = 4


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depths: Sequence[int] = (2, 2, 2, 2),
    block: Literal["basic", "bottleneck"] = "basic",
    groups: Count = 1,
    base_width: Count = 64,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1: ``depths`` blocks in each stage, ``block`` "basic" or "bottleneck".

    The 3x3 of a bottleneck has ``groups`` groups (ResNeXt's cardinality) of ``base_width`` / 64 of the stage's
    channels each; ``small_input`` takes a 3x3 stem of stride 1 without pooling; ``padding`` "same" is for weights
    trained by TensorFlow.
    """
    if block == "basic" and (groups, base_width) != (1, 64):
        raise InputError(f"groups and base_width are a bottleneck's, found {groups} and {base_width} with basic blocks")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (7, 2)
    stem = make_divisible(STAGES[0][0] * width)
    x = conv_bn_act(b, x, stem, kernel, names=("conv1", "bn1", "relu"), style=style, stride=stride)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=style.pad(3))
    for stage, ((channels, stride), depth) in enumerate(zip(STAGES, depths, strict=True), start=1):
        for i in range(depth):
            step = stride if i == 0 else 1
            x = _block(b, x, block, channels * width, f"layer{stage}.{i}", step, groups, base_width, style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="fc"))


def _block(
    b: Builder, x: str, kind: str, channels: float, name: str, stride: int, groups: int, base_width: int, style: Style
) -> str:
    plain = make_divisible(channels)
    out = plain if kind == "basic" else plain * EXPANSION
    shortcut = x
    if stride != 1 or b.channels(x) != out:
        names = (f"{name}.downsample.0", f"{name}.downsample.1")
        shortcut = conv_bn_act(b, x, out, 1, names=names, style=style, stride=stride)
    if kind == "basic":
        return basic_block(b, x, shortcut, out, name=name, stride=stride, style=style)
    inner = max(1, plain * base_width // 64) * groups
    return bottleneck(b, x, shortcut, out, name=name, stride=stride, style=style, inner=inner, groups=groups)


def _deep(*depths: int, **knobs: int) -> dict[str, object]:
    return {"block": "bottleneck", "depths": depths, **knobs}


TRIALS = ({"small_input": True},)  # its stem has another shape

FAMILIES = (
    Family(
        name="resnet",
        paper="Deep Residual Learning for Image Recognition",
        year=2015,
        build=build,
        trials=TRIALS,
        variants=(
            Variant("resnet18", params=11_689_512, macs=1_814_073_344),
            Variant("resnet34", {"depths": (3, 4, 6, 3)}, params=21_797_672, macs=3_663_761_408),
            Variant("resnet50", _deep(3, 4, 6, 3), params=25_557_032, macs=4_089_184_256),
            Variant("resnet101", _deep(3, 4, 23, 3), params=44_549_160, macs=7_801_405_440),
            Variant("resnet152", _deep(3, 8, 36, 3), params=60_192_808, macs=11_513_626_624),
        ),
    ),
    Family(
        name="resnext",
        paper="Aggregated Residual Transformations for Deep Neural Networks",
        year=2016,
        build=build,
        trials=TRIALS,
        variants=(
            Variant(
                "resnext50_32x4d", _deep(3, 4, 6, 3, groups=32, base_width=4), params=25_028_904, macs=4_230_479_872
            ),
            Variant(
                "resnext101_32x8d", _deep(3, 4, 23, 3, groups=32, base_width=8), params=88_791_336, macs=16_414_015_488
            ),
            Variant(
                "resnext101_64x4d", _deep(3, 4, 23, 3, groups=64, base_width=4), params=83_455_272, macs=15_460_270_080
            ),
        ),
    ),
    Family(
        name="wide_resnet",
        paper="Wide Residual Networks",
        year=2016,
        build=build,
        trials=TRIALS,
        variants=(
            Variant("wide_resnet50_2", _deep(3, 4, 6, 3, base_width=128), params=68_883_240, macs=11_398_021_120),
            Variant("wide_resnet101_2", _deep(3, 4, 23, 3, base_width=128), params=126_886_696, macs=22_753_050_624),
        ),
    ),
)
