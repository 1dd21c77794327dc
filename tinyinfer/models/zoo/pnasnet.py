"""PNASNet-5: one cell for everything, found by a progressive search (Liu et al. 2018)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.nas_branches import CombCells
from tinyinfer.models.blocks.nas_cell import Cell
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability
from tinyinfer.models.zoo.nasnet import first_layer, head

# paper, figure 1: each row adds two operations on states (0: cell before last, 1: last cell, 2 ...: the rows' sums)
CELL = Cell(
    pairs=(
        (("sep_conv_5x5", 0), ("max_pool_3x3", 0)),
        (("sep_conv_7x7", 1), ("max_pool_3x3", 1)),
        (("sep_conv_5x5", 1), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 4), ("max_pool_3x3", 1)),
        (("sep_conv_3x3", 0), ("skip_connect", 1)),
    ),
    concat=(2, 3, 4, 5, 6),
)

STAGES = 3  # of N cells each; the first of the later ones halves the size


def build(
    *,
    num_classes: Count = 1000,
    cells: Count = 4,
    filters: Count = 216,
    stem: Count = 96,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
    eps: Factor = 1e-3,
) -> Graph:
    """PNASNet-5 (N = ``cells``, F = ``filters``): F channels in each operation of the first stage (section 5).

    ``small_input`` has no stem cells, as on CIFAR-10.
    """
    b = Builder()
    cell = CombCells(b, Style("relu", "same", eps), paths="conv_prev_1x1")
    before = x = first_layer(b, stem, "conv_0", small_input, resolution, eps)
    if not small_input:
        x = cell((before, x), CELL, max(filters // 4, 1), "cell_stem_0", reduce=True, raw=True)
        before, x = x, cell((before, x), CELL, max(filters // 2, 2), "cell_stem_1", reduce=True)
    for i in range(STAGES * cells):
        stage, reduce = i // cells, i > 0 and i % cells == 0
        before, x = x, cell((before, x), CELL, filters * 2**stage, f"cell_{i}", reduce)
    return b.finish(head(b, x, num_classes, dropout))


FAMILIES = (
    Family(
        name="pnasnet",
        paper="Progressive Neural Architecture Search",
        year=2018,
        build=build,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(
            Variant("pnasnet5large", params=86_057_668, macs=24_937_395_792),
            Variant(
                "pnasnet5mobile",
                {"cells": 3, "filters": 54, "stem": 32, "resolution": 224},
                params=5_064_487,
                macs=587_293_200,
            ),
        ),
    ),
)
