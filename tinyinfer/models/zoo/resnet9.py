"""ResNet-9: few, wide layers on 32x32 pictures, quick to train (Page 2018, How to train your ResNet, part 4)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, basic_block, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

STEM = 64
# channels of the three stages; the first and the last have a residual block behind their pooling
STAGES = ((128, True), (256, False), (512, True))


def build(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    resolution: Count = 32,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network, with a mean over the last pixels where the original has their maximum."""
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution)
    x = conv_bn_act(b, x, make_divisible(STEM * width), 3, names=_names("prep"), style=style)
    for stage, (channels, residual) in enumerate(STAGES, start=1):
        name, out = f"layer{stage}", make_divisible(channels * width)
        x = conv_bn_act(b, x, out, 3, names=_names(name), style=style)
        x = b.max_pool2d(x, 2, name=f"{name}.pool")
        if residual:
            x = basic_block(b, x, x, out, name=f"{name}.res", stride=1, style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="linear"))


def _names(layer: str) -> tuple[str, str, str]:
    return f"{layer}.conv", f"{layer}.bn", f"{layer}.relu"


FAMILIES = (
    Family(
        name="resnet9",
        paper="How to train your ResNet",
        year=2018,
        build=build,
        labels="cifar10",
        variants=(
            Variant("resnet9", params=6_573_130, macs=379_261_952),
            Variant("resnet9_half", {"width": 0.5}, params=1_646_122, macs=95_259_136),
        ),
    ),
)
