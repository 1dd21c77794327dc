"""Norms of untrained networks before a bench."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bench_models import tiny_model

import tinyinfer as ti
from tinyinfer.bench.calibrate import calibrate
from tinyinfer.bench.networks import make_inputs
from tinyinfer.model import Model
from tinyinfer.runtime.executor import View, execute
from tinyinfer.runtime.plan import Step


def moved(model: Model) -> float:
    """Standard deviations by which an input changed by 1e-5 of itself moves the output."""
    (x,) = make_inputs(model.graph, 1).values()
    before, after = model(x), model(x * np.float32(1 + 1e-5))
    return float(np.max(np.abs(after - before)) / np.std(before))


def test_a_chaotic_network_becomes_calm() -> None:
    chaotic = ti.load("ghostnetv2_100", threads=2)
    calm = calibrate(chaotic)
    assert moved(chaotic) > 0.01
    assert moved(calm) < 1e-3
    assert calm.options == chaotic.options
    assert calm.meta == chaotic.meta


def test_norms_give_a_mean_square_of_at_most_one_and_nothing_else_changes() -> None:
    before = ti.load("resnet20", kernels="reference")
    after = calibrate(before)
    found = []

    def look(step: Step, call: Callable[[], None], view: View) -> None:
        call()
        if step.node.op.name == "batch_norm":
            found.append(np.mean(np.square(view(step.node.outputs[0]))))

    inputs = make_inputs(after.graph, 1)
    execute(after.plan({name: array.shape for name, array in inputs.items()}), inputs, look)
    assert len(found) >= 19
    assert max(found) < 1 + 1e-4
    assert sum(square > 0.99 for square in found) >= 5
    for key in before.graph.weights:
        if key.endswith("running_var"):
            assert np.all(before.graph.weights[key] == 1)
        else:
            assert np.array_equal(before.graph.weights[key], after.graph.weights[key])


@pytest.mark.parametrize("role", ["running_mean", "running_var"])
def test_norms_that_have_seen_data_are_kept(role: str) -> None:
    model = ti.load("resnet20")
    norm = next(node for node in model.graph.nodes if node.op.name == "batch_norm")
    key = norm.params[role]
    model.graph.weights[key] = model.graph.weights[key] + np.float32(0.1)
    assert calibrate(model) is model


def test_a_network_without_norms_is_kept() -> None:
    model = tiny_model()
    assert calibrate(model) is model
