"""Where the parts of each block lie inside it, so that a view that folds and unfolds needs no layout of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinyinfer.drawing.folding import Block, Edges, cards_in, quotient
from tinyinfer.drawing.graph_layout import lay_out

WIDTH, GAP, LANE = 224, 18, 14  # pixels: of a card, between two, of an edge that passes


@dataclass(frozen=True)
class Placed:
    """A block's parts as they lie when all of them are folded.

    ``entry`` and ``exit`` are where edges from outside come in and go out, None where there are none.  They and the
    parts are numbered for ``edges``: parts from 0, then entry, then exit.  An edge is (from, to, centres of the points
    where it passes the layers between).
    """

    block: Block
    x: list[float]
    layer: list[int]
    edges: list[tuple[int, int, list[float]]]
    entry: int | None
    exit: int | None


def blocks_of(root: Block) -> Iterator[Block]:
    """The block and all in it, each before those that it holds."""
    yield root
    for part in root.parts:
        if isinstance(part, Block):
            yield from blocks_of(part)


def place(block: Block, edges: Edges) -> Placed:
    """Lay out the parts of one block of a network with these edges between cards."""
    links = quotient(block.parts, edges)
    readers, fed = _borders(block.parts, edges)
    count = len(block.parts)
    entry = count if readers else None
    exit_ = count + bool(readers) if fed else None
    links += [(count, at) for at in readers] + [(at, count + bool(readers)) for at in fed]
    # what is laid out comes in topological order, so the entry stands first there
    order = ([] if entry is None else [entry]) + list(range(count)) + ([] if exit_ is None else [exit_])
    rank = {item: at for at, item in enumerate(order)}
    layout = lay_out(len(order), [(rank[a], rank[b]) for a, b in links], WIDTH, GAP, LANE)
    back = {at: item for item, at in rank.items()}
    x = [round(layout.x[rank[item]], 1) for item in range(len(order))]
    layer = [layout.layer[rank[item]] for item in range(len(order))]
    lines = [(back[a], back[b], [round(p, 1) for p in passed]) for (a, b), passed in layout.passes.items()]
    return Placed(block, x, layer, lines, entry, exit_)


def _borders(parts: Sequence[int | Block], edges: Edges) -> tuple[list[int], list[int]]:
    """Places of the parts that read from outside, and of those that outside reads."""
    place = {card: at for at, part in enumerate(parts) for card in cards_in(part)}
    readers = {place[b] for a, b in edges if b in place and a not in place}
    fed = {place[a] for a, b in edges if a in place and b not in place}
    return sorted(readers), sorted(fed)
