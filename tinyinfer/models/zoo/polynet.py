"""PolyNet: inception residuals composed as polynomials (Zhang et al. 2016)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import make_divisible
from tinyinfer.models.blocks.inception import Branch, Conv, InceptionStyle, Pool
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Module = Sequence[Branch]

# the stem is Inception v4's; pieces of which each puts its branches side by side
STEM_CONVS = (
    Conv("conv1.0", 32, 3, stride=2, padded=False),
    Conv("conv1.1", 32, 3, padded=False),
    Conv("conv1.2", 64, 3),
)
STEM: tuple[Module, ...] = (
    ((Pool("pool1", stride=2, padded=False),), (Conv("conv1_branch", 96, 3, stride=2, padded=False),)),
    (
        (Conv("conv2_short.0", 64), Conv("conv2_short.1", 96, 3, padded=False)),
        (
            Conv("conv2_long.0", 64),
            Conv("conv2_long.1", 64, (7, 1)),
            Conv("conv2_long.2", 64, (1, 7)),
            Conv("conv2_long.3", 96, 3, padded=False),
        ),
    ),
    ((Pool("pool2", stride=2, padded=False),), (Conv("conv2_branch", 192, 3, stride=2, padded=False),)),
)

# branches of the residuals F and G on the three grids, as in Inception-ResNet v2; a 1x1 brings the channels back
BLOCK_A: Module = (
    (Conv("path0.0", 32), Conv("path0.1", 48, 3), Conv("path0.2", 64, 3)),
    (Conv("path1.0", 32), Conv("path1.1", 32, 3)),
    (Conv("path2", 32),),
)
BLOCK_B: Module = (
    (Conv("path0.0", 128), Conv("path0.1", 160, (1, 7)), Conv("path0.2", 192, (7, 1))),
    (Conv("path1", 192),),
)
BLOCK_C: Module = (
    (Conv("path0.0", 192), Conv("path0.1", 224, (1, 3)), Conv("path0.2", 256, (3, 1))),
    (Conv("path1", 192),),
)
REDUCTION_A: Module = (
    (Conv("path0.0", 256), Conv("path0.1", 256, 3), Conv("path0.2", 384, 3, stride=2, padded=False)),
    (Conv("path1", 384, 3, stride=2, padded=False),),
    (Pool("path2", stride=2, padded=False),),
)
REDUCTION_B: Module = (
    (Conv("path0.0", 256), Conv("path0.1", 256, 3), Conv("path0.2", 256, 3, stride=2, padded=False)),
    (Conv("path1.0", 256), Conv("path1.1", 256, 3, stride=2, padded=False)),
    (Conv("path2.0", 256), Conv("path2.1", 384, 3, stride=2, padded=False)),
    (Pool("path3", stride=2, padded=False),),
)

# the Very Deep PolyNet (section 4.3): modules of stages A, B and C; poly-3 and 2-way take turns
MODULES: tuple[tuple[str, ...], ...] = (("2-way",) * 10, ("poly-3", "2-way") * 10, ("poly-3", "2-way") * 5)

BLOCKS: dict[str, Module] = {"a": BLOCK_A, "b": BLOCK_B, "c": BLOCK_C}
REDUCTIONS: dict[str, Module] = {"a": REDUCTION_A, "b": REDUCTION_B}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    modules: Sequence[Sequence[str]] = MODULES,
    kept: Factor = 0.7,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """Inception v4's stem and three stages of ``modules``, each named "N-way" or "poly-N" (section 3).

    Training drops residuals, the later the more often (section 4.2); at inference they are multiplied by their chance
    to stay, which falls linearly from 1 in the first module to ``kept`` in the last.  ``small_input`` gives the first
    convolution stride 1 and pads every layer.
    """
    style = InceptionStyle(eps, width, padded=small_input)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 331))
    convs = (STEM_CONVS[0]._replace(stride=1), *STEM_CONVS[1:]) if small_input else STEM_CONVS
    x = style.branch(b, x, convs, name="stem")
    for i, piece in enumerate(STEM):
        x = b.concat(*(style.branch(b, x, steps, name="stem") for steps in piece), name=f"stem.concat{i}")
    chances = iter(np.linspace(1, kept, sum(map(len, modules))))
    for (stage, block), kinds in zip(BLOCKS.items(), modules, strict=True):
        for i, kind in enumerate(kinds):
            x = _module(b, x, kind, block, style, f"stage_{stage}.{i}", float(next(chances)))
        if stage in REDUCTIONS:
            x = style.module(b, x, REDUCTIONS[stage], name=f"reduction_{stage}")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avg_pool"))
    return b.finish(b.linear(b.dropout(x, dropout, name="dropout"), num_classes, name="last_linear"))


def _module(b: Builder, x: str, kind: str, block: Module, style: InceptionStyle, name: str, scale: float) -> str:
    """I + F + G + ... of "N-way", or I + F + F^2 + ... + F^N of "poly-N" (figure 4)."""
    if match := re.fullmatch(r"([1-9])-way", kind):
        terms = [_residual(b, x, block, style, f"{name}.blocks.{i}") for i in range(int(match[1]))]
    elif match := re.fullmatch(r"poly-([1-9])", kind):
        terms = [_shared_residual(b, x, block, style, name, 0)]
        for i in range(1, int(match[1])):
            power = b.relu(terms[-1], name=f"{name}.relu.{i - 1}")
            terms.append(_shared_residual(b, power, block, style, name, i))
    else:
        raise InputError(f'{name}: expected "N-way" or "poly-N" with N from 1 to 9, found {kind!r}')
    total = x
    for i, term in enumerate(terms):
        scaled = b.apply("scale_shift", term, name=f"{name}.scale{i}", scale=scale)
        total = b.add(total, scaled, name=f"{name}.add{i}")
    return b.relu(total, name=f"{name}.relu")


def _residual(b: Builder, x: str, block: Module, style: InceptionStyle, name: str) -> str:
    y = style.module(b, x, block, name=name)
    return _restore(b, y, b.channels(x), f"{name}.conv2d", style)


def _shared_residual(b: Builder, x: str, block: Module, style: InceptionStyle, name: str, use: int) -> str:
    """F again: its convolutions are those of the first use, norms and the last 1x1 are of this use alone."""
    ends = []
    for branch in block:
        y = x
        for conv in branch:
            assert isinstance(conv, Conv)
            y = _shared_conv(b, y, conv, style, name, use)
        ends.append(y)
    y = b.concat(*ends, name=f"{name}.concat.{use}")
    return _restore(b, y, b.channels(x), f"{name}.conv2d_blocks.{use}", style)


def _shared_conv(b: Builder, x: str, conv: Conv, style: InceptionStyle, name: str, use: int) -> str:
    r, s = (conv.kernel, conv.kernel) if isinstance(conv.kernel, int) else conv.kernel
    path, _, step = conv.part.partition(".")
    part = f"{name}.{path}_{r}x{s}" if step else f"{name}.{path}"
    channels, padding = make_divisible(conv.channels * style.width), (r // 2, s // 2)
    key = f"{part}.conv"
    x = b.conv2d(x, channels, (r, s), name=f"{key}.{use}", padding=padding, bias=False, key=key)
    return b.relu(b.batch_norm(x, name=f"{part}.bn_blocks.{use}", eps=style.eps), name=f"{part}.relu.{use}")


def _restore(b: Builder, x: str, channels: int, name: str, style: InceptionStyle) -> str:
    """The 1x1 that brings the concatenation back to the module's channels, without a ReLU."""
    x = b.conv2d(x, channels, 1, name=f"{name}.conv", bias=False)
    return b.batch_norm(x, name=f"{name}.bn", eps=style.eps)


FAMILIES = (
    Family(
        name="polynet",
        paper="PolyNet: A Pursuit of Structural Diversity in Very Deep Networks",
        year=2016,
        build=build,
        variants=(Variant("polynet", params=95_366_600, macs=34_699_493_472),),
    ),
)
