"""The encoder-decoder with each upsampling: the map has the image's size, whatever the knobs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyinfer as ti
from tinyinfer.graph import Graph
from tinyinfer.models.registry import families

NAMES = [variant.name for variant in families()["upsampler"].variants]


@settings(max_examples=15)
@given(
    name=st.sampled_from(NAMES), width=st.sampled_from([0.5, 1.0, 1.5]), classes=st.integers(1, 5),
    padding=st.sampled_from(["symmetric", "same"]), small=st.booleans(), size=st.tuples(*[st.integers(5, 41)] * 2),
    batch=st.integers(1, 2),
)  # fmt: skip
def test_every_pixel_gets_logits(name, width, classes, padding, small, size, batch):
    model = ti.models.create(name, num_classes=classes, width=width, padding=padding, small_input=small)
    model.graph.verify()
    y = ti.Model(model.graph, kernels="reference")(
        np.random.default_rng(0).standard_normal((batch, 3, *size), np.float32)
    )
    assert y.shape == (batch, classes, *size)
    assert np.isfinite(y).all()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_kernels_agree_with_the_textbook(name: str, threads: int) -> None:
    graph = ti.models.create(name, num_classes=5).graph
    x = np.random.default_rng(1).standard_normal((2, 3, 45, 39), np.float32)
    expected = ti.Model(graph, kernels="reference")(x)
    found = ti.Model(graph, threads=threads)(x)
    assert np.abs(found - expected).max() <= 1e-4 * expected.std()


def macs(graph: Graph) -> int:
    return ti.Model(graph).cost((1, 3, 64, 64)).macs


def test_what_each_upsampling_costs() -> None:
    """Interpolation and unpooling multiply no channels; the other two do, on maps of half the size."""
    cost = {name.removeprefix("upsampler_"): macs(ti.models.build(name)) for name in NAMES}
    plain = cost["nearest"]
    assert cost["bilinear"] == cost["bicubic"] == cost["max_unpool"] == plain
    pixels = [(64 >> i) ** 2 for i in (1, 2, 3)]  # of the maps that are doubled, the widest last
    channels = (16, 32, 64)
    assert cost["conv_transpose"] - plain == sum(p * 16 * c * c for p, c in zip(pixels, channels, strict=True))
    assert cost["pixel_shuffle"] - plain == sum(p * 9 * c * 4 * c for p, c in zip(pixels, channels, strict=True))


def test_unpooling_puts_values_where_the_maxima_lay() -> None:
    model = ti.models.create("upsampler_max_unpool", small_input=True)
    x = np.random.default_rng(2).standard_normal((1, 3, 32, 32), np.float32)
    seen = model.run({"input": x}, capture=["encoder.2.2", "middle.2", "decoder.2.up"])
    before, small, up = seen["encoder.2.2"], seen["middle.2"], seen["decoder.2.up"]
    windows = before.reshape(1, -1, 4, 2, 4, 2)
    largest = windows == windows.max(axis=(3, 5), keepdims=True)
    unpooled = up.reshape(1, -1, 4, 2, 4, 2)
    np.testing.assert_array_equal(unpooled.sum(axis=(3, 5)), small)
    assert not unpooled[~largest].any()
