"""What the graph view needs of a network, as JSON can hold it; ``graphView`` of graph_view.js draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.drawing.cards import KINDS, Card, Cards
from tinyinfer.drawing.folding import Block, cards_in, fold
from tinyinfer.drawing.placing import GAP, LANE, WIDTH, blocks_of, place
from tinyinfer.pages.document import asset
from tinyinfer.reporting.tables import shape_text

AT_FIRST = 14  # parts that are seen when a page opens, at least: the blocks with most cards are unfolded until then


def graph_view(cards: Cards) -> dict[str, Any]:
    """Cards, and the blocks that they fold into, each with the places of its parts.

    A part is a card's number, or -1 - b for block b; block 0 is the whole network.
    """
    texts = [card.text for card in cards.cards]
    root = fold([card.title for card in cards.cards], cards.edges, texts)
    blocks = list(blocks_of(root))
    number = {id(block): at for at, block in enumerate(blocks)}
    return {
        "cards": [_card(card) for card in cards.cards],
        "edges": cards.edges,
        "blocks": [_block(block, cards, number) for block in blocks],
        "open": sorted(number[id(block)] for block in _opened(root)),
        "size": {"width": WIDTH, "gap": GAP, "lane": LANE},
        "kinds": [[colour, label] for colour, label, _ in KINDS],
    }


def graph_scripts() -> list[str]:
    """JavaScript that defines ``graphView``, for `Page.scripts`."""
    return [asset(__package__, f"graph_{part}.js") for part in ("geometry", "drawing", "controls", "view")]


def graph_styles() -> list[str]:
    """Its CSS, for `Page.styles`."""
    return [asset(__package__, "graph.css")]


def _card(card: Card) -> dict[str, Any]:
    return {
        "title": card.title,
        "text": card.text,
        "shape": shape_text(card.shape),
        "macs": card.macs,
        "colour": card.colour,
        "names": card.names,
    }


def _block(block: Block, cards: Cards, number: dict[int, int]) -> dict[str, Any]:
    placed = place(block, cards.edges)
    inside = block.cards()
    return {
        "name": block.name,
        "parts": [part if isinstance(part, int) else -1 - number[id(part)] for part in block.parts],
        "count": len(inside),
        "macs": sum(cards.cards[card].macs for card in inside),
        "shape": shape_text(cards.cards[inside[-1]].shape),
        "x": placed.x,
        "layer": placed.layer,
        "edges": placed.edges,
        "entry": placed.entry,
        "exit": placed.exit,
    }


def _opened(root: Block) -> Sequence[Block]:
    """The blocks to unfold at first, the network itself among them."""
    opened = [root]
    seen = list(root.parts)
    while len(seen) < AT_FIRST and (blocks := [part for part in seen if isinstance(part, Block)]):
        largest = max(blocks, key=lambda block: len(cards_in(block)))
        seen.remove(largest)
        seen += largest.parts
        opened.append(largest)
    return opened
