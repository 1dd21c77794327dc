"""NASNet-A: the cells that were searched for on CIFAR-10 and stacked for ImageNet (Zoph et al. 2018)."""

from __future__ import annotations

from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.nas_branches import CombCells
from tinyinfer.models.blocks.nas_cell import Cell
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

# paper, figure 4: each row adds two operations on states (0: cell before last, 1: last cell, 2 ...: the rows' sums)
NORMAL = Cell(
    pairs=(
        (("sep_conv_5x5", 1), ("sep_conv_3x3", 0)),
        (("sep_conv_5x5", 0), ("sep_conv_3x3", 0)),
        (("avg_pool_3x3", 1), ("skip_connect", 0)),
        (("avg_pool_3x3", 0), ("avg_pool_3x3", 0)),
        (("sep_conv_3x3", 1), ("skip_connect", 1)),
    ),
    concat=(0, 2, 3, 4, 5, 6),
)
REDUCTION = Cell(
    pairs=(
        (("sep_conv_5x5", 1), ("sep_conv_7x7", 0)),
        (("max_pool_3x3", 1), ("sep_conv_7x7", 0)),
        (("avg_pool_3x3", 1), ("sep_conv_5x5", 0)),
        (("skip_connect", 3), ("avg_pool_3x3", 2)),
        (("sep_conv_3x3", 2), ("max_pool_3x3", 1)),
    ),
    concat=(3, 4, 5, 6),
)

STAGES = 3  # of N normal cells each, with a reduction cell in between
NUMBERS = 6  # the public names count the cells of a stage as if there were six


def build(
    *,
    num_classes: Count = 1000,
    cells: Count = 6,
    filters: Count = 4032,
    stem: Count = 96,
    skip_reduction: bool = True,
    padding: Literal["same", "cropped"] = "same",
    count_padding: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.5,
    eps: Factor = 1e-3,
) -> Graph:
    """NASNet-A (``cells`` @ ``filters``): so many normal cells a stage, so many channels at the end.

    The first cell of a stage sees the end of the stage before, or with ``skip_reduction`` the cell before that.
    ``padding`` "cropped" is that of ports with a fixed input size; ``count_padding`` lets average pools of stride 2
    count the zeros around the image.  ``small_input`` has no stem cells, as on CIFAR-10.
    """
    b = Builder()
    style = Style("relu", "same" if padding == "same" else "symmetric", eps)
    cell = CombCells(b, style, padding == "cropped", count_padding)
    width = max(filters // (4 * len(NORMAL.concat)), 1)
    x = stack(b, cell, (NORMAL, REDUCTION), cells, width, stem, skip_reduction, small_input, resolution)
    return b.finish(head(b, x, num_classes, dropout))


def stack(
    b: Builder,
    cell: CombCells,
    kinds: tuple[Cell, Cell],
    cells: int,
    width: int,
    stem: int,
    skip_reduction: bool,
    small_input: bool,
    resolution: int | None,
) -> str:
    """From the image to the last cell: the stem, then stages of ``cells``, ``width`` wide at first (figure 2)."""
    normal, reduction = kinds
    before = x = first_layer(b, stem, "conv0", small_input, resolution, cell.style.eps)
    if not small_input:
        x = cell((before, x), reduction, max(width // 4, 1), "cell_stem_0", reduce=True, raw=True)
        before, x = x, cell((before, x), reduction, max(width // 2, 2), "cell_stem_1", reduce=True)
    for stage in range(STAGES):
        if stage:
            width *= 2
            reduced = cell((before, x), reduction, width, f"reduction_cell_{stage - 1}", reduce=True)
            before, x = before if skip_reduction else x, reduced
        for i in range(cells):
            before, x = x, cell((before, x), normal, width, f"cell_{max(NUMBERS, cells) * stage + i}")
    return x


def first_layer(b: Builder, channels: int, name: str, small_input: bool, resolution: int | None, eps: float) -> str:
    """Input, 3x3 convolution without padding, batch norm; 32x32 pictures keep their size."""
    x = b.input(3, resolution or (32 if small_input else 331))
    stride, padding = (1, 1) if small_input else (2, 0)
    x = b.conv2d(x, channels, 3, name=f"{name}.conv", stride=stride, padding=padding, bias=False)
    return b.batch_norm(x, name=f"{name}.bn", eps=eps)


def head(b: Builder, x: str, num_classes: int, dropout: float) -> str:
    """ReLU, global average, the classes."""
    x = b.adaptive_avg_pool2d(b.relu(x, name="relu"), name="avg_pool")
    return b.linear(b.dropout(b.flatten(x), dropout, name="dropout"), num_classes, name="last_linear")


MOBILE: dict[str, Any] = {
    "cells": 4,
    "filters": 1056,
    "stem": 32,
    "skip_reduction": False,
    "padding": "cropped",
    "resolution": 224,
}

FAMILIES = (
    Family(
        name="nasnet",
        paper="Learning Transferable Architectures for Scalable Image Recognition",
        year=2018,
        build=build,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(
            Variant("nasnetamobile", MOBILE, params=5_289_978, macs=568_234_858),
            Variant("nasnetalarge", {"count_padding": True}, params=88_753_150, macs=23_783_414_658),
            Variant(
                "cadene_nasnetalarge",
                {"padding": "cropped", "num_classes": 1001},
                labels="imagenet1001",
                params=88_757_183,
                macs=23_809_959_666,
            ),
            Variant(
                "nasnet_a_cifar",
                {"filters": 768, "small_input": True, "num_classes": 10},
                labels="cifar10",
                params=3_328_234,
                macs=525_786_624,
            ),
        ),
    ),
)
