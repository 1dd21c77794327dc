"""Kernels on AMX tiles against the float64 reference, and without tiles."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bf16x3_numbers import three_products
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import Example, check, make_problem, random_params
from python_process import printed

from tinyinfer import kernels, ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import Shape
from tinyinfer.kernels.arguments.epilogue import FUSED
from tinyinfer.kernels.base import Kernel
from tinyinfer.kernels.codegen import amx, cpu
from tinyinfer.kernels.conv.bf16x3_conv2d import partition
from tinyinfer.kernels.matmul.bf16x3 import TOLERANCE

needs_tiles = pytest.mark.skipif(not amx.available(), reason="no AMX tiles here")
activations = st.sampled_from(sorted(FUSED, key=str))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
threads = st.sampled_from([1, 2, 3])


def normal(*shape: int) -> np.ndarray:
    """Random numbers, the same in every run."""
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


def check_tiles(
    op_name: str, attrs: dict[str, Any], inputs: list[Shape], params: dict[str, Shape], threads: int,
    before: int = 0, after: int = 0,
) -> None:  # fmt: skip
    """`check` the kernel on tiles, or rolling_lines, which uses them, if the operator has outputs at all."""
    rng = np.random.default_rng(0)
    op = ops.create(op_name, attrs)
    try:
        problem = make_problem(op, inputs, random_params(params, rng), threads)
    except GraphError:
        assume(False)
    kernel: type[Kernel] = kernels.find(op_name, "rolling_lines" if op_name == "depthwise_chain" else "bf16x3")
    assert kernel.takes(problem)
    check(kernel, problem, Example.of(problem, rng), before, after)


def with_residual(op_name: str, attrs: dict[str, Any], inputs: list[Shape], params: dict[str, Shape]) -> list[Shape]:
    """The inputs and one of the output's shape."""
    try:
        return [*inputs, make_problem(ops.create(op_name, attrs), inputs, zeros(params), 1).outputs[0]]
    except GraphError:
        assume(False)
        raise


def zeros(params: dict[str, Shape]) -> dict[str, np.ndarray]:
    """Parameters whose values do not matter."""
    return {role: np.zeros(shape, np.float32) for role, shape in params.items()}


@needs_tiles
@settings(max_examples=400)
@given(
    n=st.integers(1, 3), c=st.integers(1, 70), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 23), st.integers(1, 23)), kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=strides, padding=st.tuples(*[st.integers(0, 4)] * 4),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)), activation=activations, bias=st.booleans(),
    residual=st.booleans(), before=st.integers(0, 9), after=st.integers(0, 9), threads=threads,
)  # fmt: skip
def test_convolutions(
    n, c, m, size, kernel, stride, padding, dilation, activation, bias, residual, before, after, threads
):
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "activation": activation}
    params = {"weight": (m, c, *kernel)} | ({"bias": (m,)} if bias else {})
    inputs = [(n, c, *size)]
    if residual:
        inputs = with_residual("conv2d", attrs, inputs, params)
    check_tiles("conv2d", attrs, inputs, params, threads, before, after)


@needs_tiles
@settings(max_examples=150)
@given(
    n=st.integers(1, 2), c=st.integers(1, 16), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 23), st.integers(1, 23)), kernel=st.tuples(st.integers(1, 7), st.integers(2, 7)),
    stride=strides, padding=st.tuples(*[st.integers(0, 4)] * 4), activation=activations, after=st.integers(0, 9),
    threads=threads,
)  # fmt: skip
def test_few_channels_whose_windows_are_folded(n, c, m, size, kernel, stride, padding, activation, after, threads):
    assume(1 < kernel[1] <= 32 // c)
    attrs = {"stride": stride, "padding": padding, "activation": activation}
    check_tiles("conv2d", attrs, [(n, c, *size)], {"weight": (m, c, *kernel)}, threads, 0, after)


@needs_tiles
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("x", "weight", "attrs"),
    [
        ((2, 70, 61, 57), (130, 70, 3, 3), {"padding": 1}),  # several bands for each thread
        ((1, 300, 40, 41), (40, 300, 3, 3), {"padding": 1, "stride": 2}),
        ((1, 3, 97, 95), (64, 3, 7, 7), {"padding": 3, "stride": 2}),
        ((1, 40, 5, 5), (500, 40, 1, 1), {}),  # panels are split
        ((1, 40, 3, 3), (65, 40, 1, 1), {}),  # a panel for all but one thread
        ((1, 700, 2, 2), (96, 700, 1, 1), {}),
        ((5, 33, 1, 1), (33, 33, 1, 1), {}),
        ((2, 40, 6, 5), (33, 40, 1, 1), {"padding": (1, 2, 0, 1)}),  # 1x1, but pixels do not lie as in the input
        ((2, 40, 6, 5), (33, 40, 1, 1), {"padding": (0, 0, 0, 1)}),
        ((4, 96, 40, 40), (24, 96, 1, 1), {}),
    ],
)
def test_large_and_lopsided(x: Shape, weight: Shape, attrs: dict[str, Any], threads: int) -> None:
    check_tiles("conv2d", attrs, [x], {"weight": weight, "bias": weight[:1]}, threads, 3, 5)


