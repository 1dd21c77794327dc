"""Two forms of a network side by side."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer import passes
from tinyinfer.evaluation.before_after import before_after
from tinyinfer.model import Model

X = [np.random.default_rng(i).standard_normal((3, 3, 16, 16)).astype(np.float32) for i in range(2)]


def test_a_simplified_network_agrees_and_has_fewer_parameters() -> None:
    graph = residual_network()
    before, after = Model(graph, kernels="reference"), Model(passes.simplify(graph), kernels="reference")
    found = before_after(before, after, X)
    assert found.agreement.samples == 6
    assert found.agreement.top1 == 1.0
    assert found.agreement.sqnr is None or found.agreement.sqnr > 100
    assert found.after.params < found.before.params
    assert found.before.macs == found.after.macs > 0
    assert min(found.before.ms, found.after.ms) > 0
    document = json.loads(json.dumps(found.to_dict()))
    assert document["before"]["bytes"] == sum(array.nbytes for array in graph.weights.values())
    text = str(found)
    assert "same top-1 on 100.0% of 6 inputs" in text
    assert "top-1 " not in text.replace("same top-1", "")


def test_another_network_does_not_agree() -> None:
    before, after = residual_network(), residual_network()
    key = after.node("fc").params["weight"]
    after.weights[key] = -after.weights[key]
    found = before_after(Model(before, kernels="reference"), Model(after, kernels="reference"), X)
    assert found.agreement.top1 is not None
    assert found.agreement.top1 < 1
    assert found.agreement.sqnr is not None
    assert found.agreement.sqnr < 10


def test_without_samples_there_is_one_of_random_numbers() -> None:
    model = Model(residual_network(), kernels="reference")
    found = before_after(model, model)
    assert (found.agreement.samples, found.agreement.top1, found.agreement.sqnr) == (1, 1.0, None)
    assert "the same numbers" in str(found)
    assert found.before.top1 == found.after.top1 == pytest.approx(None)
