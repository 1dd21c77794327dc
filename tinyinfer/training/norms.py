"""Norms that only training has: behind every convolution of a network without any, and folded into it at the end.

SqueezeNet's and VGG's plain layers hardly begin to learn at a rate at which layers with norms do (Ioffe and Szegedy
2015, section 4.2.1); once folded, what is left is the plain network.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.portable.fold_batch_norm import can_take, fold_batch_norm

BEGIN = {"running_mean": 0.0, "running_var": 1.0, "weight": 1.0, "bias": 0.0}


def with_norms(graph: Graph) -> Graph:
    """A copy with a batch norm behind every convolution that has a bias; the graph itself if it has norms already."""
    if any(isinstance(node.op, BatchNorm) for node in graph.nodes):
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    names = {node.name for node in graph.nodes} | set(types)
    layers = [node for node in graph.nodes if isinstance(node.op, Conv2d) and "bias" in node.params]
    for layer in [node for node in layers if can_take(node, types[node.outputs[0]])]:
        name = free_name(f"{layer.name}.norm", names)
        names.add(name)
        graph.rename_uses(layer.outputs[0], name)
        params = {role: f"{name}.{role}" for role in BEGIN}
        channels = types[layer.outputs[0]].shape[1]
        graph.weights.update({key: np.full(channels, BEGIN[role], np.float32) for role, key in params.items()})
        norm = Node(name, BatchNorm(), layer.outputs, (name,), params)
        graph.replace_node(graph.node(layer.name), graph.node(layer.name), norm)
    graph.verify()
    return graph


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
