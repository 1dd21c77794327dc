"""Matrix products and convolutions of codes: the reference's exactly, or within one where a formula is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import Example, check, make_problem

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import CLIPS, FUSED
from tinyinfer.kernels.base import Kernel
from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import PAIRED
from tinyinfer.kernels.quantized import byte_gemm
from tinyinfer.kernels.quantized.byte_gemm import block_rows, copied_rows, product_bytes, tail_rows

activations = st.sampled_from(sorted(FUSED, key=str))
threads = st.integers(1, 3)
codes = st.integers(0, 255)
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
weight_zeros = st.sampled_from([0, 0, 7, -128, 127])


def check_codes(
    kernel_name: str, op_name: str, attrs: dict[str, Any], inputs: list[Shape], weight: Shape, threads: int = 1,
    before: int = 0, after: int = 0, weight_dtype: str = "int8",
) -> None:  # fmt: skip
    """`check` a kernel, to the last code where there is no formula, if the operator has outputs at all."""
    rng = np.random.default_rng(0)
    scales = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.11, "zero_point": 9}
    op = ops.create(op_name, {**scales, **attrs})
    m = (op.output_channels(weight),)  # type: ignore[attr-defined]
    params = op.example_params({"weight": weight, "weight_scale": m, "bias": m}, rng)
    if weight_dtype == "uint8":
        params["weight"] = params["weight"].view(np.uint8)
    try:
        problem = make_problem(op, inputs, params, threads, ("uint8",) * len(inputs))
    except GraphError:
        assume(False)
    kernel: type[Kernel] = kernels.find(op_name, kernel_name)
    assert kernel.takes(problem)
    if op.activation in CLIPS:  # type: ignore[attr-defined]
        kernel = type("Exact", (kernel,), {"tolerance": 0.0})
    check(kernel, problem, Example.of(problem, rng), before, after)


@settings(max_examples=120)
@given(
    n=st.integers(1, 3), c=st.integers(1, 140), m=st.integers(1, 80), groups=st.sampled_from([1, 1, 1, 2, 3, 8]),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), activation=activations, zero=weight_zeros,
    residual=st.booleans(), as_float=st.booleans(), before=st.integers(0, 9), after=st.integers(0, 9), threads=threads,
)  # fmt: skip
def test_pointwise(n, c, m, groups, size, activation, zero, residual, as_float, before, after, threads):
    c, m = -(-c // groups) * groups, -(-m // groups) * groups
    attrs = {"groups": groups, "activation": activation, "weight_zero_point": zero}
    attrs |= {"dtype": "float32", "zero_point": 0} if as_float else {}
    attrs |= {"residual_scale": 0.07, "residual_zero_point": 100} if residual else {}
    inputs = [(n, c, *size)] + ([(n, m, *size)] if residual else [])
    check_codes("pointwise", "quantized_conv2d", attrs, inputs, (m, c // groups, 1, 1), threads, before, after)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("k", [64, 100, 768, 800, 1600])  # K is taken in chunks of up to 768 codes
@pytest.mark.parametrize("n", [16, 32, 33, 64, 100])
def test_results_made_beside_other_products(residual: bool, k: int, n: int) -> None:
    attrs: dict[str, Any] = {"activation": "relu"}
    if residual:  # added to codes, not to sums
        attrs |= {"residual_scale": 0.07, "residual_zero_point": 100, "inner_scale": 0.09, "inner_zero_point": 130}
    for pixels in (3, 16, 17, 32, 33, 49, 64, 196):
        inputs = [(1, k, pixels, 1)] + ([(1, n, pixels, 1)] if residual else [])
        check_codes("pointwise", "quantized_conv2d", attrs, inputs, (n, k, 1, 1))


@settings(max_examples=200)
@given(
    n=st.integers(1, 2), c=st.integers(1, 70), m=st.integers(1, 70), groups=st.sampled_from([1, 1, 1, 2, 5]),
    size=st.tuples(st.integers(1, 23), st.integers(1, 23)), kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=strides, padding=st.tuples(*[st.integers(0, 4)] * 4),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)), activation=activations, zero=weight_zeros,
    before=st.integers(0, 9), after=st.integers(0, 9), threads=threads,
)  # fmt: skip
def test_windows(n, c, m, groups, size, kernel, stride, padding, dilation, activation, zero, before, after, threads):
    c, m = -(-c // groups) * groups, -(-m // groups) * groups
    attrs = {
        "groups": groups, "activation": activation, "weight_zero_point": zero, "stride": stride, "padding": padding,
        "dilation": dilation,
    }  # fmt: skip
    weight = (m, c // groups, *kernel)
    check_codes("windows", "quantized_conv2d", attrs, [(n, c, *size)], weight, threads, before, after)


@settings(max_examples=60)
@given(
    n=st.integers(1, 2), c=st.integers(1, 40), m=st.integers(1, 70), groups=st.sampled_from([1, 1, 2, 5]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)), kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=strides, padding=st.tuples(st.integers(0, 3), st.integers(0, 3)), extra=st.tuples(*[st.integers(0, 2)] * 2),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)), activation=activations, zero=weight_zeros,
    as_float=st.booleans(), before=st.integers(0, 9), after=st.integers(0, 9), threads=threads,
)  # fmt: skip
def test_transposed(
    n, c, m, groups, size, kernel, stride, padding, extra, dilation, activation, zero, as_float, before, after, threads
):  # fmt: skip
    c, m = -(-c // groups) * groups, -(-m // groups) * groups
    room = [max(pair) - 1 for pair in zip(stride, dilation, strict=True)]
    attrs = {
        "groups": groups, "activation": activation, "weight_zero_point": zero, "stride": stride, "padding": padding,
        "dilation": dilation, "output_padding": [min(pair) for pair in zip(extra, room, strict=True)],
    }  # fmt: skip
    attrs |= {"dtype": "float32", "zero_point": 0} if as_float else {}
    weight = (c, m // groups, *kernel)
    check_codes("phases", "quantized_conv_transpose2d", attrs, [(n, c, *size)], weight, threads, before, after)


@pytest.mark.skipif(not PAIRED, reason="products of codes are fast enough here")
@settings(max_examples=80)
@given(
    name=st.sampled_from(["winograd2x2", "winograd4x4"]), n=st.integers(1, 3), c=st.integers(1, 5 * LANES),
    m=st.integers(1, 9 * LANES), size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    padding=st.tuples(*[st.integers(1, 3)] * 4), activation=activations, residual=st.booleans(),
    as_float=st.booleans(), before=st.integers(0, 9), after=st.integers(0, 9), threads=threads, zero=codes,
)  # fmt: skip
def test_winograd(name, n, c, m, size, padding, activation, residual, as_float, before, after, threads, zero):
    attrs = {"padding": padding, "activation": activation, "input_zero_point": zero}
    attrs |= {"dtype": "float32", "zero_point": 0} if as_float else {}
    attrs |= {"residual_scale": 0.07, "residual_zero_point": 100} if residual else {}
    left, right, top, bottom = padding[2], padding[3], padding[0], padding[1]
    outputs = (n, m, size[0] + top + bottom - 2, size[1] + left + right - 2)
    inputs = [(n, c, *size)] + ([outputs] if residual else [])
    check_codes(name, "quantized_conv2d", attrs, inputs, (m, c, 3, 3), threads, before, after)


@pytest.mark.skipif(not PAIRED, reason="products of codes are fast enough here")
@pytest.mark.parametrize(("name", "c"), [("winograd2x2", 1000), ("winograd4x4", 227)])
@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1)])
def test_winograd_of_the_largest_sums(name: str, c: int, signs: tuple[int, int]) -> None:
    """Of channels as many as it takes, all codes and weights the largest; results do not saturate."""
    weight = np.full((3, c, 3, 3), 127, np.int8) * np.resize(signs, (1, c, 1, 1)).astype(np.int8)
    x = np.where(weight[:1, :, :1, :1] > 0, 255, 0).astype(np.uint8) * np.ones((1, c, 6, 5), np.uint8)
    scale = np.full(3, 100 / (9 * c * 255 * 127), np.float32)
    attrs = {"input_scale": 1.0, "scale": 1.0, "zero_point": 120, "padding": 1, "input_zero_point": 9}
    found = kernels.call(f"quantized_conv2d/{name}", x, weight, scale, **attrs)
    expected = kernels.call("quantized_conv2d/windows", x, weight, scale, **attrs)
    np.testing.assert_array_equal(found, expected)
    assert 0 < found.min() <= found.max() < 255


@settings(max_examples=60)
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 40), st.integers(1, 900)),
        st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 60)),
    ),
    m=st.integers(1, 150), activation=activations, zero=weight_zeros, threads=threads,
)  # fmt: skip
def test_linear(shape, m, activation, zero, threads):
    attrs = {"activation": activation, "weight_zero_point": zero}
    check_codes("gemm", "quantized_linear", attrs, [shape], (m, shape[-1]), threads)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("x", "weight", "attrs"),
    [
        ((2, 70, 61, 57), (130, 70, 3, 3), {"padding": 1}),  # several bands for each thread
        ((1, 300, 40, 41), (40, 300, 3, 3), {"padding": 1, "stride": 2}),  # runs longer than a chunk
        ((1, 3, 97, 95), (64, 3, 7, 7), {"padding": 3, "stride": 2}),
        ((1, 40, 5, 5), (500, 40, 3, 3), {"padding": 1}),  # panels are split
        ((1, 256, 14, 14), (65, 256, 3, 3), {"padding": 1, "weight_zero_point": 4}),
        ((1, 12, 20, 21), (6, 12, 3, 3), {"padding": 2, "dilation": 2}),
        ((2, 40, 9, 7), (33, 40, 1, 1), {"stride": 2}),
        ((1, 48, 17, 17), (96, 12, 3, 3), {"padding": 1, "groups": 4}),
    ],
)
def test_large_and_lopsided_windows(x: Shape, weight: Shape, attrs: dict[str, Any], threads: int) -> None:
    check_codes("windows", "quantized_conv2d", attrs, [x], weight, threads, 3, 5)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("rows", "k", "n", "zero"),
    [
        (1, 1280, 200, 0), (2, 70, 500, 5), (3, 2049, 65, 0), (49, 960, 160, -3), (600, 1000, 33, 0), (5000, 3, 5, 9),
        (4500, 130, 40, 0), (40, 5, 700, 0), (700, 1, 1, 0), (33, 64, 32, 0), (800, 1024, 300, 7), (50, 100, 290, 0),
    ],
)  # fmt: skip
def test_large_and_lopsided_products(rows: int, k: int, n: int, zero: int, threads: int) -> None:
    check_codes("gemm", "quantized_linear", {"weight_zero_point": zero}, [(rows, k)], (n, k), threads, 3, 5)


@pytest.mark.parametrize("zero", [0, 128, 131, 255])
def test_weights_of_older_files(zero: int) -> None:
    attrs = {"weight_zero_point": zero}
    check_codes("pointwise", "quantized_conv2d", attrs, [(1, 37, 9, 8)], (40, 37, 1, 1), weight_dtype="uint8")
    attrs["padding"] = 1  # type: ignore[assignment]
    check_codes("windows", "quantized_conv2d", attrs, [(1, 37, 9, 8)], (40, 37, 3, 3), weight_dtype="uint8")
    check_codes("windows", "quantized_conv2d", {**attrs, "groups": 5}, [(1, 35, 9, 8)], (40, 7, 3, 3),
                weight_dtype="uint8")  # fmt: skip


@pytest.mark.parametrize("op_name", ["quantized_linear", "quantized_conv2d"])
def test_results_beyond_all_codes(op_name: str) -> None:
    """However large the sums, they end at the bounds."""
    rest = () if op_name == "quantized_linear" else (1, 1)
    x = np.full((3, 70, *rest), 255, np.uint8)
    weight = np.concatenate([np.full((20, 70, *rest), w, np.int8) for w in (127, -127)])
    for activation, low, high in ((None, 0, 255), ("relu", 9, 255), ("relu6", 9, 15)):
        y = kernels.call(
            f"{op_name}/{'pointwise' if rest else 'gemm'}", x, weight, np.full(40, 1e30, np.float32), input_scale=1.0,
            scale=1.0, zero_point=9, activation=activation,
        )  # fmt: skip
        assert set(y[:, :20].flat) == {high}
        assert set(y[:, 20:].flat) == {low}


@given(k=st.integers(1, 5000), n=st.integers(1, 5000))
def test_blocks_and_workspace_are_of_a_size(k: int, n: int) -> None:
    assert byte_gemm.UNIT <= block_rows(k, n) <= byte_gemm.LARGEST_BLOCK
    assert byte_gemm.MOST_READ // k < tail_rows(k)
    assert product_bytes(k) < 400_000 + 80 * k
    assert byte_gemm.UNIT <= copied_rows(k) <= byte_gemm.LARGEST_BLOCK
    assert product_bytes(k, copies=True) < 1_400_000 + 80 * k


@pytest.mark.skipif(not amx.available(), reason="no AMX tiles here")
def test_tiles_are_used_here() -> None:
    assert byte_gemm.TILES
