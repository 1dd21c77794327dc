"""What depends on no input is worked out once, in bounds."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
from tinyinfer.ops.constant import Constant
from tinyinfer.passes import fold_constants
from tinyinfer.passes.portable.fold_constants import MOST_ELEMENTS

Step = tuple[str, str, tuple[str, ...], dict[str, object]]


def graph_with(*steps: Step, outputs: list[str], **constants: np.ndarray) -> Graph:
    """Nodes (name, operator, inputs, attributes) behind an input "x" and these constants."""
    nodes = [Node(name, ops.create("constant", {}), (), (name,), {"value": name}) for name in constants]
    nodes += [Node(name, ops.create(op, attrs), inputs, (name,)) for name, op, inputs, attrs in steps]
    return Graph([Input("x", (None, 4, None, None), (1, 4, 8, 6))], nodes, outputs, constants)


def folded_values(graph: Graph) -> dict[str, np.ndarray]:
    return {n.outputs[0]: graph.weights[n.params["value"]] for n in graph.nodes if isinstance(n.op, Constant)}


def test_chains_of_constants_become_one(rng: np.random.Generator) -> None:
    a, b = (rng.standard_normal((1, 4, 1, 1)).astype(np.float32) for _ in range(2))
    graph = graph_with(
        ("product", "mul", ("a", "b"), {}), ("gate", "sigmoid", ("product",), {}), ("y", "mul", ("x", "gate"), {}),
        outputs=["y"], a=a, b=b,
    )  # fmt: skip
    folded = fold_constants(graph)
    assert [node.name for node in folded.topological_order()] == ["gate", "y"]
    assert list(folded.weights) == ["gate:constant"]
    np.testing.assert_allclose(folded_values(folded)["gate"], 1 / (1 + np.exp(-a * b)), rtol=1e-6)
    assert len(graph.nodes) == 5, "the given graph is untouched"
    x = rng.standard_normal((2, 4, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(Model(graph)(x), Model(graph, kernels="reference")(x), rtol=1e-5, atol=1e-6)
    assert folded.node("gate").originals == ("gate",)


def test_integers_fold_and_outputs_keep_their_names() -> None:
    graph = graph_with(
        ("both", "concat", ("a", "b"), {"dim": 0}), ("table", "reshape", ("both",), {"shape": (2, 2)}),
        outputs=["table", "both"], a=np.array([1, 2]), b=np.array([3, 4]),
    )  # fmt: skip
    folded = fold_constants(graph)
    assert {name: array.tolist() for name, array in folded_values(folded).items()} == {
        "both": [1, 2, 3, 4],
        "table": [[1, 2], [3, 4]],
    }
    assert folded.verify()["table"].dtype == "int64"


def test_several_outputs_and_names_that_are_taken() -> None:
    graph = graph_with(outputs=["x"], a=np.arange(5.0, dtype=np.float32))
    split = Node("halves", ops.create("split", {"split_size_or_sections": 3}), ("a",), ("y", "x'"))
    graph.nodes.append(split)
    graph.nodes.append(Node("x'", ops.create("relu", {}), ("x",), ("z",)))
    graph.outputs = ["y", "x'", "z"]
    graph.weights["y:constant"] = np.zeros(1, np.float32)
    folded = fold_constants(graph)
    folded.verify()
    assert {n: v.tolist() for n, v in folded_values(folded).items()} == {"y": [0, 1, 2], "x'": [3, 4]}
    assert len({node.name for node in folded.nodes}) == 3


def test_quantisation_is_kept() -> None:
    graph = graph_with(("y", "reshape", ("a",), {"shape": (4,)}), outputs=["y"], a=np.ones((2, 2), np.int8))
    graph.nodes[0] = graph.nodes[0].replace(op=ops.create("constant", {"scale": (0.5,), "zero_point": (1,)}))
    assert fold_constants(graph).verify()["y"] == graph.verify()["y"]


def test_known_parts_of_shapes() -> None:
    """The batch is free and the channels are not: what depends on the latter alone is a constant."""
    steps = (
        ("sizes", "shape", ("x",), {}),
        ("channels", "slice", ("sizes",), {"dim": 0, "start": 1, "end": 2}),
        ("space", "slice", ("sizes",), {"dim": 0, "start": 2}),
        ("twice", "mul", ("channels", "two"), {}),
        ("area", "mul", ("space", "space"), {}),
    )
    graph = graph_with(*steps, outputs=["twice", "area"], two=np.array([2]))
    folded = fold_constants(graph)
    assert {name: array.tolist() for name, array in folded_values(folded).items()} == {"twice": [8]}
    assert folded_values(folded)["twice"].dtype == np.int64
    for side in (8, 5):
        found = Model(folded, kernels="reference").run({"x": np.zeros((3, 4, side, 7), np.float32)})
        assert (found["twice"].tolist(), found["area"].tolist()) == ([8], [side * side, 49])


def test_sizes_that_cancel_out_are_known() -> None:
    steps = (
        ("sizes", "shape", ("x",), {}),
        ("pooled", "adaptive_avg_pool2d", ("x",), {"output_size": 3}),
        ("grid", "shape", ("pooled",), {}),
        ("last", "slice", ("grid",), {"dim": 0, "start": 1}),
    )
    folded = fold_constants(graph_with(*steps, outputs=["last", "grid"]))
    assert {name: array.tolist() for name, array in folded_values(folded).items()} == {"last": [4, 3, 3]}


def test_a_small_file_cannot_explode() -> None:
    b = Builder()
    value = b.constant(np.ones((1, 1, 1, 1), np.float32), name="one")
    for step in range(14):  # each four times as large as the last
        value = b.apply("interpolate", value, name=f"up{step}", scale_factor=2.0)
    graph = b.finish([b.add(b.input(1, 4), b.adaptive_avg_pool2d(value, name="pool"), name="y")])
    folded = fold_constants(graph)
    assert sum(folded.weights[key].size for key in folded.weights) <= MOST_ELEMENTS
    assert any(node.op.name == "interpolate" for node in folded.nodes)


def test_what_the_reference_refuses_is_left_for_the_run() -> None:
    b = Builder()
    indices = b.constant(np.full((1, 1, 2, 2), 99, np.float32), name="indices")
    values = b.constant(np.ones((1, 1, 2, 2), np.float32), name="values")
    y = b.apply("max_unpool2d", values, indices, name="y", kernel_size=2)
    b.input(1, 4)
    assert any(node.op.name == "max_unpool2d" for node in fold_constants(b.finish([y])).nodes)


def test_graphs_without_constants_are_passed_on() -> None:
    b = Builder()
    graph = b.finish(b.relu(b.input(3, 8), name="act"))
    assert fold_constants(graph) is graph


@pytest.mark.parametrize("name", [n for n in ops.names() if ops.get(n).follows_sizes])
def test_what_follows_sizes_keeps_them(name: str) -> None:
    """Of sizes that depend on the input none comes out as a plain number."""
    from tinyinfer.dim import Dim, is_free, substituted
    from tinyinfer.ops.movement.indexing import Indexed

    for case in ops.get(name).cases():
        op = ops.create(name, case.attrs)
        counts = [int(np.prod(shape)) for shape in case.inputs]
        symbols = [
            np.array([Dim.symbol(f"s{i}.{k}", k + 2) for k in range(n)], object).reshape(shape)
            for i, (n, shape) in enumerate(zip(counts, case.inputs, strict=True))
        ]
        if isinstance(op, Indexed):  # by numbers that are known
            symbols[1] = op.example_inputs(case.input_types, np.random.default_rng(0))[1]
        if case.attrs.get("activation"):
            continue
        values = {f"s{i}.{k}": 3 * k + i + 1 for i, n in enumerate(counts) for k in range(n)}
        plain = [np.vectorize(lambda s: substituted(s, values), otypes=[np.int64])(x) for x in symbols]  # noqa: B023
        for found, expected in zip(op.reference(symbols, {}), op.reference(plain, {}), strict=True):
            assert all(map(is_free, found.flat))
            assert [substituted(s, values) for s in found.flat] == expected.reshape(-1).tolist()
