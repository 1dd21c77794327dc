"""Which cards of a drawing fold into one: blocks in blocks, by the names that networks give their layers.

``features.2.conv.0`` and ``features.2.conv.1`` belong to the block ``features.2.conv``, a part of ``features.2``.
Where names say nothing, what lies between two cards that all paths pass is a block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Edges = Sequence[tuple[int, int]]

FEW = 8  # cards that are seen at a glance: blocks inside a block of so few are none
MANY = 24  # parts from which on a level without names is cut into blocks
WHOLE = 0.8  # of all cards: a block that holds more of them hides the network


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


def fold(names: Sequence[str], edges: Edges) -> Block:
    """The network as one block of blocks; ``names`` of cards 0 .. n - 1, numbered in topological order.

    Whichever blocks are folded, what is seen has no cycle.
    """
    root = _by_name(names)
    root.parts = list(_without_hulls(root.parts, WHOLE * len(names)))
    _simplify(root)
    _break_cycles(root, edges)
    if len(root.parts) > MANY:
        root.parts = _between_cuts(root.parts, edges, names)
    return root


def quotient(parts: Sequence[int | Block], edges: Edges) -> list[tuple[int, int]]:
    """Edges between parts, by their places in the list; each once, none from a part to itself."""
    place = {card: at for at, part in enumerate(parts) for card in cards_in(part)}
    found = [(place[a], place[b]) for a, b in edges if a in place and b in place]
    return list(dict.fromkeys((a, b) for a, b in found if a != b))


def _by_name(names: Sequence[str]) -> Block:
    """A block for each beginning that names share."""
    root = Block("")
    blocks: dict[tuple[str, ...], Block] = {(): root}
    for card, name in enumerate(names):
        words = [word for word in re.split(r"[./]", name) if word]
        for depth in range(1, len(words)):
            path = tuple(words[:depth])
            if path not in blocks:
                blocks[path] = Block(".".join(path))
                blocks[path[:-1]].parts.append(blocks[path])
        blocks[tuple(words[:-1])].parts.append(card)
    return root


def _without_hulls(parts: Sequence[int | Block], most: float) -> Iterator[int | Block]:
    """The parts, but of blocks that hold more than ``most`` cards what is in them."""
    for part in parts:
        if isinstance(part, Block) and len(part.cards()) > most:
            yield from _without_hulls(part.parts, most)
        else:
            yield part


def _simplify(block: Block) -> None:
    """Leave out blocks of a single part, and those inside a block of few cards."""
    parts: list[int | Block] = []
    for part in block.parts:
        if isinstance(part, Block):
            _simplify(part)
            if len(part.parts) == 1:
                name, part = part.name, part.parts[0]
                if isinstance(part, Block):
                    part.name = name
            elif len(part.cards()) <= FEW:
                part.parts = list(part.cards())
        parts.append(part)
    block.parts = parts


def _break_cycles(block: Block, edges: Edges) -> None:
    """Open blocks that would both feed and be fed by another part, and bring all parts into topological order."""
    while True:
        order, stuck = _sorted(block.parts, edges)
        if not stuck:
            break
        opened: list[int | Block] = []
        for at, part in enumerate(block.parts):
            opened += part.parts if isinstance(part, Block) and at in stuck else [part]
        block.parts = opened
    block.parts = [block.parts[at] for at in order]
    for part in block.parts:
        if isinstance(part, Block):
            _break_cycles(part, edges)


def _sorted(parts: Sequence[int | Block], edges: Edges) -> tuple[list[int], set[int]]:
    """Places of the parts in topological order, earliest cards first, and of those on cycles or between two."""
    links = quotient(parts, edges)
    first = [min(cards_in(part)) for part in parts]
    waiting = {at: {a for a, b in links if b == at} for at in range(len(parts))}
    order: list[int] = []
    while ready := [at for at, before in waiting.items() if not before]:
        at = min(ready, key=first.__getitem__)
        order.append(at)
        del waiting[at]
        for before in waiting.values():
            before.discard(at)
    return order, _with_successors(set(waiting), links)


def _with_successors(places: set[int], links: Edges) -> set[int]:
    """Those of the places from which links lead on among them without an end."""
    while ends := places - {a for a, b in links if a in places and b in places}:
        places = places - ends
    return places


def _between_cuts(parts: list[int | Block], edges: Edges, names: Sequence[str]) -> list[int | Block]:
    """Parts in which two or more between cuts, with the cut that ends them, are a block."""
    links = quotient(parts, edges)
    cuts = [at for at in range(len(parts)) if not any(a < at < b for a, b in links)]
    found: list[int | Block] = []
    start = 0
    for cut in cuts:
        region = parts[start : cut + 1]
        if len(region) > 2:
            first, last = (names[cards_in(part)[0]] for part in (region[0], region[-1]))
            found.append(Block(f"{first} to {last}", region))
        else:
            found += region
        start = cut + 1
    return found + parts[start:]
