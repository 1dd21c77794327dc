"""Which cards of a drawing fold into one: blocks, and rows of blocks that do the same (`tinyinfer.structure`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tinyinfer.structure.folding import Row, fold_pieces, row_name

Edges = Sequence[tuple[int, int]]


@dataclass
class Block:
    """A name and what bears it: cards, by their number, and smaller blocks, each after what it reads."""

    name: str
    parts: list[int | Block] = field(default_factory=list)

    def cards(self) -> list[int]:
        """All cards in it, also in blocks of blocks."""
        return sorted(card for part in self.parts for card in cards_in(part))


def cards_in(part: int | Block) -> list[int]:
    """The cards of a part: the card itself, or those of the block."""
    return [part] if isinstance(part, int) else part.cards()


class _Piece(NamedTuple):
    """A card as it is wired."""

    name: str
    before: tuple[int, ...]
    text: str

    @property
    def main(self) -> str:
        """All that it does."""
        return self.text


def fold(names: Sequence[str], edges: Edges, texts: Sequence[str] = ()) -> Block:
    """The network as one block of blocks; ``names`` of cards 0 .. n - 1, numbered in topological order.

    ``texts`` say what each card does: rows are made of blocks that do the same.  Whichever blocks are folded, what is
    seen has no cycle.
    """
    before: list[list[int]] = [[] for _ in names]
    for a, b in edges:
        before[b].append(a)
    words = texts or [""] * len(names)
    pieces = [_Piece(name, tuple(read), text) for name, read, text in zip(names, before, words, strict=True)]
    entries = {at for at, piece in enumerate(pieces) if not piece.before and piece.text != "constant"}
    exits = set(range(len(names))) - {a for a, _ in edges}
    return Block("", [_part(row) for row in fold_pieces(pieces, entries, exits)])


def _part(row: Row) -> int | Block:
    """A card, a block of cards, or a block of blocks."""
    blocks: list[int | Block] = [
        block.layers[0] if len(block.layers) == 1 else Block(block.name, list(block.layers)) for block in row
    ]
    return blocks[0] if len(row) == 1 else Block(f"{row_name(row)} × {len(row)}", blocks)


def quotient(parts: Sequence[int | Block], edges: Edges) -> list[tuple[int, int]]:
    """Edges between parts, by their places in the list; each once, none from a part to itself."""
    place = {card: at for at, part in enumerate(parts) for card in cards_in(part)}
    found = [(place[a], place[b]) for a, b in edges if a in place and b in place]
    return list(dict.fromkeys((a, b) for a, b in found if a != b))
