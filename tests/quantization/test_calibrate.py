"""Calibration sees what the network computes, and nothing that is no number."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.quantization import calibrate

X = np.random.default_rng(0).standard_normal((6, 3, 16, 16)).astype(np.float32)


def test_histograms_are_of_the_values_in_the_network() -> None:
    graph = residual_network()
    told: list[int] = []
    seen = calibrate(Model(graph), [X[:4], X[4:]], told.append)
    assert (seen.samples, told) == (6, [4, 6])
    prepared = prepare(graph)
    inside = [value for value in seen.histograms if value != "input"]
    truth = Model(prepared, kernels="reference").run({"input": X}, capture=inside)
    assert len(inside) > 4
    for value in inside:
        histogram, exact = seen.histograms[value], truth[value]
        assert histogram.total == exact.size
        np.testing.assert_allclose(histogram.max, max(exact.max(), 0), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(histogram.min, min(exact.min(), 0), rtol=1e-4, atol=1e-5)
    assert seen.histograms["input"].total == X.size


def test_batches_make_no_difference() -> None:
    model = Model(residual_network(), kernels="reference")
    one, many = calibrate(model, [X]), calibrate(model, [x[None] for x in X])
    for value, histogram in one.histograms.items():
        assert histogram.max == pytest.approx(many.histograms[value].max, rel=1e-5)
        assert histogram.total == many.histograms[value].total


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_named(bad: float) -> None:
    spoiled = X.copy()
    spoiled[4, 1, 2, 3] = bad
    with pytest.raises(InputError, match="calibration: sample 4, value 'input': expected finite numbers, found NaN"):
        calibrate(Model(residual_network(), kernels="reference"), [X[:4], spoiled[4:]])


def test_values_that_overflow_inside_are_named() -> None:
    graph = residual_network()
    graph.weights[graph.node("left").params["weight"]] *= np.float32(1e38)
    with (
        np.errstate(all="ignore"),
        pytest.raises(InputError, match=r"calibration: sample 0, value '.*': expected finite numbers"),
    ):
        calibrate(Model(graph, kernels="reference"), [X])


def test_without_samples_there_is_no_calibration() -> None:
    with pytest.raises(InputError, match="calibration: expected at least one picture, found none"):
        calibrate(Model(residual_network(), kernels="reference"), [])
