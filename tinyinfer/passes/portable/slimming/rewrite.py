"""The graph without the channels that are cut."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph
from tinyinfer.passes.portable.slimming.adjust import adjusted
from tinyinfer.passes.portable.slimming.cut import Cut, cut_weight
from tinyinfer.passes.portable.slimming.follow import Followed


def rewrite(graph: Graph, found: Followed, kept: np.ndarray) -> Graph:
    """The graph of what is ``kept``, by number of channel.  Raises InTheWayError."""
    slim = graph.copy()
    for key, labels in found.labels.items():
        if any(numbers is not None and not kept[numbers].all() for numbers in labels):
            slim.weights[key] = cut_weight(graph.weights[key], labels, kept)
    slim.nodes = [adjusted(Cut(node, found, kept), slim) for node in graph.nodes]
    return slim
