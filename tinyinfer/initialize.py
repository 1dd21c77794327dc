"""Seeded random weights, so that a network can be run and measured before it has been trained."""

from __future__ import annotations

import zlib

import numpy as np

from tinyinfer.graph import Graph, Shape


def initialize(graph: Graph, seed: int = 0) -> Graph:
    """A copy of the graph with random weights; the same seed gives every key the same values in any network.

    Weights of two or more dimensions are normal with variance 2 / fan-in (He et al. 2015, section 2.2); norms start
    as the identity, biases at zero.  Constants, and weights that are not float32, are no training's work and stay.
    """
    filled = graph.copy()
    for node in graph.nodes:
        for role, key in node.params.items():
            if graph.weights.dtype(key) == np.float32 and node.op.name != "constant":
                filled.weights[key] = _initial(role, key, graph.weights.shape(key), seed)
    return filled


def _initial(role: str, key: str, shape: Shape, seed: int) -> np.ndarray:
    if len(shape) >= 2:
        # seeded by key, so that neither the order of the layers nor other layers matter
        rng = np.random.default_rng((zlib.crc32(key.encode()), seed))
        scale = np.sqrt(2 / np.prod(shape[1:]))
        return rng.standard_normal(shape, np.float32) * np.float32(scale)
    one = role in ("weight", "running_var", "gamma")
    return np.full(shape, one, np.float32)
