"""SqueezeNet: AlexNet's accuracy with 50 times fewer parameters (Iandola et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, fire, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

POOL = ()
Row = Sequence[int]

# paper, table 1: filters of squeeze 1x1, expand 1x1, expand 3x3; POOL between them
TABLE_1_0: tuple[Row, ...] = (
    POOL,
    (16, 64, 64),
    (16, 64, 64),
    (32, 128, 128),
    POOL,
    (32, 128, 128),
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    POOL,
    (64, 256, 256),
)

# the authors' release 1.1: the same modules, pooled earlier
TABLE_1_1: tuple[Row, ...] = (
    POOL,
    (16, 64, 64),
    (16, 64, 64),
    POOL,
    (32, 128, 128),
    (32, 128, 128),
    POOL,
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    (64, 256, 256),
)

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[Row, ...] = (
    POOL,
    (16, 32, 32),
    (16, 48, 48),
    POOL,
    (32, 64, 64),
    (32, 64, 64),
    POOL,
    (48, 128, 128),
    (48, 128, 128),
)
CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "stem": 32,
    "stem_kernel": 3,
    "padding": "same",
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = TABLE_1_0,
    stem: Count = 96,
    stem_kernel: Count = 7,
    squeeze_ratio: Factor | None = None,
    share_3x3: Factor | None = None,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.5,
) -> Graph:
    """The network of table 1.

    ``squeeze_ratio`` and ``share_3x3`` are the paper's SR and pct_3x3 (section 5), as in the table unless given;
    ``small_input`` gives the first convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("relu", padding)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    unpadded = 0 if padding == "symmetric" else padding
    stem, stride = make_divisible(stem * width), 1 if small_input else 2
    x = b.conv2d(x, stem, stem_kernel, name="features.0", stride=stride, padding=unpadded)
    x = b.relu(x, name="features.1")
    for index, row in enumerate(table, start=2):
        name = f"features.{index}"
        if not row:
            x = b.max_pool2d(x, 3, name=name, stride=2, padding=unpadded, ceil_mode=True)
        else:
            x = fire(b, x, *_filters(row, width, squeeze_ratio, share_3x3), name=name, style=style)
    x = b.dropout(x, dropout, name="classifier.0")
    x = b.relu(b.conv2d(x, num_classes, 1, name="classifier.1"), name="classifier.2")
    return b.finish(b.flatten(b.adaptive_avg_pool2d(x, name="classifier.3")))


def _filters(row: Row, width: float, squeeze_ratio: float | None, share_3x3: float | None) -> tuple[int, int, int]:
    squeeze, expand1x1, expand3x3 = (make_divisible(filters * width) for filters in row)
    expand = expand1x1 + expand3x3
    if squeeze_ratio is not None:
        squeeze = max(1, round(squeeze_ratio * expand))
    if share_3x3 is not None:
        expand3x3 = min(max(1, round(share_3x3 * expand)), expand - 1)
    return squeeze, expand - expand3x3, expand3x3


FAMILIES = (
    Family(
        name="squeezenet",
        paper="SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
        year=2016,
        build=build,
        knob_aliases={"width_mult": "width"},
        variants=(
            Variant("squeezenet1_0", params=1_248_424, macs=818_924_576),
            Variant(
                "squeezenet1_1",
                {"table": TABLE_1_1, "stem": 64, "stem_kernel": 3},
                params=1_235_496,
                macs=349_151_936,
            ),
            Variant("squeezenet_cifar", CIFAR_KNOBS, labels="cifar10", params=208_362, macs=9_936_896),
        ),
    ),
)
