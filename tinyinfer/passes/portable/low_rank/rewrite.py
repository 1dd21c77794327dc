"""Put factorised layers into a graph."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.passes.portable.low_rank.forms import Form


def decompose(graph: Graph, forms: Mapping[str, Form]) -> Graph:
    """A graph whose layers of these names are in these forms.

    The last part keeps the layer's name, output, bias and residual; those before it are called by it and their role.
    """
    graph = graph.copy()
    for name, form in forms.items():
        node = graph.node(name)
        graph.replace_node(node, *_nodes(graph, node, form))
    graph.remove_dead()
    return graph


def _nodes(graph: Graph, node: Node, form: Form) -> list[Node]:
    nodes: list[Node] = []
    used = {other.name for other in graph.nodes} | {value for other in graph.nodes for value in other.outputs}
    used |= {i.name for i in graph.inputs}
    x, *residual = node.inputs
    parts, weights = form.parts, form.factorization.weights(form.ranks)
    for part, weight in zip(parts, weights, strict=True):
        key = free_name(f"{node.name}.{part.role}.weight", graph.weights)
        graph.weights[key] = weight
        if part is parts[-1]:
            params = {**node.params, "weight": key}
            nodes.append(node.replace(op=part.op, inputs=(x, *residual), params=params, origin=()))
        else:
            name = free_name(f"{node.name}.{part.role}", used)
            nodes.append(Node(name, part.op, (x,), (name,), {"weight": key}))
            x = name
    return nodes
