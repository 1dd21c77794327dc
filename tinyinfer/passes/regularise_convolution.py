"""Write an irregular convolution as the regular one, with a larger kernel, that computes the same."""

from __future__ import annotations

from tinyinfer.graph import Graph
from tinyinfer.ops.irregular_conv2d import IrregularConv2d


def regularise_convolution(graph: Graph) -> Graph:
    """A graph in which irregular convolutions are conv2d nodes, for which there are fast kernels.

    Those padded by "same" stay, as their padding depends on the size of the image.
    """
    graph = graph.copy()
    for node in [node for node in graph.nodes if isinstance(node.op, IrregularConv2d)]:
        assert isinstance(node.op, IrregularConv2d)
        if node.op.padding == "same":
            continue
        conv, kernel = node.op.regular(graph.param_arrays(node), (0, 0))
        key = f"{node.name}.weight:regular"
        graph.weights[key] = kernel
        params = {role: k for role, k in node.params.items() if role == "bias"} | {"weight": key}
        graph.replace_node(node, node.replace(op=conv, params=params))
    graph.remove_dead()
    return graph
