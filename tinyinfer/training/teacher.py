"""A trained network that another learns from: its answers and features, without gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tinyinfer.graph import Graph
from tinyinfer.model import Model


class Teacher:
    """Runs a trained network with tinyinfer itself, in half of torch's time; no module, so that nobody trains it.

    ``features`` are the values that are wanted beside the answers.
    """

    def __init__(self, graph: Graph, features: Sequence[str] = ()) -> None:
        self.graph = graph
        graph = graph.copy()
        graph.outputs = [*graph.outputs[:1], *features]
        self._model = Model(graph, threads=1)  # the threads of a run call it side by side

    def __call__(self, x: Tensor) -> list[Tensor]:
        """Logits, then the features, for pictures (N, 3, H, W)."""
        pictures = np.ascontiguousarray(x.detach().numpy())
        values = self._model.run({self._model.graph.inputs[0].name: pictures})
        return [torch.from_numpy(values[name]) for name in self._model.graph.outputs]
