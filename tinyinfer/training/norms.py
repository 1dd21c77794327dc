"""Norms that only training has: behind every convolution of a network without any, and folded into it at the end.

SqueezeNet's and VGG's plain layers hardly begin to learn at a rate at which layers with norms do (Ioffe and Szegedy
2015, section 4.2.1); once folded, what is left is the plain network.  In one that has learned already, norms begin by
undoing what they do (section 3: the identity is among what they can represent).
"""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.model import Model
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.portable.fold_batch_norm import can_take, fold_batch_norm

BATCH = 64  # pictures at a time of which layers' results are looked at


def with_norms(graph: Graph, pictures: np.ndarray | None = None) -> Graph:
    """A copy with a batch norm behind every convolution that has a bias; the graph itself if it has norms already.

    Norms begin as the identity of results with mean 0 and variance 1; with ``pictures`` (N, C, H, W), as that of
    results as these have, so that the network computes what it did.
    """
    if any(isinstance(node.op, BatchNorm) for node in graph.nodes):
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    names = {node.name for node in graph.nodes} | set(types)
    layers = [node for node in graph.nodes if isinstance(node.op, Conv2d) and "bias" in node.params]
    layers = [node for node in layers if can_take(node, types[node.outputs[0]])]
    begin = _identities(graph, layers, pictures)
    for layer in layers:
        name = free_name(f"{layer.name}.norm", names)
        names.add(name)
        graph.rename_uses(layer.outputs[0], name)
        params = {role: f"{name}.{role}" for role in begin[layer.name]}
        graph.weights.update({params[role]: value for role, value in begin[layer.name].items()})
        norm = Node(name, BatchNorm(), layer.outputs, (name,), params)
        graph.replace_node(graph.node(layer.name), graph.node(layer.name), norm)
    graph.verify()
    return graph


def _identities(graph: Graph, layers: list[Node], pictures: np.ndarray | None) -> dict[str, dict[str, np.ndarray]]:
    """Parameters by layer with which its norm changes nothing."""
    if pictures is None:
        count = {node.name: len(graph.weights[node.params["bias"]]) for node in layers}
        moments = {name: (np.zeros(n, np.float32), np.ones(n, np.float32)) for name, n in count.items()}
    else:
        moments = _moments(graph, layers, pictures)
    return {
        name: {
            "running_mean": mean, "running_var": var,
            "weight": np.sqrt(var + np.float32(BatchNorm.eps)), "bias": mean.copy(),
        }
        for name, (mean, var) in moments.items()
    }  # fmt: skip


def _moments(graph: Graph, layers: list[Node], pictures: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and variance of each layer's channels, float32."""
    watched = graph.copy()
    watched.outputs = [node.outputs[0] for node in layers]
    model, shown = Model(watched, threads=1), len(pictures)
    sums = {node.name: np.zeros((2, len(graph.weights[node.params["bias"]]))) for node in layers}
    for at in range(0, shown, BATCH):
        values = model.run({graph.inputs[0].name: pictures[at : at + BATCH]})
        for node in layers:
            value = values[node.outputs[0]].astype(np.float64)  # (n, channels, h, w)
            sums[node.name] += [power.mean((2, 3)).sum(0) / shown for power in (value, value**2)]
    return {
        name: (mean.astype(np.float32), np.maximum(square - mean**2, 0).astype(np.float32))
        for name, (mean, square) in sums.items()
    }


def without_norms(trained: Graph, plain: Graph) -> Graph:
    """The ``plain`` graph with the weights that training gave to what `with_norms` made of it."""
    if len(trained.nodes) == len(plain.nodes):
        return trained
    folded = fold_batch_norm(trained)
    result = plain.copy()
    for node in result.nodes:
        theirs = folded.node(node.name)
        result.weights.update({key: folded.weights[theirs.params[role]] for role, key in node.params.items()})
    return result
