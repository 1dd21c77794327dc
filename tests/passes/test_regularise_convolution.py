"""Irregular convolutions as regular ones."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model


def irregular(padding: int | str, reach: float, *, own: bool) -> Graph:
    b = Builder()
    offset = (8, 3, 3, 2) if own else (3, 3, 2)
    params = {"weight": (8, 4, 3, 3), "offset": offset, "bias": (8,)}
    x = b.apply("irregular_conv2d", b.input(4, 16), name="conv", params=params, stride=2, padding=padding)
    graph = b.finish(b.relu(b.batch_norm(x, name="bn"), name="relu"))
    rng = np.random.default_rng(0)
    for key in graph.weights:
        graph.weights[key] = rng.uniform(0.5, 1.5, graph.weights.shape(key)).astype(np.float32)
    graph.weights["conv.offset"] = rng.uniform(-reach, reach, offset).astype(np.float32)
    return graph


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("padding", "reach"), [(0, 0.0), (1, 0.7), (2, 3.0)])
def test_irregular_convolutions_become_regular_ones(padding: int, reach: float, own: bool) -> None:
    graph = irregular(padding, reach, own=own)
    regular = passes.regularise_convolution(graph)
    regular.verify()
    assert [node.op.name for node in regular.nodes] == ["conv2d", "batch_norm", "relu"]
    assert "conv.offset" not in regular.weights
    assert "conv.offset" in graph.weights
    for size in ((16, 16), (13, 18)):
        x = np.random.default_rng(1).standard_normal((2, 4, *size), np.float32)
        expected = graph.nodes[0].op.reference([x.astype(np.float64)], graph.param_arrays(graph.nodes[0]))[0]  # type: ignore[attr-defined]
        conv = regular.nodes[0]
        found = conv.op.reference([x.astype(np.float64)], regular.param_arrays(conv))[0]  # type: ignore[attr-defined]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        expected = Model(graph, kernels="reference")(x)
        # in deviations (3 to 6 here), as rounding follows the sums: on AMX tiles it takes 4e-5 of them
        np.testing.assert_allclose(Model(graph)(x), expected, rtol=0, atol=1e-4 * expected.std())


def test_padding_that_depends_on_the_size_is_left_as_it_is() -> None:
    graph = irregular("same", 1.0, own=False)
    assert next(node.op.name for node in passes.regularise_convolution(graph).nodes) == "irregular_conv2d"
    x = np.random.default_rng(1).standard_normal((1, 4, 9, 8), np.float32)
    assert Model(graph)(x).shape == (1, 8, 5, 4)
