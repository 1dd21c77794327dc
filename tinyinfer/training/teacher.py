"""A trained network that another learns from: its answers and features, without gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tinyinfer.bench.torch_peer.graph import TorchGraph
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.fold_batch_norm import fold_batch_norm


class Teacher:
    """Runs a network as it is run when it has been trained; no module, so that nobody trains or saves it.

    ``features`` are the values that are wanted beside the answers.
    """

    def __init__(self, graph: Graph, features: Sequence[str] = ()) -> None:
        self.graph = graph
        graph = graph.copy()
        graph.outputs = [*graph.outputs[:1], *features]
        net = TorchGraph(fold_batch_norm(graph)).to(memory_format=torch.channels_last)
        self._net = net.eval().requires_grad_(False)

    def __call__(self, x: Tensor) -> list[Tensor]:
        """Logits, then the features, for pictures (N, 3, H, W)."""
        with torch.no_grad():
            found = self._net(x)
        return [found] if isinstance(found, Tensor) else list(found)
