"""Tiles that are emulated do what the manual says, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from python_process import printed

# a @ b + sums with the words of `amx`; every matrix begins where others end, in rows further apart than a tile's
SCRIPT = """
import sys
import numba
import numpy as np
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.jit import inline
from tinyinfer.kernels.codegen.simd import vector_function

KIND, PATH = sys.argv[1:]

@vector_function(a="address", b="address", sums="address", row="int")
def product(v, a, b, sums, row):
    amx.configure(v)
    for tile, place in ((0, sums), (4, a), (6, b)):
        amx.load(v, tile, place, row)
    getattr(amx, KIND)(v, 0, 4, 6)
    amx.zero(v, 4)
    amx.store(v, 0, sums, row)
    amx.store(v, 4, a, row)
    amx.release(v)

@numba.njit
def run(a, b, sums):
    product(a.ctypes.data, b.ctypes.data, sums.ctypes.data, a.strides[0])

given = np.load(PATH)
a, b, sums = (np.zeros((16, 80), np.uint8) for _ in range(3))
for wide, name in ((a, "a"), (b, "b"), (sums, "sums")):
    wide[:, :64] = given[name].view(np.uint8)
run(a, b, sums)
assert not a.any()
assert not sums[:, 64:].any()
np.save(PATH + ".npy", sums[:, :64].copy())
"""


@pytest.fixture
def rng() -> np.random.Generator:
    """Numbers for the tiles."""
    return np.random.default_rng(7)


def emulated(tmp_path: Path, kind: str, **tiles: np.ndarray) -> np.ndarray:
    """The bytes of the sums after a product."""
    path = tmp_path / "tiles.npz"
    np.savez(path, **tiles)
    printed(SCRIPT, kind, path, TINYINFER_AMX="emulated", TINYINFER_LANES="16")
    return np.load(f"{path}.npy")


def test_products_of_bfloat16(tmp_path: Path, rng: np.random.Generator) -> None:
    """Even and odd values have sums of their own, each product being added with one rounding."""
    halves = rng.standard_normal((2, 16, 32)).astype(np.float32).view(np.uint32) >> 16
    a, b = halves.astype(np.uint16)
    sums = rng.standard_normal((16, 16)).astype(np.float32)
    found = emulated(tmp_path, "multiply", a=a, b=b, sums=sums).view(np.float32)
    a, b = ((half.astype(np.uint32) << 16).view(np.float32).astype(np.float64) for half in (a, b))
    of_parity = np.zeros((2, 16, 16), np.float32)
    for k in range(16):
        for parity in (0, 1):  # exact in float64, which holds the sum too, but for numbers of very unlike size
            product = np.outer(a[:, 2 * k + parity], b[k, parity::2])
            of_parity[parity] = (of_parity[parity].astype(np.float64) + product).astype(np.float32)
    np.testing.assert_array_equal(found, sums + (of_parity[0] + of_parity[1]))


def test_products_of_codes(tmp_path: Path, rng: np.random.Generator) -> None:
    """Unsigned codes by signed ones, over the whole of both ranges."""
    a, b = rng.integers(0, 256, (16, 64), np.uint8), rng.integers(-128, 128, (16, 64), np.int8)
    a[0], b[:, :4] = 255, -128
    sums = rng.integers(-(1 << 30), 1 << 30, (16, 16), np.int32)
    found = emulated(tmp_path, "multiply_codes", a=a, b=b, sums=sums).view(np.int32)
    weights = b.reshape(16, 16, 4).transpose(0, 2, 1).reshape(64, 16)  # of four rows, in a row of the tile
    np.testing.assert_array_equal(found, sums + a.astype(np.int32) @ weights.astype(np.int32))
