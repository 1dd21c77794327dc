"""One model over inputs of several shapes, beside the reference."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from tinyinfer.formats.npz import model_file as npz
from tinyinfer.graph import Graph, Shape
from tinyinfer.model import Model


def through_a_file(graph: Graph) -> Graph:
    """The graph as it comes back from a model file."""
    file = io.BytesIO()
    npz.save(file, graph)
    file.seek(0)
    return npz.load(file)[0]


def agree(graph: Graph, shapes: Sequence[Shape], threads: int = 1, seed: int = 0) -> None:
    """Assert that one model of one input gives for all shapes in turn what the reference does."""
    rng = np.random.default_rng(seed)
    fast, slow = Model(graph, threads=threads), Model(graph, kernels="reference")
    for shape in shapes:
        inputs = {graph.inputs[0].name: rng.standard_normal(shape, np.float32)}
        found, expected = fast.run(inputs), slow.run(inputs)
        assert list(found) == list(expected)
        for name, y in expected.items():
            scale = max(1.0, float(np.abs(y).max()))
            np.testing.assert_allclose(found[name] / scale, y / scale, rtol=0, atol=3e-5, err_msg=f"{name!r} {shape}")
