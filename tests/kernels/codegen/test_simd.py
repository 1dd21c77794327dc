"""Words of the vector language whose machine code depends on the CPU or is meant to be odd."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from tinyinfer.kernels.codegen import simd
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function


@pytest.mark.parametrize("fast", [False, True])
def test_quotients(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simd, "DIVIDES_FAST", fast)

    @vector_function(a="address", b="address", y="address")
    def divide(v, a, b, y):
        v.store(v.quotient(v.load(a), v.load(b)), y)

    @numba.njit
    def run(a, b, y):
        divide(a.ctypes.data, b.ctypes.data, y.ctypes.data)

    rng = np.random.default_rng(0)
    for scale in (1e-20, 1.0, 1e20):
        a, b = (scale * (0.1 + rng.random(LANES, np.float32)) for _ in range(2))
        y = np.empty(LANES, np.float32)
        run(a, b, y)
        np.testing.assert_allclose(y, a.astype(np.float64) / b, rtol=3e-7)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 8, 14, 15, 36])
@pytest.mark.parametrize("stride", [0, 1, 5, 48])
def test_evenly_spaced_addresses(count: int, stride: int) -> None:
    @vector_function(x="address", stride="int", y="address")
    def gather(v, x, stride, y):
        for i, address in enumerate(v.evenly_spaced(count, stride)(x)):
            v.store(v.load(address), y, i * LANES)

    @numba.njit
    def run(x, stride, y):
        gather(x.ctypes.data, stride, y.ctypes.data)

    x = np.arange(count * stride + LANES, dtype=np.float32)
    y = np.empty((count, LANES), np.float32)
    run(x, stride, y)
    np.testing.assert_array_equal(y, stride * np.arange(count)[:, None] + np.arange(LANES))


@pytest.mark.parametrize("distance", [1, 2, 3])
def test_lanes_change_places(distance: int) -> None:
    @vector_function(x="address", y="address")
    def change(v, x, y):
        v.store(v.xor_shuffle(v.load(x), distance), y)

    @numba.njit
    def run(x, y):
        change(x.ctypes.data, y.ctypes.data)

    x, y = np.arange(LANES, dtype=np.float32), np.empty(LANES, np.float32)
    run(x, y)
    np.testing.assert_array_equal(y, np.arange(LANES) ^ distance)


def test_all_lanes_are_combined_in_each() -> None:
    @vector_function(x="address", y="address")
    def combine(v, x, y):
        v.store(v.across(v.load(x), v.add), y)
        v.store(v.across(v.load(x), v.max), y, LANES)

    @numba.njit
    def run(x, y):
        combine(x.ctypes.data, y.ctypes.data)

    x = np.random.default_rng(0).permutation(LANES).astype(np.float32)
    y = np.empty((2, LANES), np.float32)
    run(x, y)
    np.testing.assert_array_equal(y, [[x.sum()] * LANES, [x.max()] * LANES])


def test_lanes_laid_over_others() -> None:
    @vector_function(a="address", b="address", bits="address", y="address")
    def lay(v, a, b, bits, y):
        v.store(v.bit_select(v.load(a), v.load(b), v.load(bits)), y)

    @numba.njit
    def run(a, b, bits, y):
        lay(a.ctypes.data, b.ctypes.data, bits.ctypes.data, y.ctypes.data)

    over = np.arange(LANES) % 3 == 1
    a, b = np.where(over, 0, 1 + np.arange(LANES)).astype(np.float32), -np.arange(LANES, dtype=np.float32)
    y = np.empty(LANES, np.float32)
    run(a, b, np.where(over, -1, 0).astype(np.int32), y)
    np.testing.assert_array_equal(y, np.where(over, b, a))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_deinterleaving_undoes_interleaving(count: int) -> None:
    @vector_function(x="address", mixed="address", back="address")
    def there_and_back(v, x, mixed, back):
        vectors = v.interleave([v.load(x, i * LANES) for i in range(count)])
        for i, vector in enumerate(vectors):
            v.store(vector, mixed, i * LANES)
        for i, vector in enumerate(v.deinterleave(vectors)):
            v.store(vector, back, i * LANES)

    @numba.njit
    def run(x, mixed, back):
        there_and_back(x.ctypes.data, mixed.ctypes.data, back.ctypes.data)

    x = np.arange(count * LANES, dtype=np.float32).reshape(count, LANES)
    mixed, back = np.empty_like(x), np.empty_like(x)
    run(x, mixed, back)
    np.testing.assert_array_equal(mixed.reshape(-1), x.T.reshape(-1))
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("count", [LANES, LANES - 1, 1])
def test_lanes_from_places_of_their_own(count: int) -> None:
    @vector_function(x="address", index="address", count="int", y="address")
    def collect(v, x, index, count, y):
        v.store(v.gather(x, v.load_ints(index), v.mask(count)), y)

    @numba.njit
    def run(x, index, count, y):
        collect(x.ctypes.data, index.ctypes.data, count, y.ctypes.data)

    rng = np.random.default_rng(0)
    x, index, y = rng.random(100, np.float32), rng.integers(0, 100, LANES).astype(np.int32), np.empty(LANES, np.float32)
    index[count:] = 2**31 - 1  # not read
    run(x, index, count, y)
    np.testing.assert_array_equal(y, np.where(np.arange(LANES) < count, x[index % 100], 0))


def test_columns_of_vectors() -> None:
    @vector_function(x="address", y="address")
    def transposed(v, x, y):
        for i, column in enumerate(v.transpose([v.load(x, i * LANES) for i in range(LANES)])):
            v.store(column, y, i * LANES)

    @numba.njit
    def run(x, y):
        transposed(x.ctypes.data, y.ctypes.data)

    x = np.arange(LANES * LANES, dtype=np.float32).reshape(LANES, LANES)
    y = np.empty_like(x)
    run(x, y)
    np.testing.assert_array_equal(y, x.T)
