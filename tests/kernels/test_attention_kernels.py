"""Kernels of attention and of heads against the float64 reference: softmax, matmul, reductions, what moves rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import check_all

from tinyinfer import kernels, ops

threads = st.integers(1, 3)
shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4)
rows = st.sampled_from([1, 3, 15, 16, 17, 40, 70])


@settings(max_examples=60)
@given(name=st.sampled_from(["softmax", "log_softmax"]), shape=shapes, last=rows, threads=threads)
def test_softmax_of_rows(name: str, shape: list[int], last: int, threads: int) -> None:
    assert check_all(ops.create(name, {"dim": -1}), [(*shape, last)], {}, threads) == 1


@given(name=st.sampled_from(["softmax", "log_softmax"]), c=rows, size=st.integers(1, 5), threads=threads)
def test_softmax_of_channels(name: str, c: int, size: int, threads: int) -> None:
    assert check_all(ops.create(name, {"dim": 1}), [(2, c, size, 3)], {}, threads) == 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("size", [7, 16, 37])
@pytest.mark.parametrize("number", [-np.inf, np.inf, np.nan, -3e38, 3e38, -90.0])
def test_softmax_of_masks_and_of_what_can_not_be(name: str, size: int, number: float) -> None:
    """-infinity is a place that nobody looks at; a row of nothing else, +infinity and NaN make rows of NaN."""
    x = np.random.default_rng(0).standard_normal((size + 2, size)).astype(np.float32)
    np.fill_diagonal(x, number)
    x[-1] = number
    with np.errstate(all="ignore"):
        expected = ops.reference(name)(x.astype(np.float64))
    np.testing.assert_allclose(kernels.call(f"{name}/vector", x), expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=80)
@given(shape=st.lists(st.sampled_from([1, 2, 3, 5, 17, 33]), min_size=1, max_size=5), data=st.data(), threads=threads)
def test_any_order_of_dimensions(shape: list[int], data: st.DataObject, threads: int) -> None:
    assume(np.prod(shape) < 20_000)
    dims = data.draw(st.permutations(range(len(shape))))
    assert check_all(ops.create("permute", {"dims": tuple(dims)}), [tuple(shape)], {}, threads) == 1


def test_strips_of_a_transposition_for_several_threads() -> None:
    for threads in (1, 2, 3):
        assert check_all(ops.create("permute", {"dims": (0, 2, 1)}), [(2, 37, 700)], {}, threads) == 1


@settings(max_examples=80)
@given(
    stacks=st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.booleans()), max_size=3), cut=st.integers(0, 3),
    m=rows, k=rows, n=rows, threads=threads,
)  # fmt: skip
def test_products_of_stacks_that_broadcast(stacks, cut, m, k, n, threads) -> None:
    a = tuple(size if full else 1 for size, full, _ in stacks)
    b = tuple(size if full else 1 for size, _, full in stacks)[cut:]
    assert check_all(ops.create("matmul", {}), [(*a, m, k), (*b, k, n)], {}, threads) == 1


@settings(max_examples=40)
@given(
    shape=st.lists(st.sampled_from([1, 2, 3, 5, 17, 33]), min_size=1, max_size=5), data=st.data(),
    sizes=st.lists(st.sampled_from([1, 2, 16, 21]), min_size=1, max_size=4), threads=threads,
)  # fmt: skip
def test_parts_along_any_dimension(shape: list[int], data: st.DataObject, sizes: list[int], threads: int) -> None:
    dim = 1 if len(shape) in (2, 4) else data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = [tuple(size if i == dim % len(shape) else n for i, n in enumerate(shape)) for size in sizes]
    whole = tuple(sum(sizes) if i == dim % len(shape) else n for i, n in enumerate(shape))
    assume(np.prod(whole) < 20_000)
    assert check_all(ops.create("concat", {"dim": dim}), parts, {}, threads) >= 1
    cut = ops.create("split", {"split_size_or_sections": sizes, "dim": dim})
    assert check_all(cut, [whole], {}, threads) >= 1


REDUCTIONS = ["sum", "mean", "amax", "amin"]
RUNS = [(rank, *run) for rank in range(1, 6) for run in itertools.combinations(range(rank + 1), 2)]


@settings(max_examples=120)
@given(
    name=st.sampled_from(REDUCTIONS), run=st.sampled_from(RUNS), keepdim=st.booleans(), data=st.data(), threads=threads
)
def test_dimensions_side_by_side(name, run, keepdim, data, threads) -> None:
    rank, first, last = run
    shape = tuple(data.draw(st.sampled_from([1, 2, 3, 5, 17, 70])) for _ in range(rank))
    assume(np.prod(shape) < 20_000 and np.prod(shape[first:last]) < 600)  # errors are measured in 1, not in the sum
    op = ops.create(name, {"dim": tuple(range(first, last)), "keepdim": keepdim})
    applied = check_all(op, [shape], {}, threads)
    assert applied == 1 or 2 in (rank, rank - (last - first))  # where matrices may have gaps between their rows


@pytest.mark.parametrize("name", REDUCTIONS)
def test_what_five_dimensions_are_reduced_to_is_no_image(name: str) -> None:
    assert check_all(ops.create(name, {"dim": (1,)}), [(2, 3, 4, 5, 7)], {}, 1) == 1


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_extremes_wherever_they_are(name: str, dim: int, number: float) -> None:
    x = np.random.default_rng(0).standard_normal((37, 37)).astype(np.float32)
    np.fill_diagonal(x, number)
    found = kernels.call(f"{name}/vector", x, dim=dim)
    np.testing.assert_array_equal(found, ops.reference(name)(x, dim=dim))
