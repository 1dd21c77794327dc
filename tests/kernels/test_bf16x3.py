"""Float32 numbers as two of bfloat16: what the halves lose, and where they lie in memory."""

from __future__ import annotations

import itertools
from typing import Any

import numba
import numpy as np
import pytest
from bf16x3_numbers import as_float, halves, three_products
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.arguments.windows import Geometry
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.matmul.bf16x3 import pack_tiles, panel_floats, split_numbers
from tinyinfer.kernels.matmul.bf16x3_planes import Layout, Planes, layout, split_band, tap_offsets
from tinyinfer.kernels.parallel.pages import aligned_empty

# -- numbers -----------------------------------------------------------------------------------------------

SMALLEST = 2.0**-133  # of bfloat16's numbers


@given(st.lists(st.floats(-(2.0**127), 2.0**127, width=32), min_size=1, max_size=50))
def test_halves_hold_sixteen_bits(numbers: list[float]) -> None:
    x = np.array(numbers, np.float32)
    high, low = halves(x)
    size = np.abs(x.astype(np.float64))
    assert np.all(np.abs(x - high) <= 2.0**-8 * size + SMALLEST / 2)
    assert np.all(np.abs(x - (high + low)) <= 2.0**-17 * size + SMALLEST / 2)


@pytest.mark.parametrize("x", [0.0, 1.0, -1.5, 1 + 2.0**-8, 1 + 2.0**-15, -3.0 * 2.0**100, 2.0**-126])
def test_numbers_of_sixteen_bits_are_exact(x: float) -> None:
    high, low = halves(np.array([x], np.float32))
    assert high + low == x


@given(
    rows=st.integers(1, 9), k=st.integers(1, 300), scale=st.sampled_from([1e-12, 1.0, 1e12]), seed=st.integers(0, 99)
)
def test_three_products_are_one_but_for_what_is_left_out(rows: int, k: int, scale: float, seed: int) -> None:
    """The product of both low halves, 2^-16 at most, and what each number loses, 2^-17."""
    rng = np.random.default_rng(seed)
    a, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, k), (k, 7)))
    a *= np.float32(scale)
    exact = a.astype(np.float64) @ w
    assert np.all(np.abs(three_products(a, w) - exact) <= 2.0**-15 * (np.abs(a).astype(np.float64) @ np.abs(w)))


def test_a_product_may_lose_what_it_is_said_to() -> None:
    x = np.full((1, 1), 1 + 2.0**-8, np.float32)  # half of what high can tell apart
    assert three_products(x, x) == (1 + 2.0**-8) ** 2 - 2.0**-16


