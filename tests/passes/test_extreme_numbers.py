"""Networks of files with any numbers, in chains of any length: passes neither warn nor fail nor grow with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from exported_pieces import Writer, network, ops_of

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.passes.portable.recognise.pipeline import recognise

HUGE = float(np.finfo(np.float32).max)


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def chain(op: str, number: float, length: int) -> Callable[[Writer, str], str]:
    def write(w: Writer, x: str) -> str:
        for _ in range(length):
            x = w(op, x, number)
        return x

    return write


@pytest.mark.parametrize("op", ["mul", "div", "add", "sub"])
@pytest.mark.parametrize("number", [HUGE, -HUGE, 1e-45])
def test_scales_that_no_float_can_hold_stay_what_they_are(op: str, number: float) -> None:
    recognise(network(chain(op, number, 12))).verify()


@pytest.mark.parametrize("exponent", [2, 3])
def test_powers_of_powers(exponent: float) -> None:
    def write(w: Writer, x: str) -> str:
        return chain("pow", exponent, 40)(w, w("mul", x, HUGE))

    recognise(network(write)).verify()


def test_chains_longer_than_python_recurses() -> None:
    assert ops_of(recognise(network(chain("mul", 1.5, 400)))).count("mul") == 0


def test_weights_of_any_size_are_folded() -> None:
    b, rng = Builder(), np.random.default_rng(0)
    x = b.input(8)
    layers = {k: b.conv2d(x, 8, k, padding=k // 2, name=f"conv{k}") for k in (1, 3)}
    branches = [b.batch_norm(layer, name=f"norm{k}") for k, layer in layers.items()]
    graph = b.finish(b.batch_norm(b.relu(b.add(*branches, name="sum"), name="relu"), name="last"))
    for key in graph.weights:
        values = rng.choice(np.float32([HUGE, -HUGE, 1e-45, 0, 1]), size=graph.weights.shape(key))
        graph.weights[key] = np.abs(values) if "var" in key else values
    for folded in (ti.passes.lower(graph), ti.passes.equalize(graph)):
        assert len(folded.nodes) < len(graph.nodes)
        assert all(array.dtype == np.float32 for array in folded.weights.values())
