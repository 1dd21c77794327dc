"""torch as a peer: our graph, node by node, with torch's own functions."""

from __future__ import annotations

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer import models
from tinyinfer.bench import bench, engines, make_inputs
from tinyinfer.model import Model

torch = pytest.importorskip("torch")


def test_torch_needs_no_file_and_agrees(monkeypatch):
    monkeypatch.setattr("tinyinfer.bench.by_network.export_onnx", lambda *_: pytest.fail("wrote an ONNX file"))
    report = bench(tiny_model(), ("torch",), threads=(1, 2), rounds=1)
    assert [(row.engine, row.threads) for row in report.rows if row.engine == "torch"] == [("torch", 1), ("torch", 2)]
    assert all(row.error < 1e-4 for row in report.rows)
    assert "+" not in report.rows[1].version


def test_torch_runs_with_the_given_threads_and_both_memory_formats(monkeypatch, tmp_path):
    tried = []

    def first(run):
        tried.append(run())
        return len(tried)

    monkeypatch.setattr(engines, "_least_seconds", first)
    model = Model(models.create("mobilenet_v2_cifar", seed=1).graph, threads=1)
    inputs = make_inputs(model.graph, 2)
    run = engines.torch(engines.Subject(model, tmp_path / "none", inputs, 2))
    assert torch.get_num_threads() == 2
    assert len(tried) == 2
    (expected,) = Model(model.graph, kernels="reference").run(inputs).values()
    for outputs in (*tried, run()):
        np.testing.assert_allclose(outputs[0], expected, atol=1e-3 * expected.std())
