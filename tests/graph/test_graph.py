"""Structure, order, types and edits of graphs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.graph import Graph, Input, Node, free_name


def node(name: str, op: str, *inputs: str, params: dict[str, str] | None = None, **attrs: object) -> Node:
    return Node(name, ops.create(op, attrs), inputs, (name,), params or {})


def chain(*nodes: Node, outputs: list[str], weights: dict[str, np.ndarray] | None = None) -> Graph:
    return Graph([Input("x", (None, 4, None, None), (1, 4, 8, 8))], list(nodes), outputs, weights or {})


def test_order_follows_data_and_keeps_file_order_where_it_can() -> None:
    graph = chain(node("c", "add", "a", "b"), node("b", "relu", "x"), node("a", "relu", "x"), outputs=["c"])
    assert [n.name for n in graph.topological_order()] == ["b", "a", "c"]


@given(st.permutations(range(12)))
def test_any_order_of_nodes_verifies(order: list[int]) -> None:
    nodes = [node(f"n{i}", "relu", f"n{i - 1}" if i else "x") for i in range(12)]
    graph = chain(*[nodes[i] for i in order], outputs=["n11"])
    assert [n.name for n in graph.topological_order()] == [f"n{i}" for i in range(12)]
    assert graph.verify()["n11"].shape == (1, 4, 8, 8)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (chain(node("a", "relu", "b"), node("b", "relu", "a"), outputs=["a"]), "cycle"),
        (chain(node("a", "relu", "nowhere"), outputs=["a"]), "'nowhere', which no node or input defines"),
        (chain(node("x", "relu", "x"), outputs=["x"]), "'x' is defined twice"),
        (chain(node("a", "relu", "x"), outputs=["b"]), "output 'b' is not a value"),
        (chain(node("a", "relu", "x"), outputs=[]), "at least one input and one output"),
        (chain(node("a", "max_pool2d", "x", kernel_size=9), outputs=["a"]), "larger than the padded input"),
        (chain(node("a", "channel_shuffle", "x", groups=3), outputs=["a"]), "group"),
        (
            chain(node("a", "add", "x", "b"), node("b", "max_pool2d", "x", kernel_size=3), outputs=["a"]),
            "'a' \\(add\\)",
        ),
    ],
)
def test_broken_graphs_are_refused(graph: Graph, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        graph.verify()


def test_weights_are_checked() -> None:
    conv = node("c", "conv2d", "x", params={"weight": "w"})
    good = np.ones((2, 4, 3, 3), np.float32)
    assert chain(conv, outputs=["c"], weights={"w": good}).verify()["c"].shape == (1, 2, 6, 6)
    for weights, message in (
        ({}, "'w' is not among the weights"),
        ({"w": good.astype(np.float64)}, "expected float32, found float64"),
        ({"w": good * np.nan}, "'w' holds NaN"),
    ):
        with pytest.raises(WeightsError, match=message):
            chain(conv, outputs=["c"], weights=weights).verify()
    chain(conv, outputs=["c"], weights={"w": good * np.inf}).verify(allow_nonfinite=True)


def test_groups_that_do_not_divide_are_refused_by_name() -> None:
    conv = node("stem", "conv2d", "x", params={"weight": "w"}, groups=3)
    with pytest.raises(GraphError, match="'stem' \\(conv2d\\): groups 3 do not divide 4 input channels"):
        chain(conv, outputs=["stem"], weights={"w": np.ones((3, 1, 1, 1), np.float32)}).verify()


def test_free_dimensions_of_outputs() -> None:
    b = Builder()
    x = b.input(3, 32)
    features = b.conv2d(x, 8, 3, name="conv", stride=2, padding=1)
    logits = b.linear(b.flatten(b.adaptive_avg_pool2d(features, name="pool")), 10, name="fc")
    graph = b.finish([features, logits])
    assert graph.output_shapes() == [("conv", (None, 8, None, None)), ("fc", (None, 10))]


def test_a_size_that_never_fits_stays_fixed() -> None:
    b = Builder()
    x = b.linear(b.flatten(b.input(3, 8)), 10, name="fc")  # takes 8 x 8 alone
    assert b.finish(x).output_shapes() == [("fc", (None, 10))]


def test_input_shapes_are_checked() -> None:
    graph = chain(node("a", "relu", "x"), outputs=["a"])
    for shape in ((1, 3, 8, 8), (1, 4, 8), (0, 4, 8, 8)):
        with pytest.raises(GraphError, match="input 'x': expected shape \\?x4x\\?x\\?"):
            graph.infer_types({"x": shape})


def test_dead_nodes_and_weights_go() -> None:
    conv = node("dead", "conv2d", "x", params={"weight": "w"})
    graph = chain(node("a", "relu", "x"), conv, outputs=["a"], weights={"w": np.ones((2, 4, 1, 1), np.float32)})
    graph.remove_dead()
    assert [n.name for n in graph.nodes] == ["a"]
    assert not graph.weights


def test_edits_leave_the_original_alone() -> None:
    graph = chain(node("a", "relu", "x"), node("b", "relu", "a"), outputs=["b"])
    edited = graph.copy()
    edited.replace_node(edited.node("a"))
    edited.rename_uses("a", "x")
    assert [n.inputs for n in edited.nodes] == [("x",)]
    assert [n.name for n in graph.nodes] == ["a", "b"]
    with pytest.raises(GraphError, match="no node named 'c'"):
        graph.node("c")


class Counted(set):
    """A set that counts how often it was asked."""

    asked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += 1
        return super().__contains__(name)


def test_many_names_that_are_taken_are_found_quickly() -> None:
    used = Counted(["n'7", "n'20"])
    for _ in range(3000):
        used.add(free_name("n", used))
    assert len(used) == 3002
    assert {"n", "n'", "n''", "n'1"} <= set(used)
    assert used.asked < 3000 * 40
    assert max(map(len, used)) < 10
