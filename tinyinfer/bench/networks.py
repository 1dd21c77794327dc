"""What a benchmark is about: networks by name, file or in hand, and inputs for them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tinyinfer.errors import GraphError, InputError
from tinyinfer.graph import Graph, Shape
from tinyinfer.loading import load
from tinyinfer.model import Model
from tinyinfer.runtime.inputs import random_inputs

Network = str | os.PathLike[str] | Model


def named(networks: Network | Iterable[Network]) -> list[tuple[str, Model]]:
    """Names and models of one network or several.  Raises what `load` does."""
    many = [networks] if isinstance(networks, (str, os.PathLike, Model)) else list(networks)
    return [_named(network) for network in many]


def _named(network: Network) -> tuple[str, Model]:
    if isinstance(network, Model):
        return network.name, network
    return Path(network).name, load(network)


def make_inputs(graph: Graph, batch: int, input_shape: Shape | None = None) -> dict[str, np.ndarray]:
    """Normally distributed inputs for ``batch`` images; raises InputError if the network takes no such shape."""
    shapes = {i.name: (batch, *(i.nominal if input_shape is None else input_shape)[1:]) for i in graph.inputs}
    try:
        graph.infer_types(shapes)
    except GraphError as error:
        raise InputError(f"batch {batch}: {error}") from None
    return random_inputs(graph, shapes)
