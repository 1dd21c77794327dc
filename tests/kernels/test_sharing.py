"""How work is dealt out to threads: nothing is left out, and none gets much more than the others."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.kernels import gemm
from tinyinfer.kernels.cpu import LANES
from tinyinfer.kernels.direct import Direct
from tinyinfer.kernels.on_arrays import problem_of_arrays

first_tile = getattr(gemm.first_tile, "py_func", gemm.first_tile)


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
    kernel, out_h = Direct(problem, Direct.pack(problem)), problem.outputs[0][2]
    each = -(-kernel.bands // threads)
    assert (kernel.bands - 1) * kernel.band_rows < out_h <= kernel.bands * kernel.band_rows
    assert each * kernel.band_rows < out_h / threads + each + 1