# -- memory ------------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(taps=st.integers(1, 3), c=st.integers(1, 70), n=st.integers(1, 70))
def test_every_weight_lies_where_a_step_loads_it(taps: int, c: int, n: int) -> None:
    w = np.random.default_rng(0).standard_normal((taps, c, n)).astype(np.float32)
    high, low = ((half.view(np.uint32) >> 16).astype(np.uint16) for half in split_numbers(w))
    packed = pack_tiles(w)
    words = packed.view(np.uint16)
    at = 0
    for first in range(0, n, 32):
        assert at == first // 32 * panel_floats(taps, c) * 2
        tiles = 2 if n - first > 16 else 1
        for block, tap in itertools.product(range(-(-c // 32)), range(taps)):
            for half, tile in itertools.product((low, high), range(tiles)):
                for row, column, pair in itertools.product(range(16), range(16), range(2)):
                    i, o = block * 32 + pair * 16 + row, first + tile * 16 + column
                    assert words[at] == (half[tap, i, o] if i < c and o < n else 0)
                    at += 1
    assert at == words.size
    assert packed.ctypes.data % 64 == 0  # a tile's row is then one cache line


geometries = st.tuples(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 7), st.integers(1, 7),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.tuples(*[st.integers(0, 3)] * 4),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)  # fmt: skip


def geometry_of(drawn: tuple[Any, ...]) -> Geometry:
    """What `window_geometry` gives; cases that have no output are left out."""
    h, w, kh, kw, (sh, sw), (top, bottom, left, right), (dh, dw) = drawn
    out_h = (h + top + bottom - (kh - 1) * dh - 1) // sh + 1
    out_w = (w + left + right - (kw - 1) * dw - 1) // sw + 1
    assume(out_h > 0 and out_w > 0)
    return Geometry(h, w, out_h, out_w, kh, kw, sh, sw, top, left, dh, dw)


def position_of(planes: Layout, y: int, x: int, stride: tuple[int, int]) -> int:
    """Where pixel (y, x) of the padded band belongs; with folded windows, the row y of output x's window."""
    if planes.folded:
        return y % stride[0] * planes.phase_positions + y // stride[0] * planes.pitch + x
    phase = y % stride[0] * planes.horizontal + x % stride[1]
    return phase * planes.phase_positions + y // stride[0] * planes.pitch + x // stride[1]


def taps_of(geometry: tuple[int, ...], folded: bool) -> list[tuple[int, int]]:
    """Rows and columns that the taps read for output (0, 0); a folded one reads a whole row."""
    kh, kw, dh, dw = *geometry[4:6], *geometry[10:]
    return [(i * dh, j * dw) for i in range(kh) for j in range(1 if folded else kw)]


@settings(max_examples=100)
@given(drawn=geometries, c=st.integers(1, 40), band=st.integers(1, 5), folded=st.booleans())
def test_taps_are_the_same_planes_begun_elsewhere(drawn: Any, c: int, band: int, folded: bool) -> None:
    geometry = geometry_of(drawn)
    assume(not folded or geometry[11] == 1)
    out_w, kw, sh, sw = geometry[3], geometry[5], *geometry[6:8]
    planes = layout(geometry, c, band, folded)
    assert planes.depth == (c * kw if folded else c)
    offsets = tap_offsets(planes)
    for row, column in itertools.product(range(band), range(out_w)):
        for offset, (i, j) in zip(offsets, taps_of(geometry, folded), strict=True):
            y, x = row * sh + i, column if folded else column * sw + j
            assert (row * planes.pitch + column) * 64 + offset == position_of(planes, y, x, (sh, sw)) * 64
            assert y // sh < planes.rows
            assert (x if folded else x // sw) < planes.pitch
    last = (band - 1) * planes.pitch + out_w - 1
    assert last * 64 + max(offsets) + 32 * 64 <= planes.plane_bytes  # a pair of tiles from there on
    assert planes.plane_bytes >= planes.vertical * planes.horizontal * planes.phase_positions * 64
    assert planes.plane_bytes % 4096 > 0  # else all planes would lie in the same sets of L1
    assert planes.floats * 4 == 2 * -(-planes.depth // 32) * planes.plane_bytes


@numba.njit
def split(x, x_stride, layout, image, oy, rows, memory, line):
    """`split_band` of arrays."""
    planes = Planes(memory.ctypes.data, layout.plane_bytes, -(-layout.depth // 32))
    split_band(Rows(x.ctypes.data, x_stride), layout, image, oy, rows, planes, line.ctypes.data)


@pytest.mark.skipif(LANES != 16, reason="a vector is half a row of a tile")
@settings(max_examples=60)
@given(
    drawn=geometries, c=st.integers(1, 70), extra=st.integers(0, 3), band=st.integers(1, 5), start=st.integers(0, 11),
    folded=st.booleans(),
)  # fmt: skip
def test_planes_hold_what_the_taps_read(drawn: Any, c: int, extra: int, band: int, start: int, folded: bool) -> None:
    geometry = geometry_of(drawn)
    h, w, out_h, out_w, _, kw, sh, sw, top, left, _, dw = geometry
    c = min(c, 32 // kw) if folded else c
    assume(not folded or (dw == 1 and c > 0))
    oy = start % out_h
    band = min(band, out_h - oy)
    planes = layout(geometry, c, band, folded)
    x = np.full((2, h, w, c + extra), np.nan, np.float32)
    numbers = np.arange(1, 2 * h * w * c + 1).reshape(2, h, w, c) % 65521  # of 16 bits, so that halves are exact
    x[..., :c] = numbers
    memory, line = aligned_empty(planes.floats), aligned_empty(((out_w - 1) * sw + kw) * c)
    memory[:] = line[:] = np.nan
    reach = planes.rows - band
    split(x, c + extra, planes, 1, oy, band + reach, memory, line)

    def at(position: int) -> np.ndarray:
        """The channels of a position."""
        words = memory.view(np.uint16).reshape(-1, 2, planes.plane_bytes // 64, 16, 2)[:, :, position]
        high, low = as_float(words[:, 0]), as_float(words[:, 1])
        return (high + low).transpose(0, 2, 1).reshape(-1)  # a row holds channels i and i + 16 by turns

    bottom, right = h + 40, w + 40
    padded = np.zeros((bottom, right, c))
    padded[top : top + h, left : left + w] = numbers[1]
    offsets = tap_offsets(planes)
    for row, column in itertools.product(range(band), range(out_w)):
        for offset, (i, j) in zip(offsets, taps_of(geometry, folded), strict=True):
            y, x0 = (oy + row) * sh + i, column * sw + j
            expected = padded[y, x0 : x0 + kw].reshape(-1) if folded else padded[y, x0]
            found = at(row * planes.pitch + column + offset // 64)
            np.testing.assert_array_equal(found[: planes.depth], expected)
            assert not found[planes.depth :].any()
