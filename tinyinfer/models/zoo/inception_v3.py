"""Inception v3: factorised convolutions (Szegedy et al. 2015, "Rethinking")."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks.inception import Branch, Conv, Fork, InceptionStyle, Pool
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability
from tinyinfer.models.zoo.googlenet import RESCALE

# paper, table 1, the layers up to the first module: name, channels, kernel, stride, padded; a pool behind two of them
STEM = (
    Conv("Conv2d_1a_3x3", 32, 3, stride=2, padded=False),
    Conv("Conv2d_2a_3x3", 32, 3, padded=False),
    Conv("Conv2d_2b_3x3", 64, 3),
    Pool("maxpool1", "max", stride=2, padded=False),
    Conv("Conv2d_3b_1x1", 80),
    Conv("Conv2d_4a_3x3", 192, 3, padded=False),
    Pool("maxpool2", "max", stride=2, padded=False),
)

# modules of figure 5 by name and channels behind the pool; of figure 6 by name and channels inside; of figure 7
FIGURE_5 = (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64))
FIGURE_6 = (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192))
FIGURE_7 = ("Mixed_7b", "Mixed_7c")


def figure_5(pooled: int) -> Sequence[Branch]:
    """5x5 as two 3x3, on the 35x35 grid."""
    return (
        (Conv("branch1x1", 64),),
        (Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, 5)),
        (Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, 3), Conv("branch3x3dbl_3", 96, 3)),
        (Pool("pool", "avg"), Conv("branch_pool", pooled)),
    )


def figure_6(inner: int) -> Sequence[Branch]:
    """7x7 as 1x7 and 7x1, on the 17x17 grid."""
    return (
        (Conv("branch1x1", 192),),
        (Conv("branch7x7_1", inner), Conv("branch7x7_2", inner, (1, 7)), Conv("branch7x7_3", 192, (7, 1))),
        (
            Conv("branch7x7dbl_1", inner),
            Conv("branch7x7dbl_2", inner, (7, 1)),
            Conv("branch7x7dbl_3", inner, (1, 7)),
            Conv("branch7x7dbl_4", inner, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        (Pool("pool", "avg"), Conv("branch_pool", 192)),
    )


def figure_7() -> Sequence[Branch]:
    """3x3 spread out into 1x3 beside 3x1, on the 8x8 grid."""
    spread = (Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1)))
    double = (Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1)))
    return (
        (Conv("branch1x1", 320),),
        (Conv("branch3x3_1", 384), Fork("branch3x3_2", spread)),
        (Conv("branch3x3dbl_1", 448), Conv("branch3x3dbl_2", 384, 3), Fork("branch3x3dbl_3", double)),
        (Pool("pool", "avg"), Conv("branch_pool", 192)),
    )


# figure 10: the grid is halved by convolutions and a pool side by side
REDUCTION_6A: Sequence[Branch] = (
    (Conv("branch3x3", 384, 3, stride=2, padded=False),),
    (
        Conv("branch3x3dbl_1", 64),
        Conv("branch3x3dbl_2", 96, 3),
        Conv("branch3x3dbl_3", 96, 3, stride=2, padded=False),
    ),
    (Pool("branch_pool", "max", stride=2, padded=False),),
)
REDUCTION_7A: Sequence[Branch] = (
    (Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, 3, stride=2, padded=False)),
    (
        Conv("branch7x7x3_1", 192),
        Conv("branch7x7x3_2", 192, (1, 7)),
        Conv("branch7x7x3_3", 192, (7, 1)),
        Conv("branch7x7x3_4", 192, 3, stride=2, padded=False),
    ),
    (Pool("branch_pool", "max", stride=2, padded=False),),
)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    transform_input: bool = False,
    count_include_pad: bool = True,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of table 1, without the auxiliary classifier, which serves training alone.

    ``transform_input`` rescales pictures that come with ImageNet's means, for torchvision's weights;
    ``count_include_pad`` is false for weights trained by TensorFlow; ``small_input`` gives the first convolution
    stride 1 and pads every layer.
    """
    style = InceptionStyle(eps, width, count_include_pad=count_include_pad, padded=small_input)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 299))
    if transform_input:
        x = b.apply("scale_shift", x, name="transform_input", **RESCALE)
    stem = (STEM[0]._replace(stride=1), *STEM[1:]) if small_input else STEM
    x = style.branch(b, x, stem, name="")
    for name, pooled in FIGURE_5:
        x = style.module(b, x, figure_5(pooled), name=name)
    x = style.module(b, x, REDUCTION_6A, name="Mixed_6a")
    for name, inner in FIGURE_6:
        x = style.module(b, x, figure_6(inner), name=name)
    x = style.module(b, x, REDUCTION_7A, name="Mixed_7a")
    for name in FIGURE_7:
        x = style.module(b, x, figure_7(), name=name)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(b.dropout(x, dropout, name="dropout"), num_classes, name="fc"))


FAMILIES = (
    Family(
        name="inception_v3",
        paper="Rethinking the Inception Architecture for Computer Vision",
        year=2015,
        build=build,
        ignore=(r"AuxLogits\.",),
        variants=(
            Variant("inception_v3", params=23_834_568, macs=5_713_216_096),
            Variant(
                "inception_v3_transform",
                {"transform_input": True},
                aliases=("inception_v3_aux_transform",),
                params=23_834_568,
                macs=5_713_216_096,
            ),
        ),
    ),
)
