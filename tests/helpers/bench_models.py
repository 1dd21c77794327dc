"""A network small enough to measure in a second."""

from __future__ import annotations

import numpy as np

from tinyinfer import ops
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model


def tiny_model() -> Model:
    """A convolution, global pooling and a classifier."""
    rng = np.random.default_rng(7)
    conv = ops.get("conv2d")(padding=1, activation="relu")
    nodes = [
        Node("conv", conv, ("input",), ("conv",), {"weight": "conv.weight"}),
        Node("pool", ops.get("adaptive_avg_pool2d")(1), ("conv",), ("pool",)),
        Node("flat", ops.get("flatten")(1), ("pool",), ("flat",)),
        Node("fc", ops.get("linear")(), ("flat",), ("fc",), {"weight": "fc.weight"}),
    ]
    shapes = {"conv.weight": (16, 3, 3, 3), "fc.weight": (10, 16)}
    weights = {key: rng.normal(0, 0.3, shape).astype(np.float32) for key, shape in shapes.items()}
    graph = Graph([Input("input", (None, 3, None, None), (1, 3, 16, 16))], nodes, ["fc"], weights)
    return Model(graph, {"name": "tiny"})
