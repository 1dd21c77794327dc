"""Class activation maps add up to logits, and covering what a network looks at costs it its class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.builder import Builder
from tinyinfer.loading import load
from tinyinfer.model import Model
from tinyinfer.pages.explain.class_map import activation_maps, find_head, occlusion_maps
from tinyinfer.pages.explain.subject import look, shown_graph

WEIGHTS = Path(__file__).parents[3] / "weights"
PREPROCESS = {"resize": [16, 16], "scale": 1 / 255}


@pytest.fixture(scope="module")
def shipped():
    return look(load(WEIGHTS / "mobilenet_v2_cifar10.npz"), WEIGHTS / "sample.jpg")


def test_the_mean_of_a_map_is_its_logit(shipped):
    head = find_head(shipped.graph)
    maps = activation_maps(shipped, head, range(10))
    bias = shipped.graph.weights[shipped.graph.node("classifier.1").params["bias"]]
    np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias, shipped.values[shipped.graph.outputs[0]][0], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "found"), [("squeezenet1_1", True), ("resnet18", True), ("mobilenet_v3_small", False), ("vgg11", False)]
)
def test_where_maps_are_classes(name, found):
    head = find_head(shown_graph(Model(models.build(name))).graph)
    assert (head is not None) == found
    if name == "squeezenet1_1":
        assert head.weight is None  # its last convolution has a map for each class


def test_covering_what_is_looked_at_costs_the_class():
    """A network that says 1 if the upper left is bright: the sum of one corner through a linear layer."""
    b = Builder()
    x = b.flatten(b.input(channels=3, size=16), name="flatten")
    graph = b.finish([b.linear(x, 2, name="fc")])
    weight = np.zeros((2, 3, 16, 16), np.float32)
    weight[1, :, :5, :5] = 0.2
    graph.weights.update({"fc.weight": weight.reshape(2, -1), "fc.bias": np.array([5, 0], np.float32)})
    photo = np.zeros((16, 16, 3), np.uint8)
    photo[:5, :5] = 255
    subject = look(Model(graph, {"preprocess": PREPROCESS}, kernels="reference"), photo)
    (found,) = occlusion_maps(subject, [1], macs=10**9)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert max(y, x) < len(found) / 3
    assert found[-1, -1] == pytest.approx(0, abs=1e-6)
    assert find_head(subject.graph) is None
