"""Blocks hold every card once, and whichever of them are folded, what is seen can be read from top to bottom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import models
from tinyinfer.drawing.cards import cards_of
from tinyinfer.drawing.folding import Block, cards_in, fold, quotient
from tinyinfer.drawing.placing import blocks_of, place


@st.composite
def named_networks(draw):
    """Names with one to three words, and edges from earlier to later cards."""
    count = draw(st.integers(1, 24))
    word = st.sampled_from("abc")
    names = [".".join([*draw(st.lists(word, max_size=2)), str(i)]) for i in range(count)]
    edges = [(draw(st.integers(0, b - 1)), b) for b in range(1, count)]
    edges += [(draw(st.integers(0, b - 1)), b) for b in range(2, count) if draw(st.booleans())]
    return names, edges


def seen(parts, folded):
    for part in parts:
        if isinstance(part, Block) and id(part) not in folded:
            yield from seen(part.parts, folded)
        else:
            yield part


def has_cycle(parts, edges) -> bool:
    links = quotient(parts, edges)
    left = set(range(len(parts)))
    while ends := {at for at in left if not any(a == at and b in left for a, b in links)}:
        left -= ends
    return bool(left)


@given(named_networks(), st.data())
def test_whatever_is_folded_there_is_no_cycle(network, data):
    names, edges = network
    root = fold(names, edges)
    assert root.cards() == list(range(len(names)))
    inner = list(blocks_of(root))[1:]
    folded = {id(block) for block in inner if data.draw(st.booleans())}
    assert not has_cycle(list(seen(root.parts, folded)), edges)


@given(named_networks())
def test_parts_come_after_what_they_read(network):
    names, edges = network
    for block in blocks_of(fold(names, edges)):
        assert all(a < b for a, b in quotient(block.parts, edges))
        placed = place(block, edges)
        assert len(placed.x) == len(block.parts) + (placed.entry is not None) + (placed.exit is not None)
        assert {(a, b) for a, b, _ in placed.edges} >= set(quotient(block.parts, edges))


def test_names_say_what_a_block_is():
    names = ["input", *(f"features.{i}.conv.{j}" for i in range(3) for j in range(4)), "classifier"]
    edges = [(i, i + 1) for i in range(len(names) - 1)]

    def words(root: Block) -> list[str]:
        return [part.name if isinstance(part, Block) else names[part] for part in root.parts]

    assert words(fold(names, edges)) == ["input", "features.0-2 × 3", "classifier"]
    assert words(fold(names, edges, names)) == ["input", "features.0", "features.1", "features.2", "classifier"]
    (row,) = (part for part in fold(names, edges).parts if isinstance(part, Block))
    assert [(block.name, len(block.parts)) for block in row.parts if isinstance(block, Block)] == [
        ("features.0", 4), ("features.1", 4), ("features.2", 4),
    ]  # fmt: skip


def test_without_names_branches_fold():
    chain, edges = 0, []
    for _ in range(10):  # a card, two branches, a card that joins them
        edges += [(chain, chain + 1), (chain, chain + 2), (chain + 1, chain + 3), (chain + 2, chain + 3)]
        chain += 3
    root = fold([f"node_{i}" for i in range(chain + 1)], edges)
    assert [len(cards_in(part)) for part in root.parts] == [1, 30]
    assert [len(cards_in(part)) for part in root.parts[1].parts] == [3] * 10


def test_blocks_that_would_feed_each_other_are_opened():
    root = fold(["a.0", "b.0", "a.1", "b.1"], [(0, 1), (1, 2), (2, 3)])
    assert root.parts == [0, 1, 2, 3]


def test_real_networks_fold_to_a_screen():
    for name in ("mobilenet_v2", "densenet121", "googlenet", "ghostnet_100"):
        graph = models.build(name)
        cards = cards_of(graph, graph.infer_types(), dict.fromkeys((node.name for node in graph.nodes), 0))
        assert (
            len(fold([card.title for card in cards.cards], cards.edges, [card.text for card in cards.cards]).parts)
            <= 25
        )
