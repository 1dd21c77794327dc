"""Kernels of convolutions, fused ones included, against the float64 reference over drawn problems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import check_all

import tinyinfer as ti
from tinyinfer import ops
from tinyinfer.errors import GraphError
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.bare.on_arrays import problem_of_arrays
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.depthwise.depthwise import fits_strips
from tinyinfer.kernels.depthwise.depthwise_pixel import MASKS
from tinyinfer.kernels.matmul.joined_groups import group_count, joined_weight

activations = st.sampled_from(sorted(FUSED, key=str))
threads = st.sampled_from([1, 2])
paddings = st.one_of(st.just("same"), st.tuples(*[st.integers(0, 3)] * 4))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))


def check_convolution(
    attrs: dict[str, Any], x: tuple[int, ...], m: int, kernel: tuple[int, int], bias: bool, residual: bool, threads: int
) -> None:
    op = ops.create("conv2d", attrs)
    params = {"weight": (m, x[1] // op.groups, *kernel)} | ({"bias": (m,)} if bias else {})  # type: ignore[attr-defined]
    shapes = [x]
    try:
        y = op.infer([ti.graph.TensorType(x)], {role: ti.graph.TensorType(s) for role, s in params.items()})[0].shape
    except GraphError:
        assume(False)
    if residual:
        shapes.append(y)
    assert check_all(op, shapes, params, threads) > 0


@given(
    n=st.integers(1, 2), groups=st.sampled_from([1, 1, 1, 2, 3]), c=st.integers(1, 20), m=st.integers(1, 40),
    size=st.tuples(st.integers(1, 17), st.integers(1, 17)), kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=strides, padding=paddings, dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)), activation=activations,
    bias=st.booleans(), residual=st.booleans(), threads=threads,
)  # fmt: skip
def test_convolutions(n, groups, c, m, size, kernel, stride, padding, dilation, activation, bias, residual, threads):
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "activation": activation}
    check_convolution(attrs, (n, c * groups, *size), m * groups, kernel, bias, residual, threads)


@given(
    n=st.integers(1, 2), groups=st.integers(1, 2), c=st.one_of(st.integers(1, 20), st.integers(680, 700)),
    m=st.integers(64, 140), size=st.tuples(st.integers(1, 6), st.integers(1, 6)), kernel=st.sampled_from([1, 3, 3]),
    stride=strides, dilation=st.sampled_from([1, 1, 2]), bias=st.booleans(), residual=st.booleans(),
    threads=st.integers(1, 3),
)  # fmt: skip
@settings(max_examples=40)
def test_few_pixels_of_many_channels(n, groups, c, m, size, kernel, stride, dilation, bias, residual, threads):
    """Weights that outweigh the map, so that threads share them and not the pixels."""
    padding = kernel // 2 * dilation
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "activation": "relu"}
    check_convolution(attrs, (n, c * groups, *size), m * groups, (kernel, kernel), bias, residual, threads)


@pytest.mark.parametrize("dilation", [1, 2])
def test_threads_share_the_weights_of_five_taps(dilation: int) -> None:
    attrs = {"padding": 2 * dilation, "dilation": dilation, "activation": "silu"}
    check_convolution(attrs, (1, 72, 5, 5), 80, (5, 5), bias=True, residual=True, threads=2)


@pytest.mark.parametrize("threads", [1, 2])
def test_windows_that_end_before_the_image_begins(threads: int) -> None:
    attrs = {"stride": (1, 9), "padding": (1, 0, 7, 0)}
    check_convolution(attrs, (2, 16, 3, 1), 5, (2, 2), bias=True, residual=False, threads=threads)


@given(
    n=st.integers(1, 2), c=st.integers(1, 70), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), kernel=st.sampled_from([1, 3, 3, 5]),
    stride=st.integers(1, 2), padding=st.one_of(st.integers(0, 2), st.just("same")),
    dilation=st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (4, 2)]), activation=activations, bias=st.booleans(),
    residual=st.booleans(), threads=threads,
)  # fmt: skip
def test_common_convolutions(n, c, m, size, kernel, stride, padding, dilation, activation, bias, residual, threads):
    """The shapes that Winograd and the matrix products are for."""
    padding = padding if padding == "same" else tuple(min(padding, kernel - 1) * d for d in dilation)
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "activation": activation}
    check_convolution(attrs, (n, c, *size), m, (kernel, kernel), bias, residual, threads)


@given(
    n=st.integers(1, 2), c=st.integers(1, 70), size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    kernel=st.one_of(st.sampled_from([(3, 3), (5, 5), (7, 7)]), st.tuples(st.integers(1, 7), st.integers(1, 7))),
    stride=st.one_of(st.sampled_from([(1, 1), (2, 2)]), strides),
    padding=st.one_of(st.just("half"), paddings), dilation=st.sampled_from([(1, 1), (1, 1), (2, 2), (2, 1), (2, 3)]),
    activation=activations, bias=st.booleans(), residual=st.booleans(), threads=threads,
)  # fmt: skip
def test_depthwise(n, c, size, kernel, stride, padding, dilation, activation, bias, residual, threads):
    padding = tuple(k // 2 * d for k, d in zip(kernel, dilation, strict=True)) if padding == "half" else padding
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": c, "activation": activation}
    check_convolution(attrs, (n, c, *size), c, kernel, bias, residual, threads)


@pytest.mark.parametrize(
    ("attrs", "size", "fits"),
    [
        ({"padding": 4, "dilation": 2}, 9, True),
        ({"padding": 8, "dilation": 4}, 3, True),
        ({"padding": (0, 0, 8, 8), "dilation": (1, 4)}, 9, True),
        ({"padding": 5, "dilation": 2}, 9, False),  # further beside the image than half a kernel
        ({"padding": 4, "dilation": 2, "stride": 2}, 9, False),
    ],
)
def test_depthwise_strips_take_dilation(attrs, size, fits):
    arrays = np.zeros((1, 20, size, size), np.float32), np.zeros((20, 1, 5, 5), np.float32)
    assert fits_strips(problem_of_arrays("conv2d", arrays, {"groups": 20, **attrs}, threads=1)[0]) == fits


@given(
    n=st.integers(1, 2), groups=st.integers(2, 24), c=st.sampled_from([2, 4, 8, 2, 4, 8, 3, 16, 17]),
    m=st.one_of(st.just("c"), st.integers(1, 20)), size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    stride=st.integers(1, 2), padding=st.integers(0, 2), dilation=st.sampled_from([1, 1, 2, 3]), activation=activations,
    bias=st.booleans(), residual=st.booleans(), threads=threads,
)  # fmt: skip
def test_grouped_convolutions(n, groups, c, m, size, stride, padding, dilation, activation, bias, residual, threads):
    """Groups that a register holds whole, groups that are joined to fill one, and others."""
    m = c if m == "c" else m
    attrs = {"stride": stride, "padding": padding * dilation, "dilation": dilation, "groups": groups}
    attrs |= {"activation": activation}
    check_convolution(attrs, (n, c * groups, *size), m * groups, (3, 3), bias, residual, threads)


@given(groups=st.integers(1, 12), n=st.integers(1, 20), c=st.integers(1, 5))
def test_joined_groups_are_the_same_convolution(groups, n, c):
    weight = np.arange(groups * n * c * 6, dtype=np.float32).reshape(groups * n, c, 2, 3)
    problem = problem_of_arrays(
        "conv2d", (np.empty((1, groups * c, 4, 4), np.float32), weight), {"groups": groups}, threads=1
    )[0]
    joined = joined_weight(problem)
    assert joined.shape[0] == group_count(problem)
    assert joined.shape[1] == n or joined.shape[1] <= LANES
    into, out = joined.shape[2], joined.shape[1]
    dense = np.zeros((groups * n, groups * c, 2, 3), np.float32)
    expected = dense.copy()
    for g, block in enumerate(joined):
        dense[g * out : (g + 1) * out, g * into : (g + 1) * into] = block
    for g in range(groups):
        expected[g * n : (g + 1) * n, g * c : (g + 1) * c] = weight[g * n : (g + 1) * n]
    np.testing.assert_array_equal(dense, expected)


@given(
    n=st.integers(1, 2), groups=st.integers(2, 9), c=st.integers(1, 20), m=st.integers(1, 40),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), activation=activations, bias=st.booleans(),
    residual=st.booleans(), threads=threads,
)  # fmt: skip
def test_grouped_pointwise_convolutions(n, groups, c, m, size, activation, bias, residual, threads):
    attrs = {"groups": groups, "activation": activation}
    check_convolution(attrs, (n, c * groups, *size), m * groups, (1, 1), bias, residual, threads)


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), e=st.integers(1, 70), m=st.one_of(st.none(), st.integers(1, 40)),
    expand=st.booleans(), size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel=st.sampled_from([3, 5]), stride=st.integers(1, 2), top=st.integers(0, 3), bottom=st.integers(0, 3),
    epilogues=st.tuples(activations, activations, activations), residual=st.booleans(),
    threads=st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_depthwise_chains(n, c, e, m, expand, size, kernel, stride, top, bottom, epilogues, residual, threads):
    assume(MASKS or e >= LANES)
    if m is None or expand:
        shapes = {"expand_weight": (e, c, 1, 1), "expand_bias": (e,)}
    else:
        shapes, c = {}, e
    shapes |= {"depthwise_weight": (e, 1, kernel, kernel), "depthwise_bias": (e,)}
    if m is not None:
        shapes |= {"project_weight": (m, e, 1, 1), "project_bias": (m,)}
    attrs = dict(zip(("expand_activation", "depthwise_activation", "project_activation"), epilogues, strict=True))
    attrs |= {"stride": stride, "padding": (top, bottom, kernel // 2, kernel // 2)}
    op, inputs = ops.create("depthwise_chain", attrs), [(n, c, *size)]
    try:
        y = op.infer([ti.graph.TensorType(inputs[0])], {r: ti.graph.TensorType(s) for r, s in shapes.items()})[0].shape
    except GraphError:
        assume(False)
    if residual:
        inputs.append(y)
    assert check_all(op, inputs, shapes, threads) > 0


@given(
    n=st.integers(1, 5), c=st.integers(1, 70), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), activation=activations, bias=st.booleans(),
    residual=st.booleans(), threads=st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_gated_convolutions(n, c, m, size, activation, bias, residual, threads):
    inputs = [(n, c, *size), (n, c, 1, 1)] + ([(n, m, *size)] if residual else [])
    params = {"weight": (m, c, 1, 1)} | ({"bias": (m,)} if bias else {})
    assert check_all(ops.create("gated_conv2d", {"activation": activation}), inputs, params, threads) > 0


@given(c=st.integers(400, 1100), m=st.integers(1, 40), size=st.integers(3, 6), residual=st.booleans(), threads=threads)
def test_long_kernels_in_slices(c, m, size, residual, threads):
    """More than im2col gathers at a time, with an epilogue that must come last."""
    attrs = {"padding": 1, "stride": 2, "activation": "relu"}
    check_convolution(attrs, (1, c, size, size), m, (3, 3), True, residual, threads)
