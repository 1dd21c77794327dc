"""Small random networks with all that passes look for, and how to run them."""

from __future__ import annotations

import numpy as np

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model


def randomize(graph: Graph, seed: int = 0) -> Graph:
    """Fill all weights but constants; variances are positive."""
    rng = np.random.default_rng(seed)
    constants = {key for node in graph.nodes if node.op.name == "constant" for key in node.params.values()}
    for key, array in graph.weights.items():
        if key in constants:
            continue
        values = rng.standard_normal(array.shape) / max(1, int(np.prod(array.shape[1:]))) ** 0.5
        graph.weights[key] = (np.abs(values) + 0.5 if key.endswith("running_var") else values).astype(np.float32)
    return graph


def residual_network(channels: int = 8, classes: int = 5) -> Graph:
    """Stem, a residual block, a downsampling join of two convolutions, and a classifier."""
    b = Builder()
    x = b.input(3, 16)
    x = b.activation(b.batch_norm(b.conv2d(x, channels, 3, name="stem", padding=1), name="norm"), "relu6", name="act")
    left = b.conv2d(x, 2 * channels, 3, name="left", stride=2, padding=1)
    y = b.batch_norm(b.conv2d(x, channels, 3, name="one", padding=1, bias=False), name="one.norm")
    x = b.activation(b.add(y, x, name="add"), "relu", name="add.act")
    right = b.conv2d(x, 2 * channels, 1, name="right", stride=2)
    x = b.activation(b.add(left, right, name="join"), "relu", name="join.act")
    x = b.dropout(b.flatten(b.adaptive_avg_pool2d(x, name="pool")), 0.5, name="drop")
    return randomize(b.finish(b.linear(x, classes, name="fc")))


def textbook(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The network in plain NumPy, with no pass applied."""
    return Model(graph, kernels="reference")(x)
