"""ResNet for CIFAR: three stages of basic blocks on 32x32 pictures (He et al. 2015, section 4.2)."""

from __future__ import annotations

from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, basic_block, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

# paper, section 4.2: channels and stride of the three stages, n blocks each; 6n + 2 layers in all
STAGES = ((16, 1), (32, 2), (64, 2))


def build(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    blocks: Count = 3,
    stem_stride: Literal[1, 2] = 1,
    shortcut: Literal["A", "B"] = "A",
    resolution: Count = 32,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """ResNet-(6 ``blocks`` + 2).

    Where the size halves, ``shortcut`` "A" takes every second pixel and pads the channels with zeros, as the paper
    does on CIFAR; "B" projects by a 1x1 convolution.  A ``stem_stride`` of 2 takes all stages at half the size.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution)
    x = conv_bn_act(
        b, x, make_divisible(STAGES[0][0] * width), 3, names=("conv1", "bn1", "relu"), style=style, stride=stem_stride
    )
    for stage, (channels, stride) in enumerate(STAGES, start=1):
        for i in range(blocks):
            name, out, step = f"layer{stage}.{i}", make_divisible(channels * width), stride if i == 0 else 1
            skip = x if step == 1 else _shortcut(b, x, shortcut, out, name, style)
            x = basic_block(b, x, skip, out, name=name, stride=step, style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="linear"))


def _shortcut(b: Builder, x: str, kind: str, channels: int, name: str, style: Style) -> str:
    if kind == "B":
        names = (f"{name}.shortcut.0", f"{name}.shortcut.1")
        return conv_bn_act(b, x, channels, 1, names=names, style=style, stride=2)
    x, missing = b.apply("slice", x, name=f"{name}.subsample", dim=(2, 3), step=2), channels - b.channels(x)
    front = missing // 2
    return b.pad(x, (front, missing - front, 0, 0, 0, 0), name=f"{name}.pad")


def layouts(**_: Any) -> dict[str, Layout]:
    """Key map of torchvision-like ports, whose shortcut is B."""
    return {"torchvision": Layout(((r"\.downsample\.", ".shortcut."), (r"^fc\.", "linear.")))}


FAMILIES = (
    Family(
        name="resnet_cifar",
        paper="Deep Residual Learning for Image Recognition",
        year=2015,
        build=build,
        layouts=layouts,
        trials=({"shortcut": "B"},),
        labels="cifar10",
        variants=(
            Variant("resnet20", {"blocks": 3}, ("resnet20_cifar10",), params=269_722, macs=40_551_040),
            Variant(
                "resnet20_s2", {"blocks": 3, "stem_stride": 2}, params=269_722, macs=10_138_240
            ),  # within 10 M mult-adds
            Variant("resnet32", {"blocks": 5}, ("resnet32_cifar10",), params=464_154, macs=68_862_592),
            Variant("resnet44", {"blocks": 7}, ("resnet44_cifar10",), params=658_586, macs=97_174_144),
            Variant("resnet56", {"blocks": 9}, ("resnet56_cifar10",), params=853_018, macs=125_485_696),
            Variant("resnet110", {"blocks": 18}, ("resnet110_cifar10",), params=1_727_962, macs=252_887_680),
        ),
    ),
)
