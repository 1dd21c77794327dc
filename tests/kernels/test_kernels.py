"""Every kernel against the float64 reference, over the operators' own cases and drawn problems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kernel_harness import check_all, check_cases, make_problem, operators_with_kernels

import tinyinfer as ti
from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError, InputError
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.arguments.operands import Rows

activations = st.sampled_from(sorted(FUSED, key=str))
threads = st.sampled_from([1, 2])
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))


@pytest.mark.parametrize("name", operators_with_kernels())
@pytest.mark.parametrize("threads", [1, 2])
def test_kernels_agree_on_every_case(name: str, threads: int) -> None:
    assert check_cases(name, threads) > 0


@given(n=st.integers(1, 20), c=st.integers(1, 70), m=st.integers(1, 70), activation=activations, threads=threads)
def test_linear(n, c, m, activation, threads):
    op = ops.create("linear", {"activation": activation})
    assert check_all(op, [(n, c)], {"weight": (m, c), "bias": (m,)}, threads) > 0


@given(
    name=st.sampled_from(["max_pool2d", "avg_pool2d"]), n=st.integers(1, 2), c=st.integers(1, 40),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)), kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=strides, padding=st.one_of(st.just("same"), st.tuples(*[st.integers(0, 2)] * 4)), ceil_mode=st.booleans(),
    more=st.booleans(), threads=threads,
)  # fmt: skip
def test_sliding_pools(name, n, c, size, kernel, stride, padding, ceil_mode, more, threads):
    attrs = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    attrs |= {"dilation": 1 + more} if name == "max_pool2d" else {"count_include_pad": more}
    op = ops.create(name, attrs)
    try:
        op.infer([ti.graph.TensorType((n, c, *size))], {})
    except GraphError:
        assume(False)
    with np.errstate(invalid="ignore"):
        y = op.reference([np.ones((n, c, *size))], {})[0]
    assume(np.all(np.isfinite(y)))  # a dilated window can miss the image, ceil_mode can leave a window of nothing
    assert check_all(op, [(n, c, *size)], {}, threads) > 0


@given(
    name=st.sampled_from(["adaptive_avg_pool2d", "adaptive_max_pool2d"]), n=st.integers(1, 2), c=st.integers(1, 40),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)), out=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    threads=threads,
)  # fmt: skip
def test_adaptive_pools(name, n, c, size, out, threads):
    assert check_all(ops.create(name, {"output_size": out}), [(n, c, *size)], {}, threads) > 0


@given(c=st.integers(1, 70), size=st.tuples(st.integers(1, 40), st.integers(1, 40)), threads=st.sampled_from([1, 2, 3]))
def test_global_means(c, size, threads):
    assert check_all(ops.create("adaptive_avg_pool2d", {"output_size": 1}), [(1, c, *size)], {}, threads) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 70), size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    groups=st.integers(2, 3), threads=st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_interleaved_channels(n, c, size, groups, threads):
    assert check_all(ops.create("interleave", {}), [(n, c, *size)] * groups, {}, threads) == (groups == 2)


@given(
    n=st.integers(1, 2), halves=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)), threads=st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_deinterleaved_channels(n, halves, size, threads):
    inputs = [(n, 2 * half, *size) for half in halves]
    assert check_all(ops.create("deinterleave", {}), inputs, {}, threads) == (len(halves) == 2)


@given(
    n=st.integers(1, 3), maps=st.lists(st.tuples(*[st.integers(1, 12)] * 3), min_size=1, max_size=4),
    width=st.integers(1, 40), threads=st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_joined_pixels(n, maps, width, threads):
    inputs = [(n, c * width, h, w) for c, h, w in maps]
    assert check_all(ops.create("join_pixels", {"width": width}), inputs, {}, threads) == 1


@given(
    name=st.sampled_from(["add", "mul"]), n=st.integers(1, 3), c=st.integers(1, 70),
    size=st.tuples(st.integers(1, 40), st.integers(1, 20)), gate=st.booleans(), swap=st.booleans(), threads=threads,
)  # fmt: skip
def test_arithmetic(name, n, c, size, gate, swap, threads):
    shapes = [(n, c, *size), (n, c, 1, 1) if gate else (n, c, *size)]
    assert check_all(ops.create(name, {}), shapes[::-1] if swap else shapes, {}, threads) > 0


@given(
    name=st.sampled_from(["hardswish", "leaky_relu", "sigmoid", "gelu", "softsign"]), threads=threads,
    shape=st.one_of(
        st.tuples(st.integers(1, 40), st.integers(1, 600)), st.tuples(st.integers(1, 3), st.integers(1, 60)),
        st.tuples(st.integers(1, 2), st.integers(1, 40), st.integers(1, 20), st.integers(1, 20)),
    ),
)  # fmt: skip
def test_activations(name, shape, threads):
    assert check_all(ops.create(name, {}), [shape], {}, threads) > 0


@given(
    n=st.integers(1, 2), channels=st.integers(1, 40), groups=st.integers(1, 5),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)), pad=st.tuples(*[st.integers(-1, 3)] * 6),
)  # fmt: skip
def test_copies(n, channels, groups, size, pad):
    h, w = size
    x = (n, channels * groups, h, w)
    assert check_all(ops.create("flatten", {"start_dim": 1}), [x], {}, 1) > 0
    assert check_all(ops.create("split", {"split_size_or_sections": channels, "dim": 1}), [x], {}, 1) > 0
    assert check_all(ops.create("concat", {"dim": 1}), [x, (n, 1, h, w), x], {}, 1) > 0
    if all(side + min(a, 0) + min(b, 0) > 0 for side, a, b in zip(x[1:], pad[::2], pad[1::2], strict=True)):
        assert check_all(ops.create("pad", {"pad": pad, "value": 1.5}), [x], {}, 1) > 0


@given(
    n=st.integers(1, 3), channels=st.integers(1, 40), groups=st.integers(1, 9), size=st.integers(1, 7), threads=threads,
    data=st.data(),
)  # fmt: skip
def test_orders_of_channels(n, channels, groups, size, threads, data):
    c = channels * groups
    for op in (ops.create("channel_shuffle", {"groups": g}) for g in (groups, channels)):
        assert check_all(op, [(n, c, size, size)], {}, threads) > 0
        assert check_all(op, [(n, c)], {}, threads) > 0
    index = data.draw(st.lists(st.integers(0, c - 1), min_size=1, max_size=50))
    assert check_all(ops.create("index_select", {"dim": 1, "index": index}), [(n, c, size, 2)], {}, threads) > 0


@given(
    n=st.integers(1, 2), c=st.integers(1, 40), h=st.integers(1, 20), w=st.integers(1, 20), extra=st.integers(0, 3),
    threads=st.integers(1, 3),
)  # fmt: skip
def test_layouts_there_and_back(n, c, h, w, extra, threads):
    from tinyinfer.kernels.bare.on_arrays import empty_map
    from tinyinfer.kernels.movement.borders import bind_to_images, bind_to_planes, fixed_address

    x = np.random.default_rng(0).standard_normal((n, c, h, w)).astype(np.float32)
    fm, back = empty_map(x.shape, extra), np.empty_like(x)
    bind_to_images(threads, fixed_address(x), fm)()
    np.testing.assert_array_equal(fm.nchw(), x)
    bind_to_planes(threads, fm, fixed_address(back))()
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("name", ["relu", "hardswish", "sigmoid", "silu", "tanh", "elu", "mish", "gelu", "leaky_relu"])
def test_activations_far_from_zero(name: str) -> None:
    x = np.array([[-np.inf, -1e30, -200, -90, -30, -1e-30, -0.0, 0, 1e-30, 30, 90, 200, 1e30, np.inf]], np.float32)
    with np.errstate(all="ignore"):
        expected = ti.ops.reference(name)(x.astype(np.float64))
    found = kernels.call(f"{name}/vector", x)
    known = ~np.isnan(expected)
    np.testing.assert_allclose(found[known], expected[known], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "relu6", "hardswish", "sigmoid", "silu", "tanh", "elu", "mish", "gelu"])
def test_activations_hand_nan_on(name: str) -> None:
    assert np.isnan(kernels.call(f"{name}/vector", np.full((2, 19), np.nan, np.float32))).all()


@pytest.mark.parametrize("kernel", ["windows", "small_windows"])
@pytest.mark.parametrize(("size", "at"), [*((2, at) for at in range(4)), *((3, at) for at in range(9))])
def test_a_maximum_hands_nan_on(kernel: str, size: int, at: int) -> None:
    x = np.random.default_rng(0).standard_normal((1, 17, size, size)).astype(np.float32)
    x[:, :, at // size, at % size] = np.nan
    assert np.isnan(kernels.call(f"max_pool2d/{kernel}", x, kernel_size=size)).all()


@given(
    name=st.sampled_from(["max_pool2d", "avg_pool2d"]), n=st.integers(1, 2), c=st.integers(16, 70),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)), kernel=st.integers(2, 3), stride=strides,
    padding=st.integers(0, 1), ceil_mode=st.booleans(), threads=threads,
)  # fmt: skip
def test_small_windows(name, n, c, size, kernel, stride, padding, ceil_mode, threads):
    attrs = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    op, shapes = ops.create(name, attrs), [(n, c, *size)]
    try:
        problem = make_problem(op, shapes, {}, threads)
    except GraphError:
        assume(False)
    applies = kernels.find(name, "small_windows").takes(problem)
    with np.errstate(invalid="ignore"):  # of all windows those in ceil_mode may see nothing
        seen = ops.create("max_pool2d", attrs).reference([np.ones((n, c, *size))], {})[0]
        assert applies == np.isfinite(seen).all()
    if applies:
        check_all(op, shapes, {}, threads)


@pytest.mark.parametrize("include", [False, True])
def test_a_mean_hands_infinity_on_to_its_windows_alone(include: bool) -> None:
    x = np.zeros((1, 17, 6, 6), np.float32)
    x[0, 3, 0, 5] = np.inf
    attrs = {"kernel_size": 3, "padding": 1, "stride": 1, "count_include_pad": include}
    y = kernels.call("avg_pool2d/small_windows", x, **attrs)
    np.testing.assert_array_equal(y, ops.reference("avg_pool2d")(x, **attrs))


def test_call_takes_arguments_as_the_reference_does() -> None:
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(s).astype(np.float32) for s in ((2, 5, 9, 8), (7, 5, 3, 3), (7,)))
    residual = rng.standard_normal((2, 7, 9, 8)).astype(np.float32)
    attrs = {"padding": 1, "activation": "relu", "residual": residual}
    expected = ti.ops.reference("conv2d")(x, weight, bias, **attrs)
    for kernel in ("conv2d/direct", kernels.find("conv2d", "im2col")):
        np.testing.assert_allclose(kernels.call(kernel, x, weight, bias, **attrs), expected, atol=1e-5)
    without = ti.ops.reference("conv2d")(x, weight, bias=None, residual=None, padding=1)
    np.testing.assert_allclose(kernels.call("conv2d/direct", x, weight, bias=None, padding=1), without, atol=1e-5)
    halves = kernels.call("split/copy", x, split_size_or_sections=3, dim=1)
    assert [h.shape for h in halves] == [(2, 3, 9, 8), (2, 2, 9, 8)]


def test_call_takes_rows_of_four_dimensions() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    for shape in ((5,), (4, 5), (3, 4, 5)):
        y = kernels.call("layer_norm/vector", x, normalized_shape=shape)
        np.testing.assert_allclose(y, ops.reference("layer_norm")(x, normalized_shape=shape), atol=1e-5)


def test_prepare_binds_what_call_would_run() -> None:
    x, weight = np.ones((1, 3, 6, 7), np.float32), np.ones((4, 3, 3, 3), np.float32)
    bound: Any = kernels.prepare("conv2d/direct", x, weight, padding=1)
    maps = [argument.address.array for argument in bound.kept[1] if isinstance(argument, Rows)]
    expected = kernels.call("conv2d/direct", x, weight, padding=1).transpose(0, 2, 3, 1).reshape(-1)
    for _ in range(2):
        bound()
        assert any(np.array_equal(values, expected) for values in maps)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [("direct", "operator/name"), ("conv2d/fast", "no kernel 'fast'"), ("conv2d/pointwise", "does not apply")],
)
def test_call_says_what_is_wrong(kernel: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kernels.call(kernel, np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 3, 3)))
