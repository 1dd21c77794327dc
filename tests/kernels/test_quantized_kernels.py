"""Kernels on codes over drawn problems: exactly what the reference computes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import Example, check, check_all, example_params, make_problem

from tinyinfer import kernels, ops
from tinyinfer.kernels.base import Layer
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.dot_products import VNNI
from tinyinfer.kernels.quantized.depthwise.packing import terms_of

threads = st.sampled_from([1, 2, 3])
MODES = ("constant", "reflect", "replicate", "circular")  # of pad
clips = st.sampled_from([None, "relu", "relu6"])
SCALES = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.11, "zero_point": 110}


@given(
    n=st.integers(1, 2), c=st.integers(1, 10 * LANES), size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    kernel=st.sampled_from([3, 5, 7]), stride=st.integers(1, 2), padding=st.integers(0, 4), threads=threads,
    activation=clips, zeros=st.tuples(st.integers(0, 255), st.integers(0, 255)), residual=st.booleans(),
    weight_zero=st.sampled_from([0, 0, 1, -127, -128]),
)  # fmt: skip
def test_depthwise(n, c, size, kernel, stride, padding, threads, activation, zeros, residual, weight_zero):
    """Weights less a zero point may be too wide for 8 bits, and for two terms of them."""
    if min(size) + 2 * padding < kernel:
        padding = kernel
    attrs = {**SCALES, "input_zero_point": zeros[0], "zero_point": zeros[1], "activation": activation, "groups": c}
    attrs |= {"stride": stride, "padding": padding, "weight_zero_point": weight_zero}
    op, inputs = ops.create("quantized_conv2d", attrs), [(n, c, *size)]
    weight = {"weight": (c, 1, kernel, kernel), "weight_scale": (c,), "bias": (c,)}
    rng = np.random.default_rng(0)
    problem = make_problem(op, inputs, example_params(op, weight, rng), threads, ["uint8"])
    if residual:
        problem = make_problem(op, [*inputs, problem.outputs[0]], problem.params, threads, ["uint8"] * 2)
    check(kernels.find("quantized_conv2d", "depthwise"), problem, Example.of(problem, rng), before=3, after=5)


@given(
    c=st.integers(1, 3 * LANES), size=st.tuples(st.integers(5, 12), st.integers(5, 12)), dilation=st.integers(1, 2),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), stride=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    zero=st.integers(-128, 127), threads=threads,
)  # fmt: skip
def test_depthwise_of_any_window(c, size, dilation, kernel, stride, zero, threads):
    """Also weights that have a zero point, as those of older files."""
    attrs = {**SCALES, "groups": c, "dilation": dilation, "stride": stride, "padding": 1, "weight_zero_point": zero}
    op = ops.create("quantized_conv2d", attrs)
    weight = {"weight": (c, 1, *kernel), "weight_scale": (c,), "bias": (c,)}
    rng = np.random.default_rng(0)
    problem = make_problem(op, [(2, c, *size)], example_params(op, weight, rng), threads, ["uint8"])
    check(kernels.find("quantized_conv2d", "depthwise"), problem, Example.of(problem, rng), before=3, after=5)


@given(
    n=st.integers(1, 2), c=st.integers(1, 9 * LANES), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    activation=st.sampled_from([None, "relu", "relu6", "hardswish"]), as_float=st.booleans(), zero=st.integers(0, 255),
    weight_zero=st.sampled_from([0, 0, 1, -127, -128]), threads=threads,
)  # fmt: skip
def test_one_tap(n, c, size, activation, as_float, zero, weight_zero, threads):
    attrs = {**SCALES, "input_zero_point": zero, "activation": activation, "groups": c}
    attrs |= {"weight_zero_point": weight_zero, **({"dtype": "float32", "zero_point": 0} if as_float else {})}
    op, rng = ops.create("quantized_conv2d", attrs), np.random.default_rng(0)
    params = example_params(op, {"weight": (c, 1, 1, 1), "weight_scale": (c,), "bias": (c,)}, rng)
    problem = make_problem(op, [(n, c, *size)], params, threads, ["uint8"])
    check(kernels.find("quantized_conv2d", "one_tap"), problem, Example.of(problem, rng), before=3, after=5)


@given(
    name=st.sampled_from(["quantized_add", "quantized_sub", "quantized_mul"]), n=st.integers(1, 3),
    c=st.integers(1, 5 * LANES),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)), activation=clips, swap=st.booleans(), threads=threads,
    data=st.data(),
)  # fmt: skip
def test_arithmetic(name, n, c, size, activation, swap, threads, data):
    x = (n, c, *size)
    b = data.draw(st.sampled_from([x, (n, c, 1, 1), (1, c, 1, 1), (c, 1, 1), (), (1,), (n, 1, *size)]))
    zeros = data.draw(st.tuples(*[st.integers(0, 255)] * 3))
    scales = {"a_scale": 0.02, "b_scale": 0.07, "scale": 0.09, "activation": activation}
    scales |= dict(zip(("a_zero_point", "b_zero_point", "zero_point"), zeros, strict=True))
    assert check_all(ops.create(name, scales), [b, x] if swap else [x, b], {}, threads, ["uint8"] * 2) == 1


@given(outer=st.lists(st.integers(1, 3), max_size=3), d=st.integers(1, 70), single=st.booleans(), swap=st.booleans())
def test_rows_of_any_rank(outer, d, single, swap):
    x, b = (*outer, d), (1 if single else d,)
    op = ops.create("quantized_add", {"a_scale": 0.02, "b_scale": 0.07, "scale": 0.09, "a_zero_point": 7})
    assert check_all(op, [b, x] if swap else [x, b], {}, 1, ["uint8"] * 2) == 1


@given(
    name=st.sampled_from(["max_pool2d", "quantized_avg_pool2d"]), n=st.integers(1, 2), c=st.integers(1, 9 * LANES),
    size=st.tuples(st.integers(4, 12), st.integers(4, 12)), kernel=st.integers(1, 4), stride=st.integers(1, 3),
    padding=st.integers(0, 1), threads=threads,
)  # fmt: skip
def test_pools(name, n, c, size, kernel, stride, padding, threads):
    attrs = {"kernel_size": kernel, "stride": stride, "padding": min(padding, kernel - 1)}
    op = ops.create(name, attrs if name == "max_pool2d" else {**SCALES, "scale": 0.02, **attrs})
    assert check_all(op, [(n, c, *size)], {}, threads, ["uint8"]) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 9 * LANES), size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    out=st.integers(1, 4), threads=threads,
)  # fmt: skip
def test_adaptive_pools(n, c, size, out, threads):
    op = ops.create("quantized_adaptive_avg_pool2d", {**SCALES, "scale": 0.01, "output_size": out})
    assert check_all(op, [(n, c, *size)], {}, threads, ["uint8"]) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 5 * LANES), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    image=st.booleans(), one_slope=st.booleans(), activation=clips, as_float=st.booleans(), zero=st.integers(0, 255),
    threads=threads,
)  # fmt: skip
def test_prelu(n, c, size, image, one_slope, activation, as_float, zero, threads):
    attrs = {**SCALES, "scale": 0.03, "input_zero_point": zero, "activation": activation}
    attrs |= {"dtype": "float32", "zero_point": 0} if as_float else {}
    slopes = {"weight": (1 if one_slope else c,)}
    x = (n, c, *size) if image else (n, c)
    assert check_all(ops.create("quantized_prelu", attrs), [x], slopes, threads, ["uint8"]) == 1


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("to", ["uint8", "int8"])
def test_lookups_of_all_codes(dtype: str, to: str, rng: np.random.Generator) -> None:
    limits = np.iinfo(dtype)
    x = np.arange(limits.min, limits.max + 1).astype(dtype).reshape(1, 256)
    table = rng.integers(np.iinfo(to).min, np.iinfo(to).max + 1, 256).astype(to)
    np.testing.assert_array_equal(kernels.call("lookup/codes", x, table, scale=1.0)[0], table)


MOVEMENTS = (
    *("concat", "split", "flatten", "reshape", "reshape_as", "squeeze", "unsqueeze", "join_pixels", "relayout"),
    *("channel_shuffle", "index_select", "interleave", "slice", "tile", "expand", "pad", "permute", "interpolate"),
    *("pixel_shuffle", "pixel_unshuffle", "pixels_to_images", "resize"),
)


@pytest.mark.parametrize("name", MOVEMENTS)
def test_bytes_are_moved(name: str) -> None:
    """Every example of an operator that moves values about, on bytes."""
    moved = 0
    for case in ops.get(name).cases():
        attrs = dict(case.attrs)
        if {*case.dtypes} <= {"float32"} and attrs.get("mode", "nearest") in (*("nearest", "nearest-exact"), *MODES):
            if "value" in attrs:
                attrs["value"] = 77
            moved += check_all(ops.create(name, attrs), case.inputs, {}, 2, ["uint8"] * len(case.inputs))
    assert moved > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 3 * LANES), h=st.integers(1, 20), w=st.integers(1, 40),
    groups=st.integers(2, 5), size=st.integers(1, 5 * LANES),
)  # fmt: skip
def test_bytes_in_other_orders(n, c, h, w, groups, size):
    codes = ["uint8"]
    assert check_all(ops.create("flatten", {"start_dim": 1}), [(n, c, h, w)], {}, 2, codes) > 0
    assert check_all(ops.create("permute", {"dims": (0, 2, 1)}), [(n, c, h * w)], {}, 1, codes) > 0
    for op in (ops.create("channel_shuffle", {"groups": g}) for g in (groups, size)):
        assert check_all(op, [(n, groups * size, 2, w)], {}, 1, codes) > 0
    assert check_all(ops.create("interleave", {}), [(n, size, h, 3)] * 2, {}, 2, codes * 2) == 1


def test_results_beyond_32_bits(rng: np.random.Generator) -> None:
    """Of scales that nobody has: all results are the first or the last code."""
    op = ops.create("quantized_conv2d", {**SCALES, "groups": 2 * LANES, "padding": 1})
    weight = {"weight": (2 * LANES, 1, 3, 3), "weight_scale": (2 * LANES,), "bias": (2 * LANES,)}
    params = example_params(op, weight, rng) | {"weight_scale": np.full(2 * LANES, 1e9, np.float32)}
    problem = make_problem(op, [(1, 2 * LANES, 5, 5)], params, 1, ["uint8"])
    example = Example.of(problem, rng)
    assert {*np.unique(example.outputs[0])} <= {0, 110, 255}
    check(kernels.find("quantized_conv2d", "depthwise"), problem, example)


@pytest.mark.parametrize(("zero", "count"), [(0, 1), (1, 1), (2, 2), (-127, 2), (-128, 0)])
def test_taps_are_sums_of_terms(zero, count):
    weight = np.arange(-127, 128, dtype=np.int8).reshape(255, 1, 1, 1)
    layer = Layer(ops.create("quantized_conv2d", {**SCALES, "weight_zero_point": zero}), {"weight": weight})
    terms = terms_of(layer)
    assert len(terms) == (count if VNNI else 1)  # 16 bits hold all of it
    if terms:
        np.testing.assert_array_equal(np.sum(terms, axis=0, dtype=int).reshape(-1), np.arange(-127, 128) - zero)
