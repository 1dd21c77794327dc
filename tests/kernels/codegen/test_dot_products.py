"""Products of codes and their sums, with whatever instructions the CPU has."""

from __future__ import annotations

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_process import printed

from tinyinfer.kernels.codegen import cpu, dot_products
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.simd import vector_function

COUNT = 4 * LANES
EXTREME = [(255, -128), (255, 127), (0, -128), (255, 0), (1, -1), (128, -127)]


def run_dot4(x: np.ndarray, w: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """What `dot4` makes of codes in memory."""

    @vector_function(x="address", w="address", sums="address")
    def multiply(v, x, w, sums):
        v.store_sums(v.dot4(v.load_sums(sums), v.load_sums(x), v.load_sums(w)), sums)

    @numba.njit
    def run(x, w, sums):
        multiply(x.ctypes.data, w.ctypes.data, sums.ctypes.data)

    found = sums.copy()
    run(x, w, found)
    return found


@pytest.mark.parametrize("vnni", [False, cpu.has_vnni()])
def test_four_products_a_lane(vnni: bool, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Sums of extreme products, too, do not saturate."""
    monkeypatch.setattr(dot_products, "VNNI", vnni)
    for x, w in [
        *((np.full(COUNT, a, np.uint8), np.full(COUNT, b, np.int8)) for a, b in EXTREME),
        (rng.integers(0, 256, COUNT, np.uint8), rng.integers(-128, 128, COUNT, np.int8)),
    ]:
        sums = rng.integers(-(2**30), 2**30, LANES, np.int32)
        products = x.astype(np.int32) * w
        np.testing.assert_array_equal(run_dot4(x, w, sums), sums + products.reshape(LANES, 4).sum(axis=1))


def test_products_of_sums(rng: np.random.Generator) -> None:
    """Two products for one, but for what codes and weights make of themselves, which the caller takes off."""

    @vector_function(x="address", w="address", sums="address")
    def multiply(v, x, w, sums):
        v.store_sums(v.dot_sums(v.load_sums(sums), v.pairs(v.load_sums(x)), v.load_pairs(w)), sums)

    @numba.njit
    def run(x, w, sums):
        multiply(x.ctypes.data, w.ctypes.data, sums.ctypes.data)

    x, w = rng.integers(0, 256, (LANES, 4), np.uint8), rng.integers(-255, 256, (LANES, 4), np.int16)
    found = rng.integers(-(2**31), 2**31, LANES, np.int32)
    expected = found.astype(np.int64) + (x.astype(np.int64) * w).sum(axis=1)
    for own in (x.astype(np.int64), w.astype(np.int64)):
        expected += own[:, 0] * own[:, 1] + own[:, 2] * own[:, 3]
    run(x, np.ascontiguousarray(w.reshape(LANES, 2, 2).transpose(2, 0, 1)), found)
    np.testing.assert_array_equal(found, expected.astype(np.int32))


@given(st.lists(st.integers(-(2**22) + 1, 2**22 - 1), min_size=LANES, max_size=LANES))
def test_the_nearest_integers(halves: list[int]) -> None:
    """As NumPy rounds: halves to the even one."""
    found, floats = np.zeros(LANES, np.int32), np.array(halves, np.float32) / 2
    run_rounding(floats, found)
    np.testing.assert_array_equal(found, np.rint(floats))


@vector_function(x="address", y="address")
def rounded(v, x, y):
    v.store_sums(v.nearest_integers(v.load(x)), y)


@numba.njit
def run_rounding(x, y):
    rounded(x.ctypes.data, y.ctypes.data)


def test_codes_of_the_lanes_that_a_mask_selects() -> None:
    @vector_function(x="address", y="address", count="int")
    def change(v, x, y, count):
        mask = v.mask(count)
        v.store_codes(v.add_integers(v.load_codes(x, 1, mask), v.integer(count)), y, 2, mask)

    @numba.njit
    def run(x, y, count):
        change(x.ctypes.data, y.ctypes.data, count)

    x, y = np.arange(250, 250 + LANES + 1).astype(np.uint8), np.full(LANES + 2, 9, np.uint8)
    run(x, y, 3)
    assert y.tolist() == [9, 9, 254, 255, 0, *[9] * (LANES - 3)]


@pytest.mark.skipif(not cpu.CPU.vnni, reason="no such instruction here")
def test_the_instruction_can_be_switched_off() -> None:
    code = "from tinyinfer.kernels.codegen import cpu; print(cpu.has_vnni(), cpu.signature() != '')"
    assert printed(code) == "True True\n"
    assert printed(code, TINYINFER_VNNI="0") == "False True\n"


@pytest.mark.skipif(cpu.CPU.lanes < 8 or not cpu.CPU.name.isalnum(), reason="no AVX2 here")
def test_a_cpu_that_is_named_has_what_llvm_says() -> None:
    code = "from tinyinfer.kernels.codegen import cpu; print(cpu.has_vnni())"
    assert printed(code, TINYINFER_CPU="haswell") == "False\n"
    # AVX2's form is an extension of its own, which some CPUs with AVX-512's lack
    here = bool(llvm.get_host_cpu_features().get("avxvnni"))
    assert printed(code, TINYINFER_CPU="alderlake") == f"{here}\n"
