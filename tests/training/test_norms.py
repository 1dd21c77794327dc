"""Norms that only training has change no output when they are folded, and leave no trace in the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer import models
from tinyinfer.graph import Graph

torch = pytest.importorskip("torch")

from tinyinfer.bench.torch_peer.graph import TorchGraph  # noqa: E402
from tinyinfer.training.__main__ import network, options, prepared  # noqa: E402
from tinyinfer.training.data import BATCH, Pictures  # noqa: E402
from tinyinfer.training.norms import with_norms, without_norms  # noqa: E402


@pytest.fixture(scope="module")
def plain() -> Graph:
    return models.create("squeezenet_cifar", num_classes=3, width=0.25).graph


def stirred(graph: Graph, seed: int = 1) -> Graph:
    """A copy whose norms have seen something: none of their numbers is what it was."""
    rng, graph = np.random.default_rng(seed), graph.copy()
    for key in graph.weights:
        if ".norm." in key:
            graph.weights[key] = rng.uniform(0.5, 1.5, graph.weights[key].shape).astype(np.float32)
    return graph


def test_a_norm_stands_behind_every_convolution(plain: Graph) -> None:
    trained = with_norms(plain)
    layers = [n for n in plain.nodes if n.op.name == "conv2d"]
    norms = [n for n in trained.nodes if n.op.name == "batch_norm"]
    assert [n.inputs[0] for n in norms] == [n.outputs[0] for n in layers]
    assert len(trained.nodes) == len(plain.nodes) + len(layers)
    for norm in norms:  # whatever read the layer reads the norm
        assert [n.name for n in trained.consumers()[norm.inputs[0]]] == [norm.name]


def test_folding_changes_no_output_and_leaves_no_trace(plain: Graph) -> None:
    trained = stirred(with_norms(plain))
    folded = without_norms(trained, plain)
    assert [(n.name, n.op, n.inputs, n.params) for n in folded.nodes] == [
        (n.name, n.op, n.inputs, n.params) for n in plain.nodes
    ]
    assert set(folded.weights) == set(plain.weights)
    x = np.random.default_rng(2).standard_normal((2, 3, 32, 32)).astype(np.float32)
    expected = ti.Model(trained, kernels="reference")(x)
    np.testing.assert_allclose(ti.Model(folded, kernels="reference")(x), expected, rtol=1e-4, atol=1e-4)
    assert not np.allclose(ti.Model(plain, kernels="reference")(x), expected, rtol=1e-2)


def test_a_network_with_norms_stays_as_it_is() -> None:
    graph = models.create("resnet20_s2", num_classes=3, width=0.25).graph
    assert with_norms(graph) is graph
    assert without_norms(graph, graph) is graph


def test_norms_begin_as_what_changes_nothing(plain: Graph) -> None:
    pictures = np.random.default_rng(3).standard_normal((70, 3, 32, 32)).astype(np.float32)
    started = with_norms(plain, pictures)
    x = pictures[:2]
    expected = ti.Model(plain, kernels="reference")(x)
    np.testing.assert_allclose(ti.Model(started, kernels="reference")(x), expected, rtol=1e-4, atol=1e-4)
    net = TorchGraph(started).train()  # with the statistics of its batch, which are those that the norms know
    with torch.no_grad():
        found = net(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(found, ti.Model(plain, kernels="reference")(pictures), rtol=1e-3, atol=1e-3)


def test_training_adds_norms_whether_it_begins_or_goes_on(plain: Graph, tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = Pictures(pixels, torch.zeros(BATCH, dtype=torch.int64), ["a"] * 3)
    file = tmp_path / "plain.npz"
    ti.Model(plain).save(file)
    for source in (["--arch", "squeezenet_cifar"], ["--start", str(file)]):
        args = options().parse_args(["data", "out", *source, "--checkpoint", str(tmp_path / "no")])
        graph, _ = network(args, 3)
        run, _ = prepared(args, graph, data)
        kinds = {n.op.name for n in run.objective.net.graph.nodes}
        assert "batch_norm" in kinds
