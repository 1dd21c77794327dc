"""VGG: nothing but 3x3 convolutions, and many of them (Simonyan and Zisserman 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

# paper, table 1: channels of the five stages, and how many convolutions columns A, B, C and D, and E have in each
CHANNELS = (64, 128, 256, 512, 512)
A = (1, 1, 2, 2, 2)
B = (2, 2, 2, 2, 2)
D = (2, 2, 3, 3, 3)
E = (2, 2, 4, 4, 4)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depths: Sequence[int] = D,
    batch_norm: bool = False,
    pointwise_third: bool = False,
    hidden: Count = 4096,
    dense: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
) -> Graph:
    """The network of table 1: stages of ``depths`` convolutions, each pooled, then three fully connected layers.

    ``batch_norm`` puts a norm behind every convolution; ``pointwise_third`` makes a stage's third a 1x1 (column C);
    ``hidden`` are the neurons of the first two fully connected layers; ``dense`` makes these a 7x7 and a 1x1
    convolution that slide over larger pictures (section 3.2); ``small_input`` is the form for 32x32 pictures, whose
    last map has a single pixel.
    """
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    at = 0
    for filters, depth in zip(CHANNELS, depths, strict=True):
        for i in range(depth):
            kernel = 1 if pointwise_third and i == 2 else 3
            x = b.conv2d(x, make_divisible(filters * width), kernel, name=f"features.{at}", padding=kernel // 2)
            if batch_norm:
                x = b.batch_norm(x, name=f"features.{at + 1}")
            at += 1 + batch_norm
            x = b.relu(x, name=f"features.{at}")
            at += 1
        x = b.max_pool2d(x, 2, name=f"features.{at}")
        at += 1
    side = 1 if small_input else 7
    head = _sliding_head if dense else _head
    return b.finish(b.linear(head(b, x, side, hidden, dropout), num_classes, name="classifier.6"))


def _head(b: Builder, x: str, side: int, hidden: int, dropout: float) -> str:
    x = b.flatten(b.adaptive_avg_pool2d(x, side, name="avgpool"))
    for i in (0, 3):
        x = b.relu(b.linear(x, hidden, name=f"classifier.{i}"), name=f"classifier.{i + 1}")
        x = b.dropout(x, dropout, name=f"classifier.{i + 2}")
    return x


def _sliding_head(b: Builder, x: str, side: int, hidden: int, dropout: float) -> str:
    for i, kernel in ((0, side), (3, 1)):
        x = b.relu(b.conv2d(x, hidden, kernel, name=f"classifier.{i}"), name=f"classifier.{i + 1}")
        x = b.dropout(x, dropout, name=f"classifier.{i + 2}")
    return b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))


def layouts(**_: Any) -> dict[str, Layout]:
    """timm's key map; its first two fully connected layers are convolutions."""
    rows = ((r"^pre_logits\.fc1\.", "classifier.0."), (r"^pre_logits\.fc2\.", "classifier.3."))
    return {"timm": Layout((*rows, (r"^head\.fc\.", "classifier.6.")), {"dense": True})}


FAMILIES = (
    Family(
        name="vgg",
        paper="Very Deep Convolutional Networks for Large-Scale Image Recognition",
        year=2014,
        build=build,
        layouts=layouts,
        trials=({"small_input": True},),
        variants=(
            Variant("vgg11", {"depths": A}, params=132_863_336, macs=7_609_090_048),
            Variant("vgg11_bn", {"depths": A, "batch_norm": True}, params=132_868_840, macs=7_609_090_048),
            Variant("vgg13", {"depths": B}, params=133_047_848, macs=11_308_466_176),
            Variant("vgg13_bn", {"depths": B, "batch_norm": True}, params=133_053_736, macs=11_308_466_176),
            Variant("vgg16", params=138_357_544, macs=15_470_264_320),
            Variant("vgg16_bn", {"batch_norm": True}, params=138_365_992, macs=15_470_264_320),
            Variant("vgg16_c", {"pointwise_third": True}, params=133_638_952, macs=11_770_888_192),
            Variant("vgg19", {"depths": E}, params=143_667_240, macs=19_632_062_464),
            Variant("vgg19_bn", {"depths": E, "batch_norm": True}, params=143_678_248, macs=19_632_062_464),
        ),
    ),
)
