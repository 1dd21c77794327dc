"""Concats that begin as another one does read its result, with the same values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.portable.recognise.pipeline import recognise

X = np.random.default_rng(1).standard_normal((2, 3, 4, 5)).astype(np.float32)


def network(joins: list[list[int]], dims: list[int]) -> Graph:
    """Concats of some of five maps, all of them outputs."""
    b = Builder()
    x = b.input(3, (4, 5))
    maps = [b.apply("relu", x, name="map 0")]
    for i in range(1, 5):
        maps.append(b.apply("sigmoid" if i % 2 else "tanh", maps[-1], name=f"map {i}"))
    names = zip(joins, dims, strict=True)
    outputs = [b.concat(*(maps[i] for i in some), dim=dim, name=f"join {n}") for n, (some, dim) in enumerate(names)]
    return b.finish(outputs)


def inputs_of(graph: Graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in graph.nodes if node.op.name == "concat"}


def test_a_dense_block_copies_nothing_twice() -> None:
    found = inputs_of(recognise(network([[0, 1], [0, 1, 2], [0, 1, 2, 3]], [1, -3, 1])))
    assert found == {
        "join 0": ("map 0", "map 1"),
        "join 1": ("join 0", "map 2"),
        "join 2": ("join 1", "map 3"),
    }


def test_the_longest_beginning_counts_and_no_other_part() -> None:
    found = inputs_of(recognise(network([[1, 2], [0, 1, 2], [0, 1], [0, 1, 2, 3], [0, 1, 3], [1, 2]], [1] * 6)))
    assert found["join 1"] == ("join 2", "map 2"), "in whatever order they stand"
    assert found["join 3"] == ("join 1", "map 3")
    assert found["join 4"] == ("join 2", "map 3")
    assert found["join 5"] == ("map 1", "map 2"), "all of another is no beginning"


def test_along_another_dimension_they_are_others() -> None:
    found = inputs_of(recognise(network([[0, 1], [0, 1, 2], [0, 1, 2]], [1, 2, 3])))
    assert all("join 0" not in inputs for inputs in found.values())


@given(joins=st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=6), min_size=1, max_size=6))
def test_values_stay(joins: list[list[int]]) -> None:
    graph = network(joins, [1] * len(joins))
    found, expected = (Model(g, kernels="reference").run({"input": X}) for g in (recognise(graph), graph))
    for value in graph.outputs:
        np.testing.assert_array_equal(found[value], expected[value])