@needs_tiles
@pytest.mark.parametrize(
    ("c", "size", "kernel"), [(64, 20, 1), (256, 20, 1), (2048, 7, 1), (29, 20, 3), (512, 7, 3), (3, 60, 11)]
)
def test_errors_are_those_of_three_products(c: int, size: int, kernel: int) -> None:
    """However long the sums: 4.5e-6 of their deviation, the largest of 230,000 six times that."""
    x, weight = normal(1, c, size, size), normal(64, c, kernel, kernel)
    convolve = partial(ops.reference("conv2d"), padding=kernel // 2)
    exact = convolve(x.astype(np.float64), weight.astype(np.float64))
    found = kernels.call("conv2d/bf16x3", x, weight, padding=kernel // 2)
    error, scale = found - exact, exact.std()
    assert np.std(error) <= 5e-6 * scale
    assert np.max(np.abs(error)) <= 5e-5 * scale
    # and what rounding sums to float32 may take
    assert np.max(np.abs(found - three_products(x, weight, convolve))) <= Kernel.tolerance * scale


@needs_tiles
@settings(max_examples=100)
@given(
    n=st.integers(1, 3), c=st.integers(1, 100), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), activation=activations, residual=st.booleans(),
    before=st.integers(0, 9), after=st.integers(0, 9), threads=threads,
)  # fmt: skip
def test_gated_convolutions(n, c, m, size, activation, residual, before, after, threads):
    inputs = [(n, c, *size), (n, c, 1, 1)] + ([(n, m, *size)] if residual else [])
    params = {"weight": (m, c, 1, 1), "bias": (m,)}
    check_tiles("gated_conv2d", {"activation": activation}, inputs, params, threads, before, after)


@needs_tiles
@settings(max_examples=100)
@given(
    n=st.integers(1, 2), c=st.integers(16, 80), e=st.integers(16, 150), m=st.integers(1, 70),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)), kernel=st.sampled_from([3, 5]), stride=st.integers(1, 2),
    epilogues=st.tuples(activations, activations, activations), residual=st.booleans(), before=st.integers(0, 9),
    threads=threads,
)  # fmt: skip
def test_chains_with_either_product_on_tiles(n, c, e, m, size, kernel, stride, epilogues, residual, before, threads):
    params = {
        "expand_weight": (e, c, 1, 1),
        "expand_bias": (e,),
        "depthwise_weight": (e, 1, kernel, kernel),
        "depthwise_bias": (e,),
        "project_weight": (m, e, 1, 1),
        "project_bias": (m,),
    }
    attrs = dict(zip(("expand_activation", "depthwise_activation", "project_activation"), epilogues, strict=True))
    attrs |= {"stride": stride, "padding": kernel // 2}
    inputs = [(n, c, *size)]
    if residual:
        inputs = with_residual("depthwise_chain", attrs, inputs, params)
    check_tiles("depthwise_chain", attrs, inputs, params, threads, before, 2)


@needs_tiles
@pytest.mark.parametrize(
    ("x", "weight", "parts"),
    [
        ((2, 40, 33, 31), (70, 40, 3, 3), (3, 1)),
        ((1, 40, 5, 5), (200, 40, 1, 1), (1, 3)),
        ((1, 330, 15, 14), (70, 330, 1, 1), (3, 1)),
    ],
    ids=["rows", "panels of a small map", "chunks of uneven size"],
)
def test_threads_and_neighbours_change_no_bit(x: Shape, weight: Shape, parts: tuple[int, int]) -> None:
    """Each sum adds the same products in the same order, whichever tile it lies in."""
    images, filters = normal(*x), normal(*weight)
    pixels = x[0] * x[2] * x[3]
    assert partition(pixels, weight[0], 3) == parts
    padding = weight[2] // 2
    alone = kernels.call("conv2d/bf16x3", images, filters, padding=padding)
    for count in (2, 3):
        found = kernels.call("conv2d/bf16x3", images, filters, padding=padding, threads=count)
        np.testing.assert_array_equal(found, alone)
    np.testing.assert_array_equal(kernels.call("conv2d/bf16x3", images[-1:], filters, padding=padding), alone[-1:])


@needs_tiles
def test_nan_reaches_those_outputs_alone_that_read_it() -> None:
    x, weight = normal(2, 40, 9, 8), normal(33, 40, 3, 3)
    x[1, 37, 4, 5] = np.nan
    expected = ops.reference("conv2d")(x.astype(np.float64), weight, padding=1, stride=2)
    found = kernels.call("conv2d/bf16x3", x, weight, padding=1, stride=2)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))


