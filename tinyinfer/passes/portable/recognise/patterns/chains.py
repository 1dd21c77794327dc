"""Nodes one after the other that are replaced together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node, Operator, TensorType
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.rules import same_at_every_size

Chain = list[tuple[Node, str]]  # nodes and which of their values goes on, the first node first

LONGEST = 12  # nodes in a chain: more than exporters write, and so few that a file of reshapes alone takes no time


def chains(
    editing: Editing,
    node: Node,
    belongs: Callable[[Node], bool],
    shared: Callable[[Chain, str], bool] = lambda chain, value: False,
) -> Iterator[Chain]:
    """All chains that end with a node, the longest first.

    What others read as well is in the middle of one only if it may be ``shared`` by the chain behind it.
    """
    chain: Chain = [(node, node.outputs[0])]
    while len(chain) < LONGEST:
        link = chain[0][0].inputs[0]
        before = editing.producers.get(link)
        if before is None or not before.inputs or not belongs(before):
            break
        if editing.reader(link) is None and (link in editing.outputs or not shared(chain, link)):
            break
        chain.insert(0, (before, link))
    for first in range(len(chain)):
        yield chain[first:]


def gives(kind: TensorType, ops: Sequence[Operator], wanted: TensorType) -> bool:
    """Whether operators, one after the other, make a type of another one, whatever the sizes are."""
    try:
        for op in ops:
            (kind,) = op.infer([kind], {})
    except GraphError:
        return False
    return same_at_every_size(kind, wanted)


def replace_chain(editing: Editing, chain: Chain, ops: Sequence[Operator]) -> None:
    """Put operators in a chain's place; what nothing else reads of it is gone."""
    (first, _), (end, value) = chain[0], chain[-1]
    source = first.inputs[0]
    editing.remove(end)
    for op in ops[:-1]:
        source = editing.insert(op, f"{end.name}:{op.name}", source)
    editing.add(Node(end.name, ops[-1], (source,), (value,)))
    for node, _ in reversed(chain[:-1]):
        if not any(editing.readers(output) or output in editing.outputs for output in node.outputs):
            editing.remove(node)
