"""Equalise the channels between layers, so that one scale fits all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinyinfer.graph import Graph, Node
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.passes.portable.quantize.prepare import prepare

LINEAR = (None, "relu")  # activations a with a(s * x) = s * a(x) for s > 0
BETWEEN = frozenset({"relu", "leaky_relu", "prelu", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "identity"})
LEAST, MOST = 0.01, 100.0  # of a factor: more would only move the trouble from one layer to the other
ROUNDS, SETTLED = 30, 1e-3


@np.errstate(all="ignore")  # weights that are infinite once norms are folded are refused by who quantises them
def equalize(graph: Graph) -> Graph:
    """The simplified graph with weights whose channels are alike on both sides of every value between two layers.

    Where nothing but ReLU, PReLU or pooling stands between two layers, a channel may be divided by any factor above 0
    in the first and multiplied by it in the second: the function stays what it was.  The factor that makes the largest
    weights of both alike is sqrt(r1 / r2) (Nagel et al. 2019, "Data-free quantization through weight equalization and
    bias correction", section 4.1), kept to 0.01 to 100; layers are visited until they change no more.  ReLU6, which
    does not let factors pass, is left alone.  Raises GraphError for a graph that is quantised already.
    """
    graph = prepare(graph)
    pairs = [*_pairs(graph)]
    factors = [np.ones(len(graph.weights[pair.first.params["weight"]])) for pair in pairs]
    for _ in range(ROUNDS):
        change = 0.0
        for i, pair in enumerate(pairs):
            wanted = np.clip(factors[i] * pair.factors(graph), LEAST, MOST)
            pair.apply(graph, wanted / factors[i])
            change = max(change, float(np.abs(np.log(wanted / factors[i])).max()))
            factors[i] = wanted
        if change < SETTLED:
            break
    return graph


@dataclass(frozen=True)
class _Pair:
    """Two layers whose weights can be traded: output channels of the first are input channels of the second."""

    first: Node
    second: Node

    def factors(self, graph: Graph) -> np.ndarray:
        """What to divide each channel by in the first layer; 1 for those that either has no weights for."""
        weight = graph.weights[self.first.params["weight"]]
        r1 = np.abs(weight.reshape(len(weight), -1)).max(axis=1).astype(np.float64)
        r2 = np.abs(self._by_input(graph.weights[self.second.params["weight"]])).max(axis=(1, 3)).reshape(-1)
        used = (r1 > 0) & (r2 > 0)
        return np.where(used, np.sqrt(np.where(used, r1, 1) / np.where(used, r2, 1)), 1.0)

    def apply(self, graph: Graph, factors: np.ndarray) -> None:
        """Divide and multiply."""
        for key in self.first.params.values():
            array = graph.weights[key]
            graph.weights[key] = (array / factors.reshape(-1, *[1] * (array.ndim - 1))).astype(np.float32)
        key = self.second.params["weight"]
        grouped = self._by_input(graph.weights[key]) * factors.reshape(self._groups, 1, -1, 1)
        graph.weights[key] = grouped.reshape(graph.weights.shape(key)).astype(np.float32)

    @property
    def _groups(self) -> int:
        return self.second.op.groups if isinstance(self.second.op, Conv2d) else 1

    def _by_input(self, weight: np.ndarray) -> np.ndarray:
        """(groups, outputs of a group, inputs of a group, taps)."""
        return weight.reshape(self._groups, len(weight) // self._groups, weight.shape[1], -1)


def _pairs(graph: Graph) -> Iterator[_Pair]:
    consumers = graph.consumers()
    uses = [key for node in graph.nodes for key in node.params.values()]
    for first in graph.topological_order():
        if not isinstance(first.op, Conv2d | Linear) or first.op.activation not in LINEAR or len(first.inputs) > 1:
            continue
        second = graph.sole_consumer(first.outputs[0], consumers)
        while second is not None and second.op.name in BETWEEN and len(second.inputs) == 1:
            second = graph.sole_consumer(second.outputs[0], consumers)
        if second is None or type(second.op) is not type(first.op) or second.inputs[1:]:
            continue
        if all(uses.count(key) == 1 for node in (first, second) for key in node.params.values()):
            yield _Pair(first, second)
