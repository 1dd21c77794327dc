"""Corrected biases bring means back to what they were."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, residual_network

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.quantization import calibrate, correct_bias


def depthwise_network() -> Graph:
    """A stem, a depthwise layer with few weights a channel, which round badly, and a head."""
    b = Builder()
    x = b.activation(b.conv2d(b.input(3, 10), 12, 3, name="stem", padding=1), "relu6", name="act")
    x = b.activation(b.conv2d(x, 12, 3, name="depthwise", padding=1, groups=12, bias=False), "relu6", name="act2")
    x = b.flatten(b.adaptive_avg_pool2d(b.conv2d(x, 9, 1, name="head"), name="pool"), name="flat")
    return randomize(b.finish(b.linear(x, 5, name="fc")))


def samples(graph: Graph, count: int = 6) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    shape = graph.input_shapes()[graph.inputs[0].name]
    return [rng.uniform(0, 2, shape).astype(np.float32) for _ in range(count)]


def mean_output(graph: Graph, seen: list[np.ndarray]) -> np.ndarray:
    model = Model(graph, kernels="reference")
    return np.concatenate([model(x) for x in seen]).mean(axis=0)


@pytest.mark.parametrize("make", [depthwise_network, residual_network])
@pytest.mark.parametrize("per_tensor", [False, True])
def test_means_come_back(make, per_tensor: bool) -> None:
    graph = make()
    model, seen = Model(graph, kernels="reference"), samples(graph)
    quantized = passes.quantize(graph, calibrate(model, seen), per_tensor=per_tensor)
    counts: list[tuple[int, int]] = []
    corrected = correct_bias(model, quantized, seen, lambda done, of: counts.append((done, of)))
    corrected.verify()
    truth = mean_output(graph, seen)
    before, after = (np.abs(mean_output(g, seen) - truth).max() for g in (quantized, corrected))
    assert after < before / 3
    layers = sum(node.op.name in ("quantized_conv2d", "quantized_linear") for node in quantized.nodes)
    assert counts == [(i + 1, layers) for i in range(layers)]


def test_a_shifted_bias_is_found() -> None:
    """Biases that were wrong by far, in layers with an activation and without, come back to a step of the sums."""
    graph = depthwise_network()
    model, seen = Model(graph, kernels="reference"), samples(graph)
    quantized = passes.quantize(graph, calibrate(model, seen))
    once = correct_bias(model, quantized, seen)
    spoiled = quantized.copy()
    for name in ("stem", "head", "fc"):
        key = spoiled.node(name).params["bias"]
        spoiled.weights[key] = spoiled.weights[key] + np.int32(5000)
    again = correct_bias(model, spoiled, seen)
    for name in ("stem", "depthwise", "head", "fc"):
        biases = [g.weights[g.node(name).params["bias"]].astype(int) for g in (once, again)]
        np.testing.assert_allclose(biases[0], biases[1], atol=1)


def test_pictures_are_of_one_shape_and_at_least_one() -> None:
    graph = depthwise_network()
    model, seen = Model(graph, kernels="reference"), samples(graph)
    quantized = passes.quantize(graph, calibrate(model, seen))
    with pytest.raises(InputError, match="bias correction: expected at least one picture, found none"):
        correct_bias(model, quantized, [])
    with pytest.raises(InputError, match="bias correction: expected pictures of one shape"):
        correct_bias(model, quantized, [seen[0], seen[0][:, :, 1:]])
