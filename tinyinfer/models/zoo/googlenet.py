"""GoogLeNet: inception modules (Szegedy et al. 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks.inception import Conv, InceptionStyle, Pool
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Row = tuple[str, int, int, int, int, int, int]

# paper, table 1: module, #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
TABLE: tuple[Row, ...] = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)

# the windows of the pools in front of modules; the paper has 3 in both, torchvision's weights 2 in the last
POOLS = {"4a": 3, "5a": 2}

RESPONSE_NORM = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}  # the authors' Caffe model

# from ImageNet's means and deviations, in which the picture comes, to the 0.5 and 0.5 that the weights were trained in
RESCALE = {
    "scale": (0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5),
    "shift": ((0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5),
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = TABLE,
    large_kernel: Count = 3,
    last_pool: Count = 2,
    batch_norm: bool = True,
    transform_input: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.2,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of table 1, without the auxiliary classifiers, which serve training alone.

    ``large_kernel`` is the kernel of the branch called 5x5: 5 in the paper, 3 in TensorFlow's weights that
    torchvision ported; so is ``last_pool`` 3 and 2.  Without ``batch_norm``, as in the paper, convolutions have
    biases and the stem is normalised across channels.  ``transform_input`` rescales pictures that come with
    ImageNet's means.  ``small_input`` begins with a 3x3 convolution of stride 1 without pooling.
    """
    style = InceptionStyle(eps, width, ceil_mode=True, batch_norm=batch_norm)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    if transform_input:
        x = b.apply("scale_shift", x, name="transform_input", **RESCALE)
    x = _stem(b, x, style, small_input)
    for row in table:
        module = row[0]
        if module in POOLS:
            size = last_pool if module == "5a" else POOLS[module]
            x = b.max_pool2d(x, size, name=f"maxpool{int(module[0]) - 1}", stride=2, ceil_mode=True)
        x = style.module(b, x, _branches(row, large_kernel), name=f"inception{module}")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(b.dropout(x, dropout, name="dropout"), num_classes, name="fc"))


def _stem(b: Builder, x: str, style: InceptionStyle, small_input: bool) -> str:
    first = Conv("conv1", 64, 3) if small_input else Conv("conv1", 64, 7, stride=2)
    x = style.conv(b, x, first)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool1", stride=2, ceil_mode=True)
    if not style.batch_norm:
        x = b.apply("local_response_norm", x, name="norm1", **RESPONSE_NORM)
    x = style.conv(b, style.conv(b, x, Conv("conv2", 64)), Conv("conv3", 192, 3))
    if not style.batch_norm:
        x = b.apply("local_response_norm", x, name="norm2", **RESPONSE_NORM)
    return b.max_pool2d(x, 3, name="maxpool2", stride=2, ceil_mode=True)


def _branches(row: Row, large_kernel: int) -> list[list[Conv | Pool]]:
    _, direct, reduce3, three, reduce5, five, projected = row
    return [
        [Conv("branch1", direct)],
        [Conv("branch2.0", reduce3), Conv("branch2.1", three, 3)],
        [Conv("branch3.0", reduce5), Conv("branch3.1", five, large_kernel)],
        [Pool("branch4.0"), Conv("branch4.1", projected)],
    ]


FAMILIES = (
    Family(
        name="googlenet",
        paper="Going Deeper with Convolutions",
        year=2014,
        build=build,
        ignore=(r"aux1\.", r"aux2\."),
        trials=({"small_input": True},),
        variants=(
            Variant("googlenet", params=6_624_904, macs=1_498_376_192),
            Variant(
                "googlenet_transform",
                {"transform_input": True},
                aliases=("googlenet_aux_transform",),
                params=6_624_904,
                macs=1_498_376_192,
            ),
            Variant(
                "googlenet_original",
                {"large_kernel": 5, "last_pool": 3, "batch_norm": False, "dropout": 0.4},
                aliases=("bvlc_googlenet",),
                params=6_998_552,
                macs=1_582_671_872,
            ),
        ),
    ),
)
