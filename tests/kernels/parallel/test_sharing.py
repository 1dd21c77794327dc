"""How work is dealt out to threads: nothing is left out, and none gets much more than the others."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.kernels.bare.on_arrays import problem_of_arrays
from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.conv.direct import Direct
from tinyinfer.kernels.conv.winograd import Winograd4x4
from tinyinfer.kernels.depthwise import depthwise
from tinyinfer.kernels.depthwise.depthwise_chain import RowRing
from tinyinfer.kernels.matmul import gemm
from tinyinfer.kernels.parallel.pages import APART

first_tile, walk = gemm.first_tile.py_func, depthwise.walk.py_func


@given(rows=st.integers(1, 90), n=st.integers(1, 400), parts=st.integers(1, 5))
def test_parts_of_a_product_follow_each_other(rows, n, parts):
    tiles, panels = -(-rows // gemm.MR), -(-n // gemm.NR)
    bounds = [first_tile(part, parts, rows, n) for part in range(parts + 1)]
    assert bounds[0] == 0
    assert bounds[-1] == tiles * panels
    assert bounds == sorted(bounds)


@given(rows=st.integers(1, 90), n=st.integers(1, 400), parts=st.integers(2, 5))
def test_parts_of_a_product_differ_by_a_tile_or_two(rows, n, parts):
    def products(first: int, last: int) -> int:
        """Rows times registers of the tiles first .. last."""
        tiles = -(-rows // gemm.MR)
        places = [(tile % tiles * gemm.MR, tile // tiles * gemm.NR) for tile in range(first, last)]
        widths = [1 if n - start <= LANES else gemm.NV for _, start in places]
        return sum(min(gemm.MR, rows - row) * width for (row, _), width in zip(places, widths, strict=True))

    bounds = [first_tile(part, parts, rows, n) for part in range(parts + 1)]
    shares = [products(*pair) for pair in itertools.pairwise(bounds)]
    assert max(shares) <= sum(shares) / parts + gemm.MR * gemm.NV


@given(size=st.integers(8, 230), c=st.sampled_from([3, 32, 128]), stride=st.integers(1, 2), threads=st.integers(2, 4))
def test_bands_are_dealt_out_evenly(size, c, stride, threads):
    x, weight = np.zeros((1, c, size, size), np.float32), np.zeros((8, c, 3, 3), np.float32)
    problem = problem_of_arrays("conv2d", (x, weight), {"stride": stride, "padding": 1}, threads)[0]
    kernel, out_h = Direct(problem, Direct.pack(problem.layer)), problem.outputs[0][2]
    each = -(-kernel.bands // threads)
    assert (kernel.bands - 1) * kernel.band_rows < out_h <= kernel.bands * kernel.band_rows
    assert each * kernel.band_rows < out_h / threads + each + 1


@given(
    rows=st.integers(1, 8), iy=st.integers(-8, 20), h=st.integers(1, 20), kernel=st.sampled_from([3, 5]),
    stride=st.integers(1, 2), down=st.integers(1, 3),
)  # fmt: skip
def test_a_walk_up_meets_the_rows_of_a_walk_down(rows, iy, h, kernel, stride, down):
    def met(up: bool) -> tuple[list[int], list[int]]:
        """Rows of outputs in their order, and those of inputs that lie inside the image."""
        row, first, start, end = walk(up, 0, rows, iy, h, kernel, stride, down)
        way = -down if up else down
        lines = range((rows - 1) * stride + kernel)
        return [row + way * i for i in range(rows)], [first + way * i for i in lines if start <= i < end]

    (outputs, inputs), (outputs_up, inputs_up) = met(False), met(True)
    assert outputs_up == outputs[::-1]
    assert inputs_up == inputs[::-1]
    assert set(inputs) == set(range(iy, iy + ((rows - 1) * stride + kernel) * down, down)) & set(range(h))


def test_threads_share_the_tiles_of_winograd_where_its_weights_are_small():
    """Else three phases would wait for each other, to save reading what stays in L2 anyway."""

    def one_block(c: int, n: int) -> bool:
        arrays = np.zeros((1, c, 7, 7), np.float32), np.zeros((n, c, 3, 3), np.float32)
        problem = problem_of_arrays("conv2d", arrays, {"padding": 1}, threads=2)[0]
        return Winograd4x4(problem, None).one_block

    assert not one_block(128, 32)
    assert one_block(512, 512)


def test_what_threads_keep_of_a_chain_lies_apart():
    params = {"expand_weight": (96, 16, 1, 1), "depthwise_weight": (96, 1, 3, 3), "project_weight": (24, 96, 1, 1)}
    op = ops.create("depthwise_chain", {"stride": 2, "padding": 1})
    weights = {role: np.zeros(shape, np.float32) for role, shape in params.items()}
    problem = Problem(op, weights, ((1, 16, 56, 56),), ((1, 24, 28, 28),), threads=2)
    kernel = RowRing(problem, RowRing.pack(problem.layer))
    assert kernel.workspace_floats >= 2 * (kernel.buffer + kernel.middle + APART // 4)
