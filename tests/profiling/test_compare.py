"""Fast steps against the reference: right kernels pass, a broken one is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from quantized_networks import mobile_network

from tinyinfer import kernels, models
from tinyinfer.model import Model
from tinyinfer.profiling.compare import CompareRow, Comparison, compare, relative_error


@pytest.fixture
def model() -> Model:
    return Model(models.create("squeezenet1_1", num_classes=10).graph, threads=1)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 3, 64, 64), np.float32)


def test_every_step_passes(model, image):
    found = compare(model, image)
    assert found.passed
    steps = [s for s in model.plan({"input": image.shape}).steps if s.node.op.name not in ("input", "output")]
    assert [row.name for row in found.rows] == [step.node.name for step in steps]
    assert {row.kernel for row in found.rows} >= {"pointwise"}
    assert found.worst is not None
    assert "ok" in str(found)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["passed"]


def test_reference_steps_and_folded_norms_are_compared_too(image):
    graph = models.create("mobilenet_v2", num_classes=10).graph
    assert compare(Model(graph, threads=1), image).passed
    assert compare(Model(graph, threads=1, kernels="conv2d=reference"), image).passed
    assert compare(Model(graph, threads=1, kernels="reference"), image).passed


@pytest.mark.parametrize("spoil", [1e-2, np.nan])
def test_a_wrong_kernel_is_found_where_it_is(model, image, monkeypatch, spoil):
    (step,) = [s for s in model.plan({"input": image.shape}).steps if s.node.name == "classifier.1"]
    kernel = kernels.find("conv2d", step.kernel)
    good = kernel.bind

    def bad(self, inputs, outputs, workspace):
        run = good(self, inputs, outputs, workspace)

        def spoilt() -> None:
            run()
            if self.problem.params["weight"].shape[0] == 10:  # the classifier alone
                outputs[0].data[0] += spoil

        return spoilt

    monkeypatch.setattr(kernel, "bind", bad)
    found = compare(model, image)
    assert not found.passed
    assert [row.name for row in found.rows if not row.passed] == ["classifier.1"]
    assert "FAIL" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_error_is_relative_to_the_spread():
    truth = np.array([0.0, 2.0])
    assert relative_error(truth + 0.5, truth) == 0.5
    assert relative_error(np.array([3.0, 3.5]), np.array([3.0, 3.0])) == 0.5
    assert np.isnan(relative_error(np.array([np.nan, 0]), truth))
    passed_on = np.array([np.nan, np.inf, 1.0, 3.0])
    assert relative_error(np.array([np.nan, np.inf, 1.0, 3.5]), passed_on) == 0.5
    assert np.isinf(relative_error(-passed_on, passed_on))


def test_steps_of_codes_are_counted_in_codes() -> None:
    model = Model(mobile_network(), threads=1)
    found = compare(model)
    assert found.passed
    layer = next(row for row in found.rows if row.name == "expand")
    assert (layer.in_codes, layer.error, layer.tolerance) == (True, 0.0, 0.0)
    assert "0 codes" in str(found)


def test_codes_that_differ_fail_unless_a_formula_made_them() -> None:
    rows = [CompareRow("x", "add", "codes", (1,), error, allowed, True) for error, allowed in ((1, 1), (1, 0), (0, 0))]
    assert [row.passed for row in rows] == [True, False, True]
    assert [row.used for row in rows] == [1.0, float("inf"), 0.0]
    assert "1 code " in str(Comparison(tuple(rows), ()))
