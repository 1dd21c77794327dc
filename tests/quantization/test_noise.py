"""The rounding noise inside a quantised network, and what a profile of it says of that."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.model import Model
from tinyinfer.profiling.profile import profile
from tinyinfer.quantization import Quantized, Settings, quantize_model
from tinyinfer.quantization.noise import own_noise

X = [np.random.default_rng(i).standard_normal((2, 3, 16, 16)).astype(np.float32) for i in range(2)]


class Samples(list[np.ndarray]):
    """Arrays that can be walked over."""

    def first(self, count: int) -> Samples:
        return Samples(self[:count])


def quantized(spoil: str = "", **settings: bool) -> tuple[Model, Quantized]:
    """With large weights for a channel that is never on, a node has few codes left for the others."""
    graph = residual_network()
    graph.weights["norm.weight"][0], graph.weights["norm.bias"][0] = 0, -1
    if spoil:
        graph.weights[f"{spoil}.weight"][:, 0] = 50
    model = Model(graph, kernels="reference")
    return model, quantize_model(model, Samples(X), Settings(bias_correction=False, **settings))


def test_the_node_that_suffers_is_the_noisiest() -> None:
    plain, plain_made = quantized()
    usual = own_noise(plain, plain_made.model, X)
    model, made = quantized("right")
    found = own_noise(model, made.model, X)
    assert set(found) == set(usual)
    assert min(usual.values()) > 20
    assert min(found, key=lambda name: found[name]) == "right"
    assert found["right"] < usual["right"] - 10


def test_channels_that_were_made_alike_cant_be_compared() -> None:
    model, made = quantized(equalize=True)
    assert own_noise(model, made.model, X) == {}
    assert own_noise(model, model, X) == {}  # nothing is quantised


@pytest.mark.parametrize(
    ("said", "shown"),
    [({"left": 31.5, "pool": 40}, {"left": 31.5, "pool": 40.0}), ("loud", {}), ({"left": "loud"}, {}), (None, {})],
)
def test_a_profile_has_what_the_metadata_say(said, shown) -> None:
    _, made = quantized()
    made.model.meta["quantization"]["noise"] = said
    rows = profile(made.model, X[0], repeats=1, warmup=0).rows
    assert {name: row.noise for row in rows for name in row.origin if row.noise is not None and name in shown} == shown
    assert all(row.noise is None for row in rows) == (not shown)
