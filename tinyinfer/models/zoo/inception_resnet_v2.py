"""Inception-ResNet v2: inception modules as residuals (Szegedy et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks.inception import Branch, Conv, InceptionStyle, Pool
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Module = Sequence[Branch]

# Inception v3's stem, as the authors' released model has it in place of figure 3's
STEM = (
    Conv("conv2d_1a", 32, 3, stride=2, padded=False),
    Conv("conv2d_2a", 32, 3, padded=False),
    Conv("conv2d_2b", 64, 3),
    Pool("maxpool_3a", "max", stride=2, padded=False),
    Conv("conv2d_3b", 80),
    Conv("conv2d_4a", 192, 3, padded=False),
    Pool("maxpool_5a", "max", stride=2, padded=False),
)
MIXED_5B: Module = (
    (Conv("branch0", 96),),
    (Conv("branch1.0", 48), Conv("branch1.1", 64, 5)),
    (Conv("branch2.0", 64), Conv("branch2.1", 96, 3), Conv("branch2.2", 96, 3)),
    (Pool("branch3.0", "avg"), Conv("branch3.1", 64)),
)

# the branches of figures 16, 17 and 19, whose concatenation a 1x1 brings back to the block's channels
BLOCK_A: Module = (
    (Conv("branch0", 32),),
    (Conv("branch1.0", 32), Conv("branch1.1", 32, 3)),
    (Conv("branch2.0", 32), Conv("branch2.1", 48, 3), Conv("branch2.2", 64, 3)),
)
BLOCK_B: Module = (
    (Conv("branch0", 192),),
    (Conv("branch1.0", 128), Conv("branch1.1", 160, (1, 7)), Conv("branch1.2", 192, (7, 1))),
)
BLOCK_C: Module = (
    (Conv("branch0", 192),),
    (Conv("branch1.0", 192), Conv("branch1.1", 224, (1, 3)), Conv("branch1.2", 256, (3, 1))),
)

# figure 7 with k, l, m, n = 256, 256, 384, 384 of table 1, and figure 18
REDUCTION_A: Module = (
    (Conv("branch0", 384, 3, stride=2, padded=False),),
    (Conv("branch1.0", 256), Conv("branch1.1", 256, 3), Conv("branch1.2", 384, 3, stride=2, padded=False)),
    (Pool("branch2", "max", stride=2, padded=False),),
)
REDUCTION_B: Module = (
    (Conv("branch0.0", 256), Conv("branch0.1", 384, 3, stride=2, padded=False)),
    (Conv("branch1.0", 256), Conv("branch1.1", 288, 3, stride=2, padded=False)),
    (Conv("branch2.0", 256), Conv("branch2.1", 288, 3), Conv("branch2.2", 320, 3, stride=2, padded=False)),
    (Pool("branch3", "max", stride=2, padded=False),),
)

SCALES = (0.17, 0.10, 0.20)  # of the residuals (section 3.3), in the authors' released model


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depths: Sequence[int] = (10, 20, 9),
    scales: Sequence[float] = SCALES,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.2,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of figure 15, as released: ``depths`` blocks A, B and C, reductions between, one more C at the end.

    ``scales`` multiply the residuals of A, B and C.  ``small_input`` gives the first convolution stride 1 and pads
    every layer.
    """
    style = InceptionStyle(eps, width, count_include_pad=False, padded=small_input)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 299))
    stem = (STEM[0]._replace(stride=1), *STEM[1:]) if small_input else STEM
    x = style.module(b, style.branch(b, x, stem, name=""), MIXED_5B, name="mixed_5b")
    (a, residuals_b, c), (scale_a, scale_b, scale_c) = depths, scales
    for i in range(a):
        x = _residual(b, x, BLOCK_A, style, f"repeat.{i}", scale_a)
    x = style.module(b, x, REDUCTION_A, name="mixed_6a")
    for i in range(residuals_b):
        x = _residual(b, x, BLOCK_B, style, f"repeat_1.{i}", scale_b)
    x = style.module(b, x, REDUCTION_B, name="mixed_7a")
    for i in range(c):
        x = _residual(b, x, BLOCK_C, style, f"repeat_2.{i}", scale_c)
    x = _residual(b, x, BLOCK_C, style, "block8")
    x = b.flatten(b.adaptive_avg_pool2d(style.conv(b, x, Conv("conv2d_7b", 1536)), name="global_pool"))
    return b.finish(b.linear(b.dropout(x, dropout, name="head_drop"), num_classes, name="classif"))


def _residual(b: Builder, x: str, module: Module, style: InceptionStyle, name: str, scale: float | None = None) -> str:
    """A block around a shortcut; without a scale the residual is not damped and no ReLU follows."""
    y = b.conv2d(style.module(b, x, module, name=name), b.channels(x), 1, name=f"{name}.conv2d")
    if scale is None:
        return b.add(y, x, name=f"{name}.add")
    y = b.apply("scale_shift", y, name=f"{name}.scale", scale=scale)
    return b.relu(b.add(y, x, name=f"{name}.add"), name=f"{name}.relu")


def layouts(**_: object) -> dict[str, Layout]:
    """Key map of Cadene's port, which timm took over and renamed."""
    return {"cadene": Layout(((r"^last_linear\.", "classif."),))}


FAMILIES = (
    Family(
        name="inception_resnet_v2",
        paper="Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        year=2016,
        build=build,
        layouts=layouts,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(Variant("inception_resnet_v2", params=55_843_464, macs=13_155_794_016),),
    ),
)
