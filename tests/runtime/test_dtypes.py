"""Networks whose values are not all float32, in either engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.kernels.parallel.pages import APART
from tinyinfer.model import Model
from tinyinfer.passes.machine.plan_memory import ALIGNMENT
from tinyinfer.profiling.compare import compare, relative_error
from tinyinfer.profiling.profile import profile
from tinyinfer.tensor_type import DTYPES


def halves(dtype: str) -> Graph:
    """The first and the second half of a row of eight, the second turned around."""
    nodes = [
        Node("split", ops.create("split", {"split_size_or_sections": 4, "dim": 1}), ("x",), ("first", "second")),
        Node("back", ops.create("index_select", {"dim": 1, "index": (3, 2, 1, 0)}), ("second",), ("back",)),
    ]
    return Graph([Input("x", (None, 8), (1, 8), dtype)], nodes, ["first", "back"])


@pytest.mark.parametrize("kernels", [None, "reference"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_may_be_of_any_dtype(dtype: str, kernels: str | None) -> None:
    x = (np.arange(16).reshape(2, 8) % 2).astype(dtype)
    found = Model(halves(dtype), kernels=kernels).run({"x": x})
    assert found["back"].dtype == dtype
    np.testing.assert_array_equal(found["first"], x[:, :4])
    np.testing.assert_array_equal(found["back"], x[:, :3:-1])
    assert not any(np.shares_memory(y, x) for y in found.values())


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_large_integers_keep_every_bit(kernels: str | None) -> None:
    x = np.array([[2**62 + i for i in range(8)]])
    np.testing.assert_array_equal(Model(halves("int64"), kernels=kernels).run({"x": x})["first"], x[:, :4])


@pytest.mark.parametrize("kernels", [None, "reference"])
def test_captures_and_hooks_work_as_elsewhere(kernels: str | None) -> None:
    model, seen = Model(halves("int32"), kernels=kernels), []

    def hook(step: Any, call: Any, view: Any) -> None:
        call()
        seen.append((step.node.name, [view(name).shape for name in step.outputs]))

    found = model.run({"x": np.arange(8)[None]}, capture=["second"], hook=hook)
    assert found["second"].tolist() == [[4, 5, 6, 7]]
    assert [row for row in seen if row[0] in ("split", "back")] == [("split", [(1, 4), (1, 4)]), ("back", [(1, 4)])]
    with pytest.raises(InputError, match="capture: no node is called 'other'"):
        model.run({"x": np.arange(8)[None]}, capture=["other"])
    with pytest.raises(InputError, match=r"input 'x': expected shape .x8, found 1x7"):
        model.run({"x": np.arange(7)[None]})


def test_the_fast_engine_runs_what_folding_leaves_in_float32(rng: np.random.Generator) -> None:
    b = Builder()
    x = b.input(4, 8)
    gate = b.constant(rng.standard_normal((1, 4, 1, 1)).astype(np.float32), name="gate")
    sizes = b.apply("concat", b.constant([2], name="a"), b.constant([3], name="b"), name="sizes")
    graph = b.finish(b.mul(b.relu(x, name="act"), gate, name="y"))
    assert sizes in graph.verify()
    image = rng.standard_normal((2, 4, 5, 6)).astype(np.float32)
    for threads in (1, 2):
        np.testing.assert_allclose(
            Model(graph, threads=threads)(image), Model(graph, kernels="reference")(image), rtol=1e-6
        )


@pytest.mark.parametrize("shape", [(6,), (1, 6), (1, 5, 1), (1, 4, 5, 6), ()])
def test_float32_constants_of_every_rank_in_the_fast_engine(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    b = Builder()
    constant = b.constant(rng.standard_normal(shape).astype(np.float32), name="constant")
    graph = b.finish([b.add(b.input(4, (5, 6)), constant, name="y"), constant])
    image = rng.standard_normal((1, 4, 5, 6)).astype(np.float32)
    fast, slow = (Model(graph, threads=1, kernels=k).run({"input": image}) for k in (None, "reference"))
    for name in ("y", "constant"):
        np.testing.assert_allclose(fast[name], slow[name], rtol=1e-6)
        assert fast[name].shape == slow[name].shape


@pytest.mark.parametrize(
    ("dtype", "given", "message"),
    [
        ("int64", np.array([[0.5]]), "input 'x': expected integers, found dtype float64"),
        ("int64", np.array([[True]]), "expected integers, found dtype bool"),
        ("uint8", np.array([[256]]), "expected 0 to 255 for uint8, found 256"),
        ("uint8", np.array([[-1]]), "expected 0 to 255 for uint8, found -1"),
        ("int64", np.array([[2**63]], np.uint64), "for int64, found 9223372036854775808"),
        ("bool", np.array([[1]]), "expected truth values, found dtype int"),
        ("float16", np.array([["1"]]), "expected numbers, found dtype"),
        ("float32", np.array([[True]]), "expected numbers, found dtype bool"),
    ],
)
def test_arrays_that_do_not_fit_the_input(dtype: str, given: np.ndarray, message: str) -> None:
    graph = Graph([Input("x", (1, 1), (1, 1), dtype)], [Node("y", ops.create("identity", {}), ("x",), ("y",))], ["y"])
    with pytest.raises(InputError, match=message):
        Model(graph, kernels="reference").run({"x": given})


@pytest.mark.parametrize(
    ("dtype", "given"),
    [("uint8", [[200]]), ("int64", np.array([[7]], np.uint8)), ("float16", [[2]]), ("float32", np.array([[7]], ">i4"))],
)
def test_arrays_that_fit_are_converted(dtype: str, given: Any) -> None:
    graph = Graph([Input("x", (1, 1), (1, 1), dtype)], [Node("y", ops.create("identity", {}), ("x",), ("y",))], ["y"])
    found = Model(graph, kernels="reference").run({"x": given})["y"]
    assert found.dtype == dtype
    assert found == np.asarray(given)


def quantised(rng: np.random.Generator) -> Graph:
    """Bytes as images, a convolution in float32, bytes again and the strongest channel of each pixel."""
    nodes = [
        Node("real", ops.create("dequantize_linear", {"scale": 0.02, "zero_point": 128}), ("bytes",), ("real",)),
        Node("conv", ops.create("conv2d", {"padding": 1}), ("real",), ("conv",), {"weight": "w"}),
        Node("q", ops.create("quantize_linear", {"scale": 0.05, "zero_point": -3, "dtype": "int8"}), ("conv",), ("q",)),
        Node("most", ops.create("argmax", {"dim": 1}), ("q",), ("most",)),
    ]
    weights = {"w": rng.standard_normal((8, 3, 3, 3)).astype(np.float32)}
    return Graph([Input("bytes", (None, 3, None, None), (1, 3, 12, 10), "uint8")], nodes, ["q", "most"], weights)


@pytest.mark.parametrize("threads", [1, 2])
def test_bytes_are_compared_and_profiled_like_floats(threads: int, rng: np.random.Generator) -> None:
    model = Model(quantised(rng), threads=threads)
    x = rng.integers(0, 256, (2, 3, 12, 10), np.uint8)
    found = compare(model, x)
    assert found.passed, str(found)
    assert {row.name for row in found.rows} == {"real", "conv", "q", "most"}
    rows = {row.name: row for row in profile(model, x, repeats=1, warmup=0).rows}
    assert rows["[bytes]"].bytes == 2 * x.nbytes
    assert rows["real"].bytes == 5 * x.nbytes
    assert model.profile(repeats=1, warmup=0).rows  # makes inputs of its own


def test_an_error_in_integers_is_found() -> None:
    assert relative_error(np.array([255, 0], np.uint8), np.array([0, 0], np.uint8)) == 255
    assert relative_error(np.array([True, False]), np.array([True, True])) == 1


@pytest.mark.parametrize(("dtype", "size"), [("uint8", 1000), ("float16", 2000), ("int32", 4000), ("int64", 8000)])
@pytest.mark.parametrize("threads", [1, 2])
def test_arenas_have_as_many_bytes_as_the_values_of_a_chain_take(dtype: str, size: int, threads: int) -> None:
    nodes = [Node(f"v{i}", ops.create("maximum", {}), (f"v{i - 1}", "one"), (f"v{i}",)) for i in range(1, 9)]
    nodes.append(Node("one", ops.create("constant", {}), (), ("one",), {"value": "one"}))
    graph = Graph([Input("v0", (1, 1000), (1, 1000), dtype)], nodes, ["v8"], {"one": np.ones(1, dtype)})
    plan = Model(graph, threads=threads).plan()
    assert {lifetime.size for lifetime in plan.lifetimes} == {size}
    assert all(offset % ALIGNMENT == 0 for offset in plan.offsets.values())
    rounded = -(-size // ALIGNMENT) * ALIGNMENT
    assert plan.arena_bytes == (2 * rounded if threads == 1 else 2 * rounded + APART)
    np.testing.assert_array_equal(Model(graph, threads=threads)(np.zeros((1, 1000), dtype)), np.ones((1, 1000)))


def test_the_shape_and_dtype_of_every_value_is_that_of_its_view(rng: np.random.Generator) -> None:
    def hook(step: Any, call: Any, view: Any) -> None:
        call()
        for name, expected in (*zip(step.inputs, step.input_types), *zip(step.outputs, step.output_types)):  # noqa: B905
            assert (view(name).shape, view(name).dtype) == (expected.shape, expected.dtype)

    Model(quantised(rng)).run({"bytes": np.zeros((2, 3, 7, 9), np.uint8)}, hook=hook)
