"""Numbers come back to half a step, and pages get as much as there is room for."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.pages.explain.eight_bits import LEAST, Rows, codes, fill, pack


def decoded(data: bytes, rows: int) -> np.ndarray:
    head = np.frombuffer(data[: 8 * rows], "<f4").reshape(rows, 2).astype(np.float64)
    levels = np.frombuffer(data[8 * rows :], np.uint8).reshape(rows, -1)
    return head[:, :1] + head[:, 1:] * levels


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([1e-6, 1.0, 1e6]))
def test_within_half_a_step(seed, signed, size):
    rows = np.random.default_rng(seed).standard_normal((3, 4, 5)).astype(np.float32) * np.float32(size)
    rows[1] = 0
    found = decoded(codes(rows, signed), 3)
    flat = rows.reshape(3, -1)
    step = 2 * np.abs(flat).max(1) / 254 if signed else (flat.max(1) - flat.min(1)) / 255
    assert (np.abs(found - flat) <= 0.501 * step[:, None] + 1e-12 * size).all()
    assert not found[1].any()


@given(st.lists(st.tuples(st.integers(1, 10000), st.integers(1, 300)), min_size=1, max_size=20), st.integers(1, 10**7))
def test_what_is_filled_fits(items, total):
    counts = fill(items, total)
    assert all(min(LEAST, count) <= n <= count for n, (_, count) in zip(counts, items, strict=True))
    used = sum(unit * n for n, (unit, _) in zip(counts, items, strict=True))
    least = sum(unit * min(LEAST, count) for unit, count in items)
    assert used <= max(total, least)
    if sum(unit * count for unit, count in items) <= total:
        assert counts == [count for _, count in items]


def test_the_most_wanted_rows_are_kept():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((50, 20, 20)).astype(np.float32)
    order = np.argsort(-data.std(axis=(1, 2)))
    (packed,) = pack([Rows(data, order)], 6000)
    assert LEAST < len(packed.kept) < 50
    assert len(packed.text) <= 6000
    assert set(packed.kept) == set(order[: len(packed.kept)])
    found = decoded(zlib.decompress(base64.b64decode(packed.text)), len(packed.kept))
    np.testing.assert_allclose(found, data[packed.kept].reshape(len(packed.kept), -1), atol=0.03)
