"""AmoebaNet-A: cells found by regularized evolution, stacked as NASNet's (Real et al. 2019)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.nas_branches import CombCells
from tinyinfer.models.blocks.nas_cell import Cell
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability
from tinyinfer.models.zoo.nasnet import head, stack

# the authors' code: each row adds two operations on states (0: cell before last, 1: last cell, 2 ...: the rows' sums)
NORMAL = Cell(
    pairs=(
        (("avg_pool_3x3", 1), ("max_pool_3x3", 1)),
        (("sep_conv_3x3", 0), ("skip_connect", 0)),
        (("skip_connect", 1), ("avg_pool_3x3", 0)),
        (("sep_conv_3x3", 1), ("sep_conv_5x5", 2)),
        (("avg_pool_3x3", 5), ("sep_conv_3x3", 1)),
    ),
    concat=(0, 3, 4, 6),
)
REDUCTION = Cell(
    pairs=(
        (("sep_conv_3x3", 0), ("avg_pool_3x3", 1)),
        (("max_pool_3x3", 1), ("sep_conv_7x7", 2)),
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("sep_conv_3x3", 4), ("conv_7x1_1x7", 1)),
        (("avg_pool_3x3", 0), ("sep_conv_7x7", 1)),
    ),
    concat=(2, 3, 4, 5, 6),
)


def build(
    *,
    num_classes: Count = 1000,
    cells: Count = 6,
    filters: Count = 190,
    stem: Count = 96,
    skip_reduction: bool = True,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
    eps: Factor = 1e-3,
) -> Graph:
    """AmoebaNet-A (N = ``cells``, F = ``filters``): F channels in each operation of the first stage (section 5).

    ``skip_reduction`` and ``small_input`` as in NASNet.
    """
    b = Builder()
    cell = CombCells(b, Style("relu", "same", eps))
    x = stack(b, cell, (NORMAL, REDUCTION), cells, filters, stem, skip_reduction, small_input, resolution)
    return b.finish(head(b, x, num_classes, dropout))


MOBILE = {"cells": 4, "filters": 50, "stem": 32, "resolution": 224}

FAMILIES = (
    Family(
        name="amoebanet",
        paper="Regularized Evolution for Image Classifier Architecture Search",
        year=2019,
        build=build,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(
            Variant("amoebanet_a", params=86_739_341, macs=23_370_620_627),
            Variant("amoebanet_a_mobile", MOBILE, params=5_086_930, macs=554_687_204),
        ),
    ),
)
