"""Networks whose values are not all float32, in either engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
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