@needs_tiles
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_numbers_far_from_one(scale: float) -> None:
    x, weight = normal(1, 64, 8, 8), normal(40, 64, 1, 1)
    found = kernels.call("conv2d/bf16x3", x * np.float32(scale), weight).astype(np.float64) / scale
    expected = ops.reference("conv2d")(x.astype(np.float64), weight)
    assert np.max(np.abs(found - expected)) <= TOLERANCE * np.std(expected)


@pytest.mark.parametrize(
    "attrs", [{"groups": 2}, {"padding": 1, "padding_mode": "reflect"}, {"activation": "gelu"}], ids=str
)
def test_what_tiles_are_not_for(attrs: dict[str, Any]) -> None:
    x, weight = (1, 64, 8, 8), np.empty((32, 64 // attrs.get("groups", 1), 1, 1), np.float32)
    problem = make_problem(ops.create("conv2d", attrs), [x], {"weight": weight}, 1)
    assert not kernels.find("conv2d", "bf16x3").takes(problem)


NETWORK = """
import sys
import numpy as np
from small_networks import randomize
from tinyinfer import kernels
from tinyinfer.builder import Builder
from tinyinfer.kernels.codegen import amx
from tinyinfer.model import Model

rng = np.random.default_rng(0)
def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)

b = Builder()
model = Model(randomize(b.finish(b.conv2d(b.input(32, 16), 40, 1, name="pointwise"))), threads=1)
x = normal(1, 32, 16, 16)
y = model(x)
layers = normal(40, 32, 1, 1), normal(40, 1, 3, 3), normal(16, 40, 1, 1)
names = ("expand_weight", "depthwise_weight", "project_weight")
chain = kernels.call("depthwise_chain/rolling_lines", normal(1, 32, 9, 9), padding=1, **dict(zip(names, layers)))
used = sorted({step.kernel for step in model.plan({"input": x.shape}).steps})
np.savez(sys.argv[1], available=amx.available(), used=used, y=y, chain=chain)
"""


REAL_TILES = pytest.mark.skipif(not amx.available() or cpu.emulates_amx(), reason="no AMX tiles here")


@pytest.mark.parametrize("switch", [pytest.param("1", marks=REAL_TILES), "emulated"])
def test_switched_on_and_off_by_the_environment(tmp_path: Path, switch: str) -> None:
    """All runs keep their machine code in one folder, and none may get another's."""
    found = {}
    for setting in (switch, "0"):
        path = tmp_path / f"{setting}.npz"
        printed(NETWORK, path, TINYINFER_AMX=setting, TINYINFER_LANES="16")
        found[setting] = np.load(path)
    on, off = found[switch], found["0"]
    assert (bool(on["available"]), bool(off["available"])) == (True, False)
    assert "bf16x3" in on["used"]
    assert "bf16x3" not in off["used"]
    for name in ("y", "chain"):
        assert np.max(np.abs(on[name] - off[name])) <= 1e-4 * np.std(off[name])
