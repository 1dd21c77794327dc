"""AlexNet: the convolutional network that won ImageNet in 2012 (Krizhevsky et al. 2012)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Row = tuple[int, int, int, bool]

# one tower, as torchvision has it from Krizhevsky 2014, figure 2: filters, kernel, groups, pooled behind
ONE_TOWER: tuple[Row, ...] = (
    (64, 11, 1, True),
    (192, 5, 1, True),
    (384, 3, 1, False),
    (256, 3, 1, False),
    (256, 3, 1, True),
)

# paper, section 3.5 and figure 2, the same columns: the second, fourth and fifth see half the maps, those of one GPU
TWO_GPUS: tuple[Row, ...] = (
    (96, 11, 1, True),
    (256, 5, 2, True),
    (384, 3, 1, False),
    (384, 3, 2, False),
    (256, 3, 2, True),
)

# paper, section 3.3: n = 5, k = 2, beta = 0.75 and alpha = 1e-4 of each square, which the operator divides by n
RESPONSE_NORM = {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2.0}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = ONE_TOWER,
    response_norm: bool = False,
    hidden: Count = 4096,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
) -> Graph:
    """Five convolutions, three of them pooled, and three fully connected layers.

    ``response_norm`` normalises the first two convolutions across channels, as the paper does; ``hidden`` are the
    neurons of the first two fully connected layers; ``small_input`` begins with a 3x3 convolution of stride 1.
    """
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    at = 0
    for i, (filters, kernel, groups, pooled) in enumerate(table):
        stride, padding = (4, 2) if i == 0 else (1, kernel // 2)
        if i == 0 and small_input:
            kernel, stride, padding = 3, 1, 1
        channels = make_divisible(filters * width)
        name = f"features.{at}"
        x = b.conv2d(x, channels, kernel, name=name, stride=stride, padding=padding, groups=groups)
        x = b.relu(x, name=f"features.{at + 1}")
        if response_norm and i < 2:
            x = b.apply("local_response_norm", x, name=f"features.{at + 1}.norm", **RESPONSE_NORM)
        if pooled:
            x = b.max_pool2d(x, 3, name=f"features.{at + 2}", stride=2)
        at += 2 + pooled
    x = b.flatten(b.adaptive_avg_pool2d(x, 6, name="avgpool"))
    for i in (1, 4):
        x = b.linear(b.dropout(x, dropout, name=f"classifier.{i - 1}"), hidden, name=f"classifier.{i}")
        x = b.relu(x, name=f"classifier.{i + 1}")
    return b.finish(b.linear(x, num_classes, name="classifier.6"))


FAMILIES = (
    Family(
        name="alexnet",
        paper="ImageNet Classification with Deep Convolutional Neural Networks",
        year=2012,
        build=build,
        trials=({"small_input": True},),
        variants=(
            Variant("alexnet", params=61_100_840, macs=714_188_480),
            Variant(
                "alexnet_original",
                {"table": TWO_GPUS, "response_norm": True},
                aliases=("bvlc_alexnet",),
                params=60_965_224,
                macs=724_406_816,
            ),
        ),
    ),
)
