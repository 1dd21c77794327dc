"""Remove the nodes that do nothing at inference."""

from __future__ import annotations

from tinyinfer.graph import Graph

IDENTITIES = ("dropout", "identity")


def remove_identity(graph: Graph) -> Graph:
    """A graph without dropout and identity nodes; one whose value is a graph output stays."""
    graph = graph.copy()
    for name in [node.name for node in graph.nodes if node.op.name in IDENTITIES]:
        node = graph.node(name)  # anew, as it may read what stood before another one
        if node.outputs[0] not in graph.outputs:
            graph.replace_node(node)
            graph.rename_uses(node.outputs[0], node.inputs[0])
    return graph
