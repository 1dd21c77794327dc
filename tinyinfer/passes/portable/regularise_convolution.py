"""Write an irregular convolution as the regular one, with a larger kernel, that computes the same."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import Graph, free_name
from tinyinfer.ops.convolution.irregular_conv2d import IrregularConv2d
from tinyinfer.weights import Derived, Weights


def regularise_convolution(graph: Graph) -> Graph:
    """A graph in which irregular convolutions are conv2d nodes, for which there are fast kernels.

    Those whose padding has a name stay, as it depends on the size of the image.
    """
    graph = graph.copy()
    for node in [node for node in graph.nodes if isinstance(node.op, IrregularConv2d)]:
        assert isinstance(node.op, IrregularConv2d)
        if isinstance(node.op.padding, str):
            continue
        conv, kernel = node.op.regular(graph.param_arrays(node), (0, 0))
        key = free_name(f"{node.name}.weight:regular", graph.weights)
        graph.weights[key] = Derived(kernel.shape, _regular, graph.param_arrays(node), (node.op,))
        params = {role: k for role, k in node.params.items() if role == "bias"} | {"weight": key}
        graph.replace_node(node, node.replace(op=conv, params=params))
    graph.remove_dead()
    return graph


def _regular(p: Weights, op: IrregularConv2d) -> np.ndarray:
    return op.regular(p, (0, 0))[1]
