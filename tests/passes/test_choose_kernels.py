"""The rules by which convolutions get their kernels: one layer of a known network for each row of the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer.kernels import find
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.on_arrays import problem_of_arrays
from tinyinfer.passes.choose_kernels import choices, winograd_cost

WIDE = pytest.mark.skipif(LANES < 16, reason="rows of 7 pixels fill the tiles of narrower vectors")


def chosen(channels: int, size: int, outputs: int, kernel: int, **attrs: Any) -> str:
    """The kernel for a layer of so many channels on a square map."""
    groups = attrs.get("groups", 1)
    x = np.empty((attrs.pop("batch", 1), channels, size, size), np.float32)
    weight = np.empty((outputs, channels // groups, kernel, kernel), np.float32)
    problem, _ = problem_of_arrays("conv2d", (x, weight), {"padding": kernel // 2, **attrs}, threads=1)
    fitting = (c for c in choices("conv2d") if find("conv2d", c.kernel).applies(problem) and c.when(problem))
    return next(fitting).kernel


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        ((64, 56, 256, 1), "pointwise"),
        ((64, 56, 64, 3), "winograd4x4"),
        ((128, 28, 128, 3), "winograd4x4"),
        ((192, 14, 192, 3), "winograd2x2"),  # 36 matrices of weights for 16 tiles
        ((512, 7, 512, 3), "winograd2x2"),
        ((3, 224, 64, 3), "winograd4x4"),
        ((4, 28, 4, 3), "direct"),  # too few channels for the transforms
        ((64, 28, 64, 5), "direct"),
    ],
)
def test_unit_stride(layer: tuple[int, int, int, int], kernel: str) -> None:
    assert chosen(*layer) == kernel


def test_a_batch_fills_the_large_tiles_of_a_small_map() -> None:
    assert chosen(512, 7, 512, 3, batch=16) == "winograd4x4"


def test_other_strides_and_groups() -> None:
    assert chosen(3, 224, 64, 7, stride=2) == "direct"
    assert chosen(64, 56, 128, 3, stride=2) == "direct"
    assert chosen(256, 56, 512, 1, stride=2) == "im2col"
    assert chosen(96, 56, 96, 3, stride=2, groups=96) == "depthwise"
    assert chosen(128, 28, 128, 1, groups=4) == "grouped_pointwise"
    assert chosen(128, 28, 128, 3, groups=4) == "im2col"


@WIDE
def test_maps_narrower_than_a_tile_are_gathered() -> None:
    assert chosen(512, 14, 512, 3, stride=2) == "im2col"


def test_winograds_cost_grows_with_what_it_counts() -> None:
    def cost(m: int, batch: int, channels: int) -> int:
        x, weight = np.empty((batch, channels, 14, 14), np.float32), np.empty((8, channels, 3, 3), np.float32)
        return winograd_cost(problem_of_arrays("conv2d", (x, weight), {"padding": 1}, threads=1)[0], m)

    assert cost(2, 1, 8) < cost(2, 2, 8) < 2 * cost(2, 1, 8)  # the weights are read once
    assert cost(4, 1, 16) == 36 * ((16 + 16) * 16 * 8 + 25 * 16 * (16 + 8))
