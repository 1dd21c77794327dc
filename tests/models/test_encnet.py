"""EncNet's head: shapes at any size, what it costs, and that its gate weighs channels."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyinfer as ti

SMALL = {"width": 0.125, "depths": (1, 1, 1, 1)}


@settings(max_examples=5, deadline=None)
@given(
    classes=st.integers(1, 20), codewords=st.integers(1, 9), batch=st.integers(1, 2),
    size=st.tuples(st.integers(17, 50), st.integers(17, 50)),
)  # fmt: skip
def test_logits_are_as_large_as_the_image(classes: int, codewords: int, batch: int, size: tuple[int, int]) -> None:
    graph = ti.models.create("encnet_resnet50", num_classes=classes, codewords=codewords, **SMALL).graph
    graph.verify()
    y = ti.Model(graph, kernels="reference")(np.random.default_rng(0).standard_normal((batch, 3, *size), np.float32))
    assert y.shape == (batch, classes, *size)
    assert np.isfinite(y).all()


def test_the_backbone_keeps_an_eighth_of_the_size() -> None:
    """Section 3.2: dilation in stages 3 and 4 in place of strides."""
    model = ti.models.create("encnet_resnet50", resolution=64, **SMALL)
    x = np.zeros((1, 3, 64, 64), np.float32)
    out = ti.Model(model.graph, kernels="reference").run({"input": x}, capture=["pretrained.layer*"])
    sizes = {name: y.shape[2:] for name, y in out.items() if name.startswith("pretrained.layer")}
    assert sizes["pretrained.layer2.0.relu3"] == sizes["pretrained.layer4.0.relu3"] == (8, 8)


def test_the_encoding_head_is_small() -> None:
    with_head = ti.models.create("encnet_resnet50", num_classes=59)
    head = [row for row in with_head.cost().rows if row.name.startswith("head.encmodule")]
    c, k = 512, 32
    assert sum(row.params for row in head) == c * c + 2 * c + (k * c + k) + 2 * k + (c * c + c)


def test_fast_and_reference_agree() -> None:
    graph = ti.models.create("encnet_resnet50", seed=2, **SMALL).graph
    rng = np.random.default_rng(1)
    for key in graph.weights:
        if key.endswith((".scale", ".codewords")):
            graph.weights[key] = rng.uniform(-1, 0, graph.weights.shape(key)).astype(np.float32)
    x = rng.standard_normal((1, 3, 40, 40), np.float32)
    expected = ti.Model(graph, kernels="reference")(x)
    np.testing.assert_allclose(ti.Model(graph)(x), expected, atol=1e-4 * expected.std())
