"""Decomposed layers fitted to what their network computes."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, residual_network

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.decomposition import Settings, decompose_model
from tinyinfer.decomposition.refit import _Equations, refit
from tinyinfer.errors import InputError
from tinyinfer.evaluation.noise import decibels
from tinyinfer.graph import Graph, Input, TensorType
from tinyinfer.ops.base import Op


class Samples(list):
    """Arrays that can be cut short."""

    def first(self, count: int) -> Samples:
        return Samples(self[:count])


def samples(graph: Graph, count: int = 4, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    n, *image = graph.inputs[0].nominal
    return Samples(rng.standard_normal((2 * n, *image), np.float32) for _ in range(count))


def outputs(graph: Graph, given: Samples) -> list[np.ndarray]:
    model = ti.Model(graph, kernels="reference")
    return [model(x) for x in given]


@pytest.mark.parametrize(
    ("op", "attrs", "x", "weight"),
    [
        ("conv2d", {}, (2, 3, 5, 4), (6, 3, 1, 1)),
        ("conv2d", {"stride": (1, 2), "padding": (0, 0, 2, 1), "dilation": (1, 2)}, (2, 3, 5, 9), (6, 3, 1, 3)),
        ("conv2d", {"padding": "same", "stride": 2, "padding_mode": "reflect"}, (1, 4, 8, 7), (2, 4, 3, 2)),
        ("linear", {}, (3, 7), (5, 7)),
        ("linear", {}, (3, 2, 7), (5, 7)),
    ],
)
def test_equations_find_the_layer_that_made_the_outputs(op, attrs, x, weight) -> None:
    rng = np.random.default_rng(0)
    b = Builder()
    b._inputs.append(Input("x", x, x))
    b._define("x", TensorType(x))
    params = {"weight": weight, "bias": weight[:1]}
    graph = randomize(b.finish(b.apply(op, "x", name="layer", params=params, **attrs)))
    node = graph.node("layer")
    truth = {role: rng.standard_normal(graph.weights.shape(key), np.float32) for role, key in node.params.items()}
    equations = _Equations(graph, node)
    assert isinstance(node.op, Op)
    for _ in range(40):
        image = rng.standard_normal(x)
        equations.add(image, node.op.reference([image], truth)[0])
    found = equations.solve()
    np.testing.assert_allclose(found[0], truth["weight"], atol=0.02)
    np.testing.assert_allclose(found[1], truth["bias"], atol=0.02)


@pytest.mark.parametrize("settings", [{"energy": 0.6}, {"mult_adds": 0.5}])
def test_fitted_networks_are_nearer_on_pictures_not_seen(settings) -> None:
    graph = residual_network(16)
    model, settings = ti.Model(graph, kernels="reference"), Settings(**settings, multiple=1)
    seen, unseen = samples(graph, 8), samples(graph, seed=1)
    truth = outputs(graph, unseen)
    plain, fitted = (decompose_model(model, settings, s).model for s in (None, seen))
    assert [node.op for node in fitted.graph.nodes] == [node.op for node in plain.graph.nodes]
    assert fitted.meta["low_rank"]["samples"] == 8
    noise = [decibels(truth, outputs(made.graph, unseen)) for made in (plain, fitted)]
    assert None not in noise
    assert noise[1] > noise[0] + 3


def test_what_loses_nothing_stays_as_it_is() -> None:
    """Layers whose weights are of low rank are themselves already."""
    b = Builder()
    graph = randomize(b.finish(b.relu(b.conv2d(b.input(12, 6), 12, 3, name="conv", padding=1), name="relu")))
    rng = np.random.default_rng(0)
    thin = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 108))
    graph.weights["conv.weight"] = (thin / 10).reshape(12, 12, 3, 3).astype(np.float32)
    model, seen = ti.Model(graph, kernels="reference"), samples(graph)
    made = decompose_model(model, Settings(energy=1, multiple=1), seen).model.graph
    assert made.weights.shape("conv.reduce.weight")[0] == 2
    for a, c in zip(outputs(graph, seen), outputs(made, seen), strict=True):
        np.testing.assert_allclose(a, c, atol=1e-4)


def test_layers_are_fitted_in_order_and_told() -> None:
    graph = passes.simplify(residual_network(16))
    model, told = ti.Model(graph, kernels="reference"), []
    made = passes.low_rank(graph, energy=0.5, multiple=1)
    names = ["fc", "stem", "left"]
    fitted = refit(model, made, names, samples(graph), lambda *now: told.append(now))
    assert told == [(1, 3), (2, 3), (3, 3)]
    changed = {node.name for node in fitted.nodes if node.params != made.node(node.name).params}
    assert changed == set(names)
    assert "fc.bias:fitted" not in made.weights, "the given graph is untouched"
    with pytest.raises(InputError, match="expected at least one picture to fit layers to"):
        refit(model, made, names, Samples())
