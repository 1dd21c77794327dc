"""What stands on the tiles of a folded network: those of its rows, and those of the layers inside a block."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinyinfer.drawing.cards import INPUT_COLOUR, colour_of
from tinyinfer.drawing.tile import Tile
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.reporting.tables import millions, shape_text
from tinyinfer.structure.folding import Block, Folded, Row, row_name
from tinyinfer.structure.layers import Layer
from tinyinfer.structure.repeats import Pattern

DETAILED = 24  # layers that a block may have to be drawn from inside
MOST_KINDS = 4  # of blocks that are drawn so

Look = Callable[[Tile, Sequence[Node]], Tile]
Edges = list[tuple[int, int]]


@dataclass(frozen=True)
class Tiles:
    """A folded network with the types of its values and the mult-adds of its nodes.

    ``look`` may change a tile, given the nodes that it stands for.
    """

    graph: Graph
    folded: Folded
    types: Mapping[str, TensorType]
    macs: Mapping[str, int]
    look: Look = lambda tile, nodes: tile

    def kinds(self) -> list[Block]:
        """The first block of each pattern that is worth a look inside: of small ones those that compute most."""
        firsts: dict[Pattern, Block] = {}
        macs: dict[Pattern, int] = {}
        for block in (block for row in self.folded.rows for block in row if 1 < len(block.layers) <= DETAILED):
            firsts.setdefault(block.pattern, block)
            macs[block.pattern] = macs.get(block.pattern, 0) + sum(self.macs[n.name] for n in self.folded.nodes(block))
        most = sorted(firsts, key=lambda pattern: -macs[pattern])[:MOST_KINDS]
        return [block for pattern, block in firsts.items() if pattern in most]

    def marks(self) -> dict[Pattern, str]:
        """A letter for each pattern that is drawn from inside."""
        return {kind.pattern: string.ascii_uppercase[at] for at, kind in enumerate(self.kinds())}

    def overview(self) -> tuple[list[Tile], Edges]:
        """A tile for each input and each row, and which reads which."""
        inputs, marks = self.graph.inputs, self.marks()
        tiles = [self._input(i.name) for i in inputs]
        tiles += [self._row(row, marks.get(row[0].pattern, "")) for row in self.folded.rows]
        place = self.folded.row_of()
        edges = [
            (at, len(inputs) + place[i]) for i, layer in enumerate(self.folded.layers) for at in self._given(layer)
        ]
        return tiles, [*edges, *((a + len(inputs), b + len(inputs)) for a, b in self.folded.edges())]

    def inside(self, block: Block) -> tuple[list[Tile], Edges]:
        """A tile for each layer of a block, below points for what it reads."""
        layers = self.folded.layers
        given = [-1 - at for at, _ in enumerate(self.graph.inputs)]
        reads = {i: [*layers[i].before, *(given[at] for at in self._given(layers[i]))] for i in block.layers}
        outside = sorted(set().union(*reads.values()) - set(block.layers))
        names = ["in"] if len(outside) == 1 else [f"in {at}" for at, _ in enumerate(outside, 1)]
        place = {i: at for at, i in enumerate([*outside, *block.layers])}
        tiles = [Tile(name) for name in names] + [self._layer(layers[i], block.name) for i in block.layers]
        return tiles, [(place[before], place[i]) for i in block.layers for before in reads[i]]

    def _given(self, layer: Layer) -> list[int]:
        """Which of the network's inputs a layer reads."""
        return [at for at, given in enumerate(self.graph.inputs) if given.name in layer.nodes[0].inputs]

    def _input(self, name: str) -> Tile:
        shape = str(self.types[name])
        return Tile(name, "input", shape, stripe=((INPUT_COLOUR, 1.0),), tooltip=f"{name}\ninput {shape}")

    def _row(self, row: Row, mark: str) -> Tile:
        layers = [self.folded.layers[i] for block in row for i in block.layers]
        return self._tile(row_name(row), self.folded.text(row), layers, len(row), mark)

    def _layer(self, layer: Layer, within: str) -> Tile:
        return self._tile(layer.name.removeprefix(f"{within}.").removeprefix(f"{within}/"), layer.text, [layer])

    def _tile(self, title: str, text: str, layers: Sequence[Layer], times: int = 1, mark: str = "") -> Tile:
        nodes = [node for layer in layers for node in layer.nodes]
        macs = sum(self.macs[node.name] for node in nodes)
        shape = shape_text(self.types[nodes[-1].outputs[0]].shape)
        counts = f"{macs:,} mult-adds" if macs else "no mult-adds"
        tooltip = f"{', '.join(node.name for node in nodes)}\n{text}\noutput {shape}\n{counts}"
        end = f"{millions(macs)} M" if macs else ""
        return self.look(Tile(title, text, shape, end, self._stripe(layers), times, mark, tooltip=tooltip), nodes)

    def _stripe(self, layers: Sequence[Layer]) -> tuple[tuple[str, float], ...]:
        """Colours by what operators do, as long as their mult-adds are many."""
        counts: dict[str, int] = {}
        for layer in layers:
            macs = sum(self.macs[node.name] for node in layer.nodes)
            counts[colour_of(layer.kind)] = counts.get(colour_of(layer.kind), 0) + macs
        total = sum(counts.values())
        if not total:
            return ((colour_of(layers[0].kind), 1.0),)
        return tuple((colour, count / total) for colour, count in counts.items() if count)
