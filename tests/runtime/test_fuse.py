"""What is fused is the caller's choice: the values are the same, the steps are not."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import SIDE, networks
from small_quantized_network import small_quantized_network

import tinyinfer as ti
from tinyinfer.changed_model import changed, like
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.pipeline import Fuse

X = np.random.default_rng(0).standard_normal((1, 3, 192, 192), np.float32)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return ti.models.create("mobilenet_v2", width=0.5, num_classes=10, resolution=192).graph


def steps(model: Model) -> Counter[str]:
    return Counter(step.node.op.name for step in model.plan({"input": X.shape}).steps)


def test_without_fusion_each_node_is_a_step_but_for_norms(graph: Graph) -> None:
    apart = Model(graph, threads=1, fuse=False)
    counts = Counter(node.op.name for node in graph.nodes)
    assert {op: steps(apart)[op] for op in ("conv2d", "relu6", "add")} == {
        op: counts[op] for op in ("conv2d", "relu6", "add")
    }
    assert steps(apart)["batch_norm"] == steps(apart)["depthwise_chain"] == 0


def test_endings_go_with_their_layers_and_blocks_stay_apart(graph: Graph) -> None:
    endings, fused = (Model(graph, threads=1, fuse=fuse) for fuse in ("endings", True))
    assert steps(endings)["relu6"] == steps(endings)["add"] == steps(endings)["depthwise_chain"] == 0
    assert steps(endings)["conv2d"] == sum(node.op.name == "conv2d" for node in graph.nodes)
    assert steps(fused)["depthwise_chain"] > 0


@pytest.mark.parametrize("fuse", [False, "endings"])
def test_values_are_the_same(graph: Graph, fuse: Fuse) -> None:
    expected = Model(graph, threads=1)(X)
    np.testing.assert_allclose(Model(graph, threads=1, fuse=fuse)(X), expected, atol=1e-3 * expected.std())


@settings(max_examples=12, deadline=None)
@given(graph=networks(), fuse=st.sampled_from([False, "endings"]))
def test_any_network_gives_the_same_values(graph: Graph, fuse: Fuse) -> None:
    x = np.random.default_rng(1).standard_normal((1, 3, SIDE, SIDE), np.float32)
    x = x[:, : graph.inputs[0].shape[1]]
    expected, found = Model(graph, kernels="reference")(x), Model(graph, threads=1, fuse=fuse)(x)
    np.testing.assert_allclose(found, expected, atol=1e-3 * max(1.0, float(np.abs(expected).max())))


def test_codes_are_computed_as_well(rng: np.random.Generator) -> None:
    graph = small_quantized_network(rng)
    inputs = {i.name: rng.standard_normal(i.nominal).astype(np.float32) for i in graph.inputs}
    expected, found = (Model(graph, threads=1, fuse=fuse).run(inputs) for fuse in (True, False))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)


@pytest.mark.parametrize("fuse", [False, "endings"])
def test_copies_parts_and_changed_models_keep_it(graph: Graph, fuse: Fuse, tmp_path: Path) -> None:
    model = Model(graph, threads=1, fuse=fuse)
    for other in (copy.deepcopy(model), model.part(["features.0.*"]), like(model, graph), changed(model, graph)):
        assert other.options == model.options
    model.save(tmp_path / "model.npz")
    assert ti.load(tmp_path / "model.npz", threads=1, fuse=fuse).options == model.options
    assert ti.load("squeezenet1_1", fuse=fuse).options.fuse == fuse


@pytest.mark.parametrize("fuse", [None, "blocks", 2])
def test_other_words_are_refused(graph: Graph, fuse: object) -> None:
    with pytest.raises(InputError, match=r"fuse: expected True, False or 'endings', found"):
        Model(graph, fuse=fuse)  # type: ignore[arg-type]
