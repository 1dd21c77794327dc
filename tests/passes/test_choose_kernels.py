"""The rules by which convolutions get their kernels: one layer of a known network for each row of the table."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tinyinfer.builder import Builder
from tinyinfer.kernels import find
from tinyinfer.kernels.bare.on_arrays import problem_of_arrays
from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.passes.machine.choose_kernels import choices, choose_kernels
from tinyinfer.passes.machine.winograd_rule import winograd_cost

WIDE = pytest.mark.skipif(LANES < 16, reason="rows of 7 pixels fill the tiles of narrower vectors")
TILES = pytest.mark.skipif(not amx.available(), reason="no AMX tiles here")


def problem(channels: int, size: int, outputs: int, kernel: int, **attrs: Any) -> Problem:
    """A layer of so many channels on a square map."""
    groups = attrs.get("groups", 1)
    x = np.empty((attrs.pop("batch", 1), channels, size, size), np.float32)
    weight = np.empty((outputs, channels // groups, kernel, kernel), np.float32)
    return problem_of_arrays("conv2d", (x, weight), {"padding": kernel // 2, **attrs}, threads=1)[0]


def first_that_fits(problem: Problem) -> str:
    """The kernel of the first row of the table whose conditions hold."""
    name = problem.op.name
    return next(c for c in choices(name) if find(name, c.kernel).takes(problem) and c.when(problem)).kernel


def chosen(channels: int, size: int, outputs: int, kernel: int, **attrs: Any) -> str:
    """The kernel for `problem`."""
    return first_that_fits(problem(channels, size, outputs, kernel, **attrs))


def codes_chosen(channels: int, size: int, outputs: int, **attrs: Any) -> str:
    """The kernel for a 3x3 layer of codes."""
    x, weight = np.zeros((1, channels, size, size), np.uint8), np.zeros((outputs, channels, 3, 3), np.int8)
    attrs = {"padding": 1, "input_scale": 1.0, **attrs}
    args = (x, weight, np.ones(outputs, np.float32))
    return first_that_fits(problem_of_arrays("quantized_conv2d", args, attrs, 1, ("uint8", "float32"))[0])


def gated(channels: int, size: int) -> Problem:
    """A gate and a 1x1 convolution of so many channels on a square map."""
    x, gate = (np.empty((1, channels, side, side), np.float32) for side in (size, 1))
    weight = np.empty((40, channels, 1, 1), np.float32)
    return problem_of_arrays("gated_conv2d", (x, gate, weight), {}, threads=1)[0]


@pytest.mark.parametrize(
    ("layer", "attrs", "kernel"),
    [
        ((64, 56, 64), {}, "winograd4x4"),
        ((16, 55, 64), {}, "winograd4x4"),
        ((512, 7, 512), {}, "winograd2x2"),  # sums of more bits than F(4x4) leaves
        ((3, 224, 32), {}, "windows"),  # as many channels as there are would be padded
        ((64, 56, 64), {"stride": 2}, "windows"),
        ((64, 56, 64), {"weight_zero_point": 1}, "windows"),
    ],
)
def test_layers_of_codes(layer: tuple[int, int, int], attrs: dict[str, Any], kernel: str) -> None:
    assert codes_chosen(*layer, **attrs) == (kernel if PAIRED else "windows")


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        ((64, 56, 256, 1), "pointwise"),
        ((64, 56, 64, 3), "winograd4x4"),
        ((128, 28, 128, 3), "winograd4x4"),
        ((192, 14, 192, 3), "winograd4x4"),
        ((512, 7, 512, 3), "winograd2x2"),
        ((3, 224, 64, 3), "winograd4x4"),
        ((4, 28, 4, 3), "direct"),  # too few channels for the transforms
        ((64, 28, 64, 5), "winograd_5x5"),
        ((8, 28, 16, 5), "direct"),
        ((64, 28, 64, 7), "direct"),
        ((512, 4, 512, 3), "im2col"),  # four tiles: nine matrices of weights are read sooner than 16
    ],
)
def test_unit_stride(layer: tuple[int, int, int, int], kernel: str) -> None:
    assert chosen(*layer) == kernel


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(("threads", "kernel"), [(1, "winograd4x4"), (2, "winograd3x3"), (4, "winograd2x2")])
def test_threads_share_the_memory_that_weights_come_from(threads: int, kernel: str) -> None:
    assert first_that_fits(dataclasses.replace(problem(192, 14, 192, 3), threads=threads)) == kernel


@pytest.mark.usefixtures("no_tiles")
def test_a_batch_fills_the_large_tiles_of_a_small_map() -> None:
    assert chosen(512, 7, 512, 3, batch=16) == "winograd4x4"


@WIDE
@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(
    ("layer", "groups", "kernel"),
    [
        ((128, 28, 128, 3), 4, "winograd4x4"),
        ((128, 56, 128, 3), 32, "narrow_groups"),
        ((128, 28, 128, 3), 128 // 8, "narrow_groups"),
        ((64, 56, 16, 3), 4, "winograd4x4"),  # four outputs a group: one register of all groups
        ((512, 7, 128, 3), 32, "winograd4x4"),
        ((96, 7, 96, 3), 32, "direct"),  # too few channels of each group for so small a map, too few to gather
        ((64, 56, 64, 7), 2, "direct"),
    ],
)
def test_groups(layer: tuple[int, int, int, int], groups: int, kernel: str) -> None:
    assert chosen(*layer, groups=groups) == kernel


@WIDE
@pytest.mark.usefixtures("no_tiles")
def test_a_dilated_map_is_as_large_as_its_grids() -> None:
    assert chosen(256, 60, 256, 3, padding=2, dilation=2) == "winograd4x4"
    assert chosen(64, 28, 64, 3, padding=7, dilation=7) == "winograd4x4"  # grids of 4x4: one tile each
    assert chosen(16, 28, 16, 3, padding=2, dilation=2) == "winograd4x4"
    assert chosen(4, 28, 4, 3, padding=2, dilation=2) == "im2col"  # as on a map of 14x14
    assert chosen(4, 28, 4, 3, padding=(2, 1), dilation=(2, 1)) == "direct"
    assert chosen(64, 28, 64, 3, padding=2, dilation=2, stride=2) == "im2col"


@pytest.mark.usefixtures("no_tiles")
def test_other_strides_and_groups() -> None:
    assert chosen(3, 224, 64, 7, stride=2) == "direct"
    assert chosen(64, 56, 128, 3, stride=2) == "winograd_strided"
    assert chosen(8, 56, 8, 3, stride=2) == "direct"  # too few channels for the transforms
    assert chosen(64, 56, 128, 3, stride=(2, 1)) == "direct"
    assert chosen(512, 56, 1024, 1, stride=2) == "im2col"
    assert chosen(32, 56, 64, 1, stride=2) == "direct"
    assert chosen(96, 56, 96, 3, stride=2, groups=96) == "depthwise"
    assert chosen(128, 28, 128, 1, groups=4) == "grouped_pointwise"


@WIDE
@pytest.mark.parametrize(
    ("channels", "attrs", "kernel"),
    [
        (64, {"kernel_size": 3, "stride": 2, "padding": 1}, "small_windows"),
        (64, {"kernel_size": 2}, "small_windows"),
        (8, {"kernel_size": 2}, "windows"),  # less than a register
        (64, {"kernel_size": 5}, "windows"),
        (64, {"kernel_size": 3, "dilation": 2}, "windows"),
        (64, {"kernel_size": (3, 2)}, "windows"),
    ],
)
def test_maxima(channels: int, attrs: dict[str, Any], kernel: str) -> None:
    x = np.empty((1, channels, 14, 14), np.float32)
    assert first_that_fits(problem_of_arrays("max_pool2d", (x,), attrs, threads=1)[0]) == kernel


@WIDE
@pytest.mark.usefixtures("no_tiles")
def test_maps_narrower_than_a_tile_are_gathered() -> None:
    assert chosen(512, 14, 512, 3, stride=2) == "im2col"


@TILES
@pytest.mark.parametrize(
    ("layer", "attrs"),
    [
        ((24, 28, 48, 1), {}),
        ((64, 56, 128, 3), {"stride": 2}),
        ((512, 7, 512, 3), {}),  # nor does Winograd repay its transforms
        ((3, 224, 64, 7), {"stride": 2}),  # 147 summands, though few channels
        ((8, 28, 8, 3), {}),  # 72 summands
        ((256, 56, 512, 1), {"stride": 2}),
        ((64, 14, 64, 3), {"dilation": 2}),
        ((512, 2, 512, 1), {}),  # four pixels
        ((512, 1, 512, 1), {"batch": 4}),
    ],
)
def test_tiles_are_filled(layer: tuple[int, int, int, int], attrs: dict[str, int]) -> None:
    assert chosen(*layer, **attrs) == "bf16x3"


@TILES
@pytest.mark.parametrize(
    ("layer", "attrs", "kernel"),
    [
        ((16, 28, 96, 1), {}, "pointwise"),  # 16 summands
        ((23, 28, 96, 1), {}, "pointwise"),
        ((3, 224, 64, 3), {}, "winograd4x4"),  # 27 summands
        ((7, 28, 8, 3), {}, "direct"),  # 63 summands
        ((512, 1, 512, 1), {}, "pointwise"),  # one pixel
        ((512, 1, 512, 1), {"batch": 3}, "pointwise"),
        ((96, 56, 96, 3), {"groups": 96}, "depthwise"),
        ((128, 28, 128, 1), {"groups": 4}, "grouped_pointwise"),
    ],
)
def test_tiles_would_stay_empty(layer: tuple[int, int, int, int], attrs: dict[str, Any], kernel: str) -> None:
    assert chosen(*layer, **attrs) == kernel


@TILES
@pytest.mark.parametrize(
    ("channels", "size", "kernel"), [(40, 7, "bf16x3"), (23, 7, "scaled_weights"), (40, 1, "scaled_weights")]
)
def test_gated_convolutions(channels: int, size: int, kernel: str) -> None:
    assert first_that_fits(gated(channels, size)) == kernel


def test_machines_without_tiles_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = problem(64, 28, 64, 1), gated(64, 28)
    tiled = [find(layer.op.name, "bf16x3") for layer in layers]  # before the switch, which files heed once
    monkeypatch.setattr(amx, "available", lambda: False)
    assert not any(kernel.takes(layer) for kernel, layer in zip(tiled, layers, strict=True))
    assert first_that_fits(layers[1]) == "scaled_weights"


def test_winograds_cost_is_of_products_or_of_weights_whichever_take_longer() -> None:
    def cost(m: int, size: int, threads: int, outputs: int = 8) -> int:
        x, weight = np.empty((2, 1000, size, size), np.float32), np.empty((outputs, 1000, 3, 3), np.float32)
        return winograd_cost(problem_of_arrays("conv2d", (x, weight), {"padding": 1}, threads=threads)[0], m)

    def registers(channels: int) -> int:
        return -(-channels // LANES) * LANES

    transformed = registers(1000) + registers(8)
    assert cost(4, 14, 1) == 36 * (32 * 8000 + 5 * 32 * transformed) + 90_000  # 16 tiles an image
    assert cost(3, 4, 1) == 25 * (13 * 8000 + 5 * 8 * transformed) + 90_000
    assert cost(3, 4, 2) == 25 * (26 * 8000 + 5 * 8 * transformed) + 90_000
    assert cost(3, 4, 2, outputs=7) == 25 * (8 * 7000 + 5 * 8 * transformed) + 90_000  # so few stay in a cache
    assert cost(4, 4, 2, outputs=7) == 36 * (4 * 7000 + 5 * 2 * transformed) + 90_000  # but are not at hand


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(
    ("layer", "elsewhere", "kept"),
    [
        ((128, 4, 256), "im2col", "winograd2x2"),
        ((128, 7, 128), "winograd2x2", "winograd4x4"),
        ((128, 2, 256), "im2col", "im2col"),
    ],
)
def test_weights_of_a_small_network_stay_in_a_cache(layer: tuple[int, int, int], elsewhere: str, kept: str) -> None:
    given = problem(*layer, 3)
    assert first_that_fits(given) == elsewhere
    assert first_that_fits(dataclasses.replace(given, kept=True)) == kept


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(("hidden", "kernel"), [(16, "winograd2x2"), (1024, "im2col")])
def test_the_weights_of_all_layers_count(hidden: int, kernel: str) -> None:
    b = Builder()
    x = b.flatten(b.conv2d(b.input(128, 4), 128, 3, name="conv", padding=1))
    graph = b.finish(b.linear(x, hidden, name="linear"))
    assert choose_kernels(graph, graph.infer_types()).node("conv").kernel == kernel
