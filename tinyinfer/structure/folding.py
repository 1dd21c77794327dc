"""A network folded to its blocks, and blocks that repeat to rows: what a drawing shows of it first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tinyinfer.graph import Graph, Node
from tinyinfer.structure.blocks import below_prefixes, find_blocks
from tinyinfer.structure.layers import Layer, counted, find_layers
from tinyinfer.structure.repeats import Pattern, pattern, rows
from tinyinfer.structure.wiring import Group, Piece, Wiring


@dataclass(frozen=True)
class Block:
    """Layers that belong together, by position and in order; ``name`` is a prefix of their names, or a node's name.

    A layer in no block of several is one by itself.  ``pattern`` is the same for blocks that do the same, whatever
    their numbers of channels.
    """

    name: str
    layers: Group
    pattern: Pattern


Row = tuple[Block, ...]


@dataclass(frozen=True)
class Folded:
    """A network as rows: blocks that do the same, one after the other.  Each row stands behind what it reads."""

    layers: list[Layer]
    rows: list[Row]

    def nodes(self, block: Block) -> list[Node]:
        """The nodes of a block, in order."""
        return [node for i in block.layers for node in self.layers[i].nodes]

    def text(self, row: Row) -> str:
        """What one block of a row does: a layer's text, or its layers counted."""
        layers = [self.layers[i] for i in row[0].layers]
        return layers[0].text if len(layers) == 1 else counted(layers)

    def row_of(self) -> dict[int, int]:
        """The row that each layer is in."""
        return {i: at for at, row in enumerate(self.rows) for block in row for i in block.layers}

    def edges(self) -> list[tuple[int, int]]:
        """Which row is read by which, each pair once."""
        row = self.row_of()
        pairs = ((row[before], row[i]) for i, layer in enumerate(self.layers) for before in layer.before)
        return list(dict.fromkeys((a, b) for a, b in pairs if a != b))


def fold(graph: Graph) -> Folded:
    """The layers of a graph, folded to blocks, and these to rows.  Raises GraphError."""
    layers = find_layers(graph)
    inputs, outputs = {i.name for i in graph.inputs}, set(graph.outputs)
    entries = {at for at, layer in enumerate(layers) if not inputs.isdisjoint(layer.nodes[0].inputs)}
    exits = {at for at, layer in enumerate(layers) for node in layer.nodes if not outputs.isdisjoint(node.outputs)}
    return Folded(layers, fold_pieces(layers, entries, exits))


def fold_pieces(layers: Sequence[Piece], entries: AbstractSet[int], exits: AbstractSet[int]) -> list[Row]:
    """The rows of layers, or of what else is wired (`Wiring`)."""
    wiring = Wiring(layers, entries, exits)
    # the shortest prefix that means the same layers
    names = {group: prefix for prefix, group in reversed(below_prefixes(layers).items()) if len(group) > 1}

    def block(group: Group) -> Block:
        return Block(names.get(group, layers[group[-1]].name), group, pattern(layers, group))

    return [tuple(map(block, row)) for row in rows(layers, wiring, find_blocks(layers, wiring))]


def row_name(row: Sequence[Block]) -> str:
    """The names of a row's blocks in one: "layer3.1-5"."""
    first, last = row[0].name, row[-1].name
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    while same > 0 and first[same - 1].isdigit():
        same -= 1
    return first if len(row) == 1 else f"{first}-{last[same:]}"
