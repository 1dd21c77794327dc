"""Seeded weights: of the right spread, and the same whatever else the network holds."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.initialize import initialize


def network(*names: str) -> Graph:
    b = Builder()
    x = b.input(16, 8)
    for name in names:
        x = b.conv2d(x, 16, 3, name=name, padding=1)
        x = b.batch_norm(x, name=f"{name}_norm")
    return b.finish(x)


def test_values() -> None:
    weights = initialize(network("a"), seed=3).weights
    assert weights["a.weight"].std() == pytest.approx(np.sqrt(2 / (16 * 9)), rel=0.05)
    assert weights["a.weight"].mean() == pytest.approx(0, abs=0.01)
    assert all(array.dtype == np.float32 for array in weights.values())
    expected = {"a.bias": 0, "a_norm.weight": 1, "a_norm.bias": 0, "a_norm.running_mean": 0, "a_norm.running_var": 1}
    for key, value in expected.items():
        np.testing.assert_array_equal(weights[key], np.full(16, value))


def test_a_keys_values_do_not_depend_on_other_layers() -> None:
    both, alone = initialize(network("a", "b")).weights, initialize(network("b")).weights
    np.testing.assert_array_equal(both["b.weight"], alone["b.weight"])
    assert not np.array_equal(both["a.weight"], both["b.weight"])


def test_the_graph_given_is_left_alone() -> None:
    graph = network("a")
    initialize(graph)
    assert not graph.weights["a.weight"].any()
