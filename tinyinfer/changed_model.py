"""A model with another graph that was made of its own: the same options and what is still true of it."""

from __future__ import annotations

from typing import Any

from tinyinfer.graph import Graph
from tinyinfer.model import Model

STALE = ("accuracy", "checksum")  # metadata that was measured of the graph as it was


def like(model: Model, graph: Graph) -> Model:
    """A verified graph with the metadata, the threads, the kernels and the fusion of a model."""
    asked = model.options
    return Model(graph, model.meta, asked.threads, asked.kernels, asked.fuse, verified=True)


def changed(model: Model, graph: Graph, **done: Any) -> Model:
    """What a model has become: its metadata says what was ``done``, and no longer what was measured before."""
    kept = {key: value for key, value in model.meta.items() if key not in STALE}
    asked = model.options
    return Model(graph, {**kept, **done}, asked.threads, asked.kernels, asked.fuse)
