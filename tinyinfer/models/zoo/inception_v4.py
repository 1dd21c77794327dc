"""Inception v4: the inception modules made uniform (Szegedy et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks.inception import Branch, Conv, Fork, InceptionStyle, Pool
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Module = Sequence[Branch]

# paper, figure 3: three convolutions, then pieces of which each puts its branches side by side
STEM_CONVS = (Conv("0", 32, 3, stride=2, padded=False), Conv("1", 32, 3, padded=False), Conv("2", 64, 3))
STEM: tuple[Module, ...] = (
    ((Pool("maxpool", "max", stride=2, padded=False),), (Conv("conv", 96, 3, stride=2, padded=False),)),
    (
        (Conv("branch0.0", 64), Conv("branch0.1", 96, 3, padded=False)),
        (
            Conv("branch1.0", 64),
            Conv("branch1.1", 64, (1, 7)),
            Conv("branch1.2", 64, (7, 1)),
            Conv("branch1.3", 96, 3, padded=False),
        ),
    ),
    ((Conv("conv", 192, 3, stride=2, padded=False),), (Pool("maxpool", "max", stride=2, padded=False),)),
)

# figure 4, for the 35x35 grid
INCEPTION_A: Module = (
    (Conv("branch0", 96),),
    (Conv("branch1.0", 64), Conv("branch1.1", 96, 3)),
    (Conv("branch2.0", 64), Conv("branch2.1", 96, 3), Conv("branch2.2", 96, 3)),
    (Pool("branch3.0", "avg"), Conv("branch3.1", 96)),
)

# figure 5, for the 17x17 grid
INCEPTION_B: Module = (
    (Conv("branch0", 384),),
    (Conv("branch1.0", 192), Conv("branch1.1", 224, (1, 7)), Conv("branch1.2", 256, (7, 1))),
    (
        Conv("branch2.0", 192),
        Conv("branch2.1", 192, (7, 1)),
        Conv("branch2.2", 224, (1, 7)),
        Conv("branch2.3", 224, (7, 1)),
        Conv("branch2.4", 256, (1, 7)),
    ),
    (Pool("branch3.0", "avg"), Conv("branch3.1", 128)),
)

# figure 6, for the 8x8 grid
INCEPTION_C: Module = (
    (Conv("branch0", 256),),
    (Conv("branch1_0", 384), Fork("branch1_1", (Conv("branch1_1a", 256, (1, 3)), Conv("branch1_1b", 256, (3, 1))))),
    (
        Conv("branch2_0", 384),
        Conv("branch2_1", 448, (3, 1)),
        Conv("branch2_2", 512, (1, 3)),
        Fork("branch2_3", (Conv("branch2_3a", 256, (1, 3)), Conv("branch2_3b", 256, (3, 1)))),
    ),
    (Pool("branch3.0", "avg"), Conv("branch3.1", 256)),
)

# figure 7 with k, l, m, n = 192, 224, 256, 384 of table 1
REDUCTION_A: Module = (
    (Conv("branch0", 384, 3, stride=2, padded=False),),
    (Conv("branch1.0", 192), Conv("branch1.1", 224, 3), Conv("branch1.2", 256, 3, stride=2, padded=False)),
    (Pool("branch2", "max", stride=2, padded=False),),
)

# figure 8
REDUCTION_B: Module = (
    (Conv("branch0.0", 192), Conv("branch0.1", 192, 3, stride=2, padded=False)),
    (
        Conv("branch1.0", 256),
        Conv("branch1.1", 256, (1, 7)),
        Conv("branch1.2", 320, (7, 1)),
        Conv("branch1.3", 320, 3, stride=2, padded=False),
    ),
    (Pool("branch2", "max", stride=2, padded=False),),
)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depths: Sequence[int] = (4, 7, 3),
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.2,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of figure 9: ``depths`` modules A, B and C with reductions between them.

    ``small_input`` gives the first convolution stride 1 and pads every layer.
    """
    a, b_modules, c = depths
    modules = (*STEM, *[INCEPTION_A] * a, REDUCTION_A, *[INCEPTION_B] * b_modules, REDUCTION_B, *[INCEPTION_C] * c)
    style = InceptionStyle(eps, width, count_include_pad=False, padded=small_input)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 299))
    convs = (STEM_CONVS[0]._replace(stride=1), *STEM_CONVS[1:]) if small_input else STEM_CONVS
    x = style.branch(b, x, convs, name="features")
    for index, module in enumerate(modules, start=len(convs)):
        x = style.module(b, x, module, name=f"features.{index}")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="global_pool"))
    return b.finish(b.linear(b.dropout(x, dropout, name="head_drop"), num_classes, name="last_linear"))


FAMILIES = (
    Family(
        name="inception_v4",
        paper="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        year=2016,
        build=build,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(Variant("inception_v4", params=42_679_816, macs=12_253_974_624),),
    ),
)
