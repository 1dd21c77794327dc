"""Equalised layers: the same function, with weights that one scale fits."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, residual_network, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph


def chain(*between: str, groups: int = 1, alpha: bool = False) -> Graph:
    """Two layers, the first with channels of very different size, and what is named between them."""
    b = Builder()
    x = b.conv2d(b.input(3, 8), 6, 3, name="one", padding=1)
    for i, name in enumerate(between):
        attrs = {"max_pool2d": {"kernel_size": 2, "stride": 2}, "leaky_relu": {"negative_slope": 0.1}}
        params = {"weight": (6,)} if name == "prelu" else None
        x = b.apply(name, x, name=f"{name}{i}", params=params, **attrs.get(name, {}))
    graph = randomize(b.finish(b.conv2d(x, 4 * groups, 3, name="two", groups=groups)))
    key = graph.node("one").params["weight"]
    graph.weights[key] = graph.weights[key] * np.geomspace(1, 200, 6).astype(np.float32).reshape(-1, 1, 1, 1)
    return graph


def ranges(graph: Graph) -> np.ndarray:
    """The largest weight of each of the first layer's channels."""
    weight = graph.weights[graph.node("one").params["weight"]]
    return np.abs(weight.reshape(len(weight), -1)).max(axis=1)


@pytest.mark.parametrize("between", [(), ("relu",), ("prelu",), ("leaky_relu", "max_pool2d"), ("relu", "max_pool2d")])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_the_function_stays_and_channels_become_alike(
    between: tuple[str, ...], groups: int, rng: np.random.Generator
) -> None:
    graph = chain(*between, groups=groups)
    equal = passes.equalize(graph)
    x = rng.standard_normal((2, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(textbook(equal, x), textbook(graph, x), rtol=1e-3, atol=1e-3)
    assert ranges(graph).max() / ranges(graph).min() > 50
    assert ranges(equal).max() / ranges(equal).min() < 15
    assert ranges(graph).max() > 50, "the given graph is untouched"


@pytest.mark.parametrize("between", [("relu6",), ("hardswish",), ("sigmoid",)])
def test_what_a_factor_does_not_pass_is_left_alone(between: tuple[str, ...]) -> None:
    graph = chain(*between)
    np.testing.assert_array_equal(ranges(passes.equalize(graph)), ranges(graph))


def test_values_that_others_read_are_left_alone() -> None:
    graph = chain("relu")
    graph.outputs.append("one")
    np.testing.assert_array_equal(ranges(passes.equalize(graph)), ranges(graph))


def test_factors_have_bounds_and_dead_channels_none() -> None:
    graph = chain("relu")
    first, second = (graph.node(name).params["weight"] for name in ("one", "two"))
    graph.weights[first] = graph.weights[first] * np.float32(1e8)
    graph.weights[first][2] = 0
    before = graph.weights[second].copy()
    equal = passes.equalize(graph)
    factors = np.abs(equal.weights[equal.node("two").params["weight"]] / before).max(axis=(0, 2, 3))
    np.testing.assert_allclose(factors, [100, 100, 1, 100, 100, 100], rtol=1e-3)


def test_shared_weights_are_left_alone(rng: np.random.Generator) -> None:
    b = Builder()
    x = b.input(4, 8)
    for i in range(3):
        x = b.apply("conv2d", x, name=f"conv{i}", params={"weight": (4, 4, 1, 1)}, key="shared")
    graph = randomize(b.finish(x))
    x = rng.standard_normal((1, 4, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(textbook(passes.equalize(graph), x), textbook(graph, x))


def test_a_whole_network(rng: np.random.Generator) -> None:
    graph = residual_network()
    x = rng.standard_normal((2, 3, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(textbook(passes.equalize(graph), x), textbook(graph, x), rtol=1e-4, atol=1e-5)
