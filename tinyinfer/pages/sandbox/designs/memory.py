"""How much a network has to keep in memory at once while it runs, as its graph is written."""

from __future__ import annotations

from tinyinfer.graph import Graph

# they write over their first input, where nobody else needs it
IN_PLACE = frozenset(
    {"batch_norm", "relu", "relu6", "hardswish", "hardsigmoid", "dropout", "flatten", "add", "mul", "split"}
)


def alive(graph: Graph) -> list[int]:
    """Elements alive at once in each node, in the order in which the network was built; weights apart."""
    types = graph.infer_types()
    uses = dict.fromkeys(types, 0)
    for node in graph.nodes:
        for value in node.inputs:
            uses[value] += 1
    for value in graph.outputs:
        uses[value] += 1
    now = sum(types[i.name].size for i in graph.inputs)
    counts = []
    for node in graph.nodes:
        made = sum(types[value].size for value in node.outputs)
        for value in node.inputs:
            uses[value] -= 1
        freed = sum(types[value].size for value in dict.fromkeys(node.inputs) if uses[value] == 0)
        overwritten = min(made, freed) if node.op.name in IN_PLACE else 0
        counts.append(now + made - overwritten)
        now += made - freed
    return counts
