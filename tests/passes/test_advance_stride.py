"""Strides of 1x1 layers move to the convolution before them, and the network stays the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_networks import randomize, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.ops.convolution.conv2d import Conv2d


def network(reader: dict[str, Any], activation: str | None = "relu", other: str | None = None, **maker: Any) -> Graph:
    """A convolution, and behind it a strided one; ``other`` is who else has a use for what is between them."""
    b = Builder()
    x = b.input(8, 16)
    y = b.conv2d(x, 12, maker.pop("kernel", 3), name="maker", **{"padding": 1, **maker})
    if other == "residual":
        y = b.add(y, b.activation(b.conv2d(x, 12, 1, name="side"), "sigmoid", name="gate"), name="sum")
    if activation:
        y = b.activation(y, activation, name="epilogue")
    z = b.conv2d(y, 10, reader.pop("kernel", 1), name="reader", **reader)
    if other == "reader":
        z = b.concat(z, b.conv2d(y, 3, 1, name="second", stride=2), name="both")
    return randomize(b.finish(z))


def strides(graph: Graph) -> dict[str, tuple[int, int]]:
    return {node.name: node.op.stride for node in passes.lower(graph).nodes if isinstance(node.op, Conv2d)}


@pytest.mark.parametrize("size", [(12, 11), (9, 14), (3, 2)])
@pytest.mark.parametrize(
    ("reader", "maker", "found"),
    [
        ({"stride": 2}, {}, (2, 2)),
        ({"stride": (1, 3)}, {"stride": (2, 1)}, (2, 3)),
        ({"stride": 2, "bias": False}, {"groups": 4, "kernel": 5, "padding": (2, 3, 1, 2), "dilation": (1, 2)}, (2, 2)),
        ({"stride": 3, "groups": 2}, {"kernel": 1, "padding": 0, "activation": None}, (3, 3)),
    ],
)
def test_the_stride_moves(reader: dict, maker: dict, found: tuple[int, int], size: tuple[int, int]) -> None:
    maker = dict(maker)
    graph = network(dict(reader), maker.pop("activation", "relu"), **maker)
    assert strides(graph) == {"maker": found, "reader": (1, 1)}
    x = np.random.default_rng(0).standard_normal((2, 8, *(s + 4 for s in size))).astype(np.float32)
    np.testing.assert_allclose(Model(graph)(x), textbook(graph, x), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("reader", "maker"),
    [
        ({"stride": 2, "kernel": 3}, {}),  # reads all pixels
        ({"stride": 2, "padding": 1}, {}),  # reads others
        ({"stride": 2}, {"padding": "same"}),  # pads as the stride has it
        ({"stride": 2}, {"other": "residual"}),
        ({"stride": 2}, {"other": "reader"}),
    ],
)
def test_other_strides_stay(reader: dict, maker: dict) -> None:
    graph = network(dict(reader), **maker)
    assert strides(graph)["maker"] == (1, 1)
    assert strides(graph)["reader"] == (2, 2)


def test_a_graph_output_is_made_whole() -> None:
    b = Builder()
    y = b.conv2d(b.input(4, 9), 6, 3, name="maker")
    z = b.conv2d(y, 5, 1, name="reader", stride=2)
    graph = randomize(b.finish([y, z]))
    assert strides(graph) == {"maker": (1, 1), "reader": (2, 2)}
