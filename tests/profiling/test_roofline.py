"""The measured roofs."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer.kernels.bare import peak
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.dot_products import PAIRED, VNNI
from tinyinfer.kernels.matmul.bf16x3 import split_numbers
from tinyinfer.profiling.roofline import (
    STREAM_FLOATS,
    Microkernel,
    Peak,
    best_seconds,
    machine_peak,
    measure_microkernel,
    whole_lines,
)


def test_chains_compute_what_they_say():
    state = np.ones((2, peak.CHAIN_FLOATS), np.float32)
    peak.multiply_adds.bind(2, state, 7)()
    sums, factors = state[:, : peak.MACS_A_STEP], state[:, peak.MACS_A_STEP :]
    assert (sums == 8).all()  # 1 + 7 * 1 * 1 in every accumulator: none was optimised away
    assert (factors == 1).all()


@pytest.mark.skipif(not amx.available(), reason="needs AMX")
@pytest.mark.parametrize("threads", [1, 2])
def test_chains_of_tiles_compute_what_they_say(threads):
    numbers = np.random.default_rng(0).integers(-8, 9, (threads, 2 * peak.TILE_CHAIN_FLOATS)).astype(np.float32)
    words = (split_numbers(numbers)[0].view(np.uint32) >> 16).astype(np.uint16)  # bfloat16
    state = words.view(np.float32)
    peak.tile_products.bind(threads, state, 2)()
    tiles = numbers.reshape(threads, -1, 16, 32)[:, peak.SUM_TILES :]
    a = tiles.reshape(threads, peak.GROUPS, 2, 2, 16, 32)[:, :, 0]
    # a row of the second factor holds two of its rows, their values alternating
    b = tiles.reshape(threads, peak.GROUPS, 2, 2, 16, 16, 2)[:, :, 1].swapaxes(-2, -1).reshape(*a.shape[:3], 32, 16)
    products = a[:, :, :, None] @ b[:, :, None]
    sums = peak.PRODUCTS * products.sum(axis=1)  # of one step: each begins at zero
    assert np.array_equal(state[:, : peak.SUM_TILES * peak.TILE_FLOATS].reshape(sums.shape), sums)
    assert products[0].size * 32 == peak.TILE_MACS_A_STEP


def test_chains_of_codes_compute_what_they_say(rng):
    state = rng.integers(0, 256, (2, 4 * peak.CHAIN_FLOATS), np.uint8)
    before = state.copy()
    peak.code_multiply_adds.bind(2, state.view(np.float32), 7)()
    sums, factors = (part.reshape(2, -1, 4 * peak.LANES) for part in np.split(state, [4 * peak.MACS_A_STEP], axis=1))
    assert np.array_equal(factors.reshape(2, -1), before[:, 4 * peak.MACS_A_STEP :])  # which are codes
    if PAIRED:  # the same two pairs in all lanes with two registers for each chain, as `dot_sums` multiplies
        x = factors[:, 0].copy().view(np.int16)[:, None, :4].reshape(2, 1, 2, 1, 2)
        w = factors[:, 2:].copy().view(np.int16).reshape(2, peak.CHAINS, 2, peak.LANES, 2)
        added = 7 * np.prod((x + w[:, :, ::-1]).astype(np.int32), axis=2).sum(axis=-1, dtype=np.int32)
    else:
        weights = factors[:, 1:2] if VNNI else factors[:, 2 : 2 + peak.CHAINS]
        products = factors[:, :1].astype(np.int32) * weights.view(np.int8)
        added = 7 * products.reshape(2, -1, peak.LANES, 4).sum(axis=-1, dtype=np.int32)
    begun = before[:, : 4 * peak.MACS_A_STEP].reshape(sums.shape).view(np.int32)
    assert np.array_equal(sums.view(np.int32), begun + added)
    assert 4 * peak.LANES * peak.CHAINS == peak.CODE_MACS_A_STEP


@pytest.mark.skipif(not amx.available(), reason="needs AMX")
@pytest.mark.parametrize("threads", [1, 2])
def test_chains_of_tiles_of_codes_compute_what_they_say(threads, rng):
    state = rng.integers(0, 256, (threads, 4 * peak.TILE_CHAIN_FLOATS), np.uint8)
    peak.code_tile_products.bind(threads, state.view(np.float32), 2)()
    groups = state.reshape(threads, -1, 16, 64)[:, peak.SUM_TILES :].reshape(threads, peak.GROUPS, 2, 2, 16, 64)
    a, b = groups[:, :, 0].astype(np.int32), groups[:, :, 1].view(np.int8).astype(np.int32)
    # a row of the second factor holds four of its rows, their codes alternating
    b = b.reshape(threads, peak.GROUPS, 2, 16, 16, 4).swapaxes(-2, -1).reshape(threads, peak.GROUPS, 2, 64, 16)
    products = a[:, :, :, None] @ b[:, :, None]
    sums = products.sum(axis=1)  # of one step: each begins at zero
    found = state.view(np.int32)[:, : peak.SUM_TILES * peak.TILE_FLOATS]
    assert np.array_equal(found.reshape(sums.shape), sums)
    assert products[0].size * 64 == peak.CODE_TILE_MACS_A_STEP


@pytest.mark.parametrize("count", [1, 15, 16, 1000, 4096])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_stream_reaches_every_number_and_no_other(count, threads):
    x, y = np.arange(count + 1, dtype=np.float32), np.zeros(count + 1, np.float32)
    peak.stream.bind(threads, x[:count], y[:count], np.float32(1.5))()
    assert np.array_equal(y[:count], 1.5 * x[:count])
    assert y[count] == 0


def test_the_stream_waits_for_memory_and_not_for_its_loop():
    # a loop over single floats takes five times as long as NumPy's, which is written in vectors
    x, y = (np.ones(STREAM_FLOATS, np.float32) for _ in range(2))
    factor = np.float32(1.5)
    ours, numpys = peak.stream.bind(1, x, y, factor), lambda: np.multiply(x, factor, out=y)
    assert best_seconds(ours) < 2 * best_seconds(numpys)


def test_tiles_are_loaded_from_whole_lines(rng):
    numbers = rng.standard_normal(97, np.float32)[1:].reshape(2, 48)  # not where a cache line begins
    copy = whole_lines(numbers)
    assert copy.ctypes.data % 64 == 0
    np.testing.assert_array_equal(copy, numbers)


def test_roofs_are_those_of_a_computer():
    found = machine_peak(1)
    assert 1 < found.fma_gmacs < 1000
    assert found.fma_gmacs <= found.gmacs < 10_000
    assert found.gflops == 2 * found.gmacs
    assert (found.units == "tile") == (found.gmacs > found.fma_gmacs)
    assert amx.available() or found.units == "FMA"
    assert 0.5 < found.gbytes < 2000
    assert machine_peak(1) is found


def test_no_kernel_beats_the_register_only_peak():
    # a loose check that holds on a busy machine; `tinyinfer bench` reports the figure itself
    found = [measure_microkernel() for _ in range(3)]
    most = max(each.gmacs for each in found)
    if amx.available():
        assert found[0].kernel == "bf16x3"
        assert 0.1 < most / max(each.tile_gmacs for each in found) < 1.3
    else:
        assert found[0].kernel == "pointwise"
        assert found[0].tile_share is None
        assert 0.3 < most / max(each.fma_gmacs for each in found) < 1.3


def test_the_share_is_of_the_fma_peak():
    found = Microkernel("bf16x3", gmacs=180.0, fma_gmacs=120.0, tile_gmacs=360.0)
    assert (found.share, found.tile_share) == (1.5, 0.5)
    assert str(found) == (
        "the microkernel (bf16x3) reaches 180 GMAC/s with one thread: 150% of the FMA peak, 50% of the tile peak"
    )
    assert str(Microkernel("pointwise", 90.0, 120.0)) == (
        "the microkernel (pointwise) reaches 90 GMAC/s with one thread: 75% of the FMA peak"
    )


def test_a_peak_names_its_units():
    plain, tiles = Peak(gflops=200, gbytes=10), Peak(gflops=800, gbytes=10, fma_gflops=200)
    assert (plain.units, plain.gmacs, plain.fma_gmacs, plain.arithmetic) == ("FMA", 100, 100, "100 GMAC/s")
    assert (tiles.units, tiles.gmacs, tiles.fma_gmacs) == ("tile", 400, 100)
    assert tiles.arithmetic == "400 GMAC/s on tiles, 100 on FMA units"
    assert tiles.roof(100) == 400
    assert tiles.ridge == 40
    assert tiles.to_dict() == {"gmacs_per_s": 400, "fma_gmacs_per_s": 100, "gbytes_per_s": 10}


def test_codes_have_a_peak_of_their_own():
    peak = Peak(gflops=800, gbytes=10, fma_gflops=200, code_gmacs=1600)
    assert peak.arithmetic == "400 GMAC/s on tiles, 100 on FMA units, 1600 of 8-bit codes"
    assert [peak.gmacs_of(units) for units in ("most", "fma", "codes")] == [400, 100, 1600]
    assert (peak.of_codes.gmacs, peak.of_codes.units) == (1600, "FMA")
    assert peak.to_dict()["code_gmacs_per_s"] == 1600
    assert peak.bound(10**9, 10**3, 1e-3, "codes") == "compute"
    assert peak.bound(10**9, 10**3, 1e-2, "codes") == "overhead"


def test_multiply_adds_of_codes_are_measured_where_they_are_asked_for():
    assert machine_peak(1).code_gmacs is None
    assert machine_peak(2, codes=True).code_gmacs is not None
    found = machine_peak(1, codes=True)
    assert found.code_gmacs is not None
    assert found.code_gmacs > 0.2 * found.fma_gmacs
    if PAIRED:  # three additions for two products of pairs: if there were more, LLVM would have left some out
        assert found.code_gmacs < 3 * found.fma_gmacs
    assert found.gmacs == machine_peak(1).gmacs
