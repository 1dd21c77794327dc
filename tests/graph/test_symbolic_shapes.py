"""Shapes inferred once for all input sizes are those that inference at each size gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import each_case

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.dim import Dim, is_free, substituted
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Input, Node, TensorType
from tinyinfer.models import registry
from tinyinfer.ops.base import Case

FAMILIES = registry.families()


def smallest_variant(family: str) -> Graph:
    """The family's cheapest network."""
    return registry.build(min(FAMILIES[family].variants, key=lambda variant: variant.macs or 0).name)


def assert_symbolic_types_hold(
    graph: Graph, symbolic: dict[str, TensorType], shapes: dict[str, tuple[int, ...]]
) -> None:
    """Substituting the sizes of these inputs gives what inference gives for them."""
    values = {
        str(size): given
        for i in graph.inputs
        for size, given in zip(symbolic[i.name].shape, shapes[i.name], strict=True)
        if is_free(size)
    }
    for name, found in graph.infer_types(shapes).items():
        assert tuple(substituted(size, values) for size in symbolic[name].shape) == found.shape, name
        assert symbolic[name].dtype == found.dtype


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=2)
@given(data=st.data())
def test_every_family(family: str, data: st.DataObject) -> None:
    graph = smallest_variant(family)
    free = graph.rigid_inputs_fixed()
    symbolic = free.symbolic_types()
    assert {name: t.shape for name, t in symbolic.items()} == {n: t.shape for n, t in graph.infer_types().items()}
    for _ in range(3):
        shapes = {
            i.name: tuple(
                usual if size is not None else data.draw(st.integers(1, 5)) if axis == 0 else
                usual + data.draw(st.sampled_from([-32, -7, -1, 0, 1, 2, 5, 31, 32, 64]))
                for axis, (size, usual) in enumerate(zip(i.shape, i.nominal, strict=True))
            )
            for i in free.inputs
        }  # fmt: skip
        try:
            graph.infer_types(shapes)
        except GraphError:
            continue  # a size that does not fit
        assert_symbolic_types_hold(graph, symbolic, shapes)
    for name, shape in graph.output_shapes():
        assert [size is None for size in shape] == [is_free(size) for size in symbolic[name].shape]


def grown(case: Case, steps: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The case's input shapes, each dimension larger by the step of its axis."""
    return (tuple(size + steps[axis] for axis, size in enumerate(shape)) for shape in case.inputs)


def typed(case: Case, shapes: list[tuple[int, ...]]) -> list[TensorType]:
    """Other shapes of the case's dtypes."""
    return [TensorType(shape, t.dtype) for shape, t in zip(shapes, case.input_types, strict=True)]


@each_case()
def test_every_operator(name: str, case: Case) -> None:
    """Batch, channels and space move where the operator takes that."""
    op = ops.create(name, case.attrs)
    params = op.param_types(case.params)
    for free in ((0,), (2,), (3,), (0, 2, 3), (1,)):
        symbolic = [
            tuple(Dim.symbol(f"x{i}.{a}", n) if a in free else n for a, n in enumerate(shape))
            for i, shape in enumerate(case.inputs)
        ]
        outputs = op.infer(typed(case, symbolic), params)
        for step in (1, 2, 3, 6, 29):
            shapes = list(grown(case, tuple(step if axis in free else 0 for axis in range(6))))
            try:
                expected = op.infer(typed(case, shapes), params)
            except GraphError:
                continue
            values = {
                str(size): n for s, shape in zip(symbolic, shapes, strict=True)
                for size, n in zip(s, shape, strict=True) if is_free(size)
            }  # fmt: skip
            if len(expected) == len(outputs):  # of split the number of pieces may change
                assert [tuple(substituted(s, values) for s in t.shape) for t in outputs] == [t.shape for t in expected]


def images(*nodes: Node, outputs: list[str]) -> Graph:
    return Graph([Input("x", (None, 4, None, None), (1, 4, 8, 8))], list(nodes), outputs)


def test_sizes_read_well() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 32), 8, 3, name="conv", stride=2, padding=1)
    y = b.max_pool2d(x, 3, name="pool", stride=2, padding=1, ceil_mode=True)
    z = b.apply("interpolate", b.conv2d(y, 8, 3, name="same", stride=2, padding="same"), name="up", scale_factor=2.0)
    graph = b.finish([b.apply("reshape", x, name="rows", shape=(0, 8, -1)), b.flatten(x), z])
    types = graph.symbolic_types()
    assert str(types["conv"]) == "N,8,(H+1)//2,(W+1)//2"
    assert str(types["pool"]) == "N,8,(H+1)//4+1,(W+1)//4+1"
    assert str(types["up"]) == "N,8,2*((H+1)//8)+2,2*((W+1)//8)+2"
    assert str(types["rows"]) == "N,8,((H+1)//2)*((W+1)//2)"
    assert str(types["flatten"]) == "N,8*((H+1)//2)*((W+1)//2)"


def test_a_batch_of_one_is_not_a_size_to_broadcast() -> None:
    """At nominal size the batch is 1, and still what the other operand is repeated to."""
    nodes = [
        Node("row", ops.create("constant", {}), (), ("row",), {"value": "w"}),
        Node("sum", ops.create("add", {}), ("x", "row"), ("sum",)),
        Node("mus", ops.create("add", {}), ("row", "x"), ("mus",)),
    ]
    graph = images(*nodes, outputs=["sum", "mus"])
    graph.weights["w"] = np.ones((1, 4, 1, 1), np.float32)
    assert graph.output_shapes() == [("sum", (None, 4, None, None)), ("mus", (None, 4, None, None))]


def test_where_only_the_nominal_size_fits_shapes_are_fixed() -> None:
    b = Builder()
    x = b.relu(b.input(3, 8), name="act")
    graph = b.finish([x, b.linear(b.flatten(x), 10, name="fc")])  # takes 8 x 8 alone
    assert graph.output_shapes() == [("act", (None, 3, 8, 8)), ("fc", (None, 10))]
    assert graph.rigid_inputs_fixed().inputs[0].shape == (None, 3, 8, 8)
    assert graph.inputs[0].shape == (None, 3, None, None)


def test_sizes_that_must_be_multiples_are_free() -> None:
    graph = images(Node("y", ops.create("pixel_unshuffle", {"downscale_factor": 8}), ("x",), ("y",)), outputs=["y"])
    assert graph.output_shapes() == [("y", (None, 256, None, None))]
    graph.inputs = [Input("x", (None, 4, None, None), (1, 4, 9, 9))]
    graph.nodes = [Node("y", ops.create("pixel_unshuffle", {"downscale_factor": 3}), ("x",), ("y",))]
    assert graph.output_shapes() == [("y", (None, 36, None, None))]  # 64 more would not fit


def test_symbols_of_several_inputs_and_of_other_ranks_are_told_apart() -> None:
    inputs = [Input("x", (None, 4, None, None), (1, 4, 8, 8)), Input("like", (None, 1, None, None), (1, 1, 5, 7))]
    node = Node("y", ops.create("interpolate", {}), ("x", "like"), ("y",))
    assert str(Graph(inputs, [node], ["y"]).symbolic_types()["y"]) == "N,4,like.2,like.3"
    relu = Node("y", ops.create("relu", {}), ("t",), ("y",))
    tokens = Graph([Input("t", (None, None, 16), (1, 10, 16))], [relu], ["y"])
    assert str(tokens.symbolic_types()["y"]) == "N,t.1,16"
