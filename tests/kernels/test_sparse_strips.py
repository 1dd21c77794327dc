"""Depthwise layers of which most taps are zero: fused chains of shifted channels against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_harness import Example, check, make_problem, one_tap_a_channel, random_params

from tinyinfer import ops
from tinyinfer.errors import GraphError
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.base import Problem
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.depthwise.depthwise_chain import RowRing
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS, pack_filters
from tinyinfer.kernels.depthwise.sparse_strip import order_by_tap, pack_sparse_filters


def shifted_chain(
    x: tuple[int, ...], e: int, m: int, kernel: int, taps: np.ndarray, threads: int = 1, **attrs: object
) -> Problem:
    shapes = {"expand_weight": (e, x[1], 1, 1), "expand_bias": (e,), "project_weight": (m, e, 1, 1)}
    shapes |= {"depthwise_weight": (e, 1, kernel, kernel), "depthwise_bias": (e,)}
    params = one_tap_a_channel(random_params(shapes, np.random.default_rng(e)), "depthwise_weight", taps)
    return make_problem(ops.create("depthwise_chain", attrs), [x], params, threads)


@given(
    n=st.integers(1, 2), c=st.integers(1, 20), e=st.integers(1, 140), m=st.integers(1, 20),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), kernel=st.sampled_from([3, 5, 7]),
    stride=st.integers(1, 2), top=st.integers(0, 3), bottom=st.integers(0, 3), kinds=st.integers(1, 49),
    activation=st.sampled_from(sorted(FUSED, key=str)), threads=st.sampled_from([1, 2, 3]), seed=st.integers(0, 99),
)  # fmt: skip
def test_chains_of_shifted_channels(n, c, e, m, size, kernel, stride, top, bottom, kinds, activation, threads, seed):
    assume(MASKS or e >= LANES)
    rng = np.random.default_rng(seed)
    taps = rng.permutation(kernel**2)[np.arange(e) % min(kinds, kernel**2)]
    attrs = {"stride": stride, "padding": (top, bottom, kernel // 2, kernel // 2), "depthwise_activation": activation}
    try:
        problem = shifted_chain((n, c, *size), e, m, kernel, taps, threads=threads, **attrs)
    except GraphError:
        assume(False)
    example = Example.of(problem, rng)
    check(RowRing, problem, example)
    check(RowRing, problem, example, before=3, after=5)


@pytest.mark.parametrize(("e", "kernel", "sparse"), [(256, 5, True), (256, 7, True), (16 * LANES, 3, False)])
def test_few_taps_a_vector_are_kept_apart(e: int, kernel: int, sparse: bool) -> None:
    problem = shifted_chain((1, 8, 9, 9), e, 8, kernel, np.arange(e) % kernel**2, padding=kernel // 2)
    assert RowRing.pack(problem.layer)[1] == sparse
    check(RowRing, problem, Example.of(problem, np.random.default_rng(0)))


def test_other_kernels_stay_as_they_are() -> None:
    weight = np.ones((3 * LANES, 1, 3, 3), np.float32)
    assert order_by_tap(weight) is None
    assert pack_sparse_filters(pack_filters(weight, None)[0], 3) is None


def test_channels_are_ordered_by_their_tap() -> None:
    weight = np.zeros((5, 1, 3, 3), np.float32)
    weight.reshape(5, 9)[[0, 1, 3, 4], [8, 2, 8, 2]] = 1  # the third has none
    order = order_by_tap(weight)
    assert order is not None
    assert order.tolist() == [2, 1, 4, 0, 3]


def test_a_vector_without_taps_is_its_bias() -> None:
    problem = shifted_chain((1, 5, 6, 7), 3 * LANES, 4, 5, np.zeros(3 * LANES, np.int64), padding=2)
    problem.params["depthwise_weight"][LANES:] = 0
    assert RowRing.pack(problem.layer)[1]
    check(RowRing, problem, Example.of(problem, np.random.default_rng(0)))
