"""Channel and pixel shuffles, and entries picked from either side of one, which files have as reshapes and permutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node, Operator, TensorType
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import Permute
from tinyinfer.ops.movement.pixel_shuffle import PixelShuffle, PixelUnshuffle
from tinyinfer.passes.portable.recognise.editing import Editing
from tinyinfer.passes.portable.recognise.rearrangement import Rearrangement, only_views, picked_entry
from tinyinfer.passes.portable.recognise.rewriting import same_at_every_size

Sizes = Mapping[str, int]
Chain = list[tuple[Node, str]]  # nodes and the value that is followed, the first first

LONGEST = 12  # nodes in a chain: more than exporters write, and so few that a file of reshapes alone takes no time


def _channel_shuffle(of: Sizes) -> list[Operator]:
    return [ChannelShuffle(of["g"])] if type(of["g"]) is int else []


def _pixel_shuffle(of: Sizes) -> list[Operator]:
    return [PixelShuffle(of["r"])] if of["r"] == of["s"] else []


def _pixel_unshuffle(of: Sizes) -> list[Operator]:
    return [PixelUnshuffle(of["r"])] if of["r"] == of["s"] else []


def _depth_to_space(of: Sizes) -> list[Operator]:
    return [ChannelShuffle(of["r"] * of["s"]), *_pixel_shuffle(of)] if of["r"] == of["s"] else []


def _space_to_depth(of: Sizes) -> list[Operator]:
    return [*_pixel_unshuffle(of), ChannelShuffle(of["c"])] if type(of["c"]) is int and of["r"] == of["s"] else []


RULES: Mapping[str, Callable[[Sizes], list[Operator]]] = {
    "n (g c) ... -> n (c g) ...": _channel_shuffle,
    "n (c r s) h w -> n c (h r) (w s)": _pixel_shuffle,
    "n c (h r) (w s) -> n (c r s) h w": _pixel_unshuffle,
    "n (r s c) h w -> n c (h r) (w s)": _depth_to_space,  # TensorFlow's order of channels
    "n c (h r) (w s) -> n (r s c) h w": _space_to_depth,
}


def recognise_shuffles(editing: Editing) -> None:
    """Make chains of nodes that only move elements the shuffle that they are, or the slice."""
    for old in reversed(editing.in_order()):  # parts of a chain may look like something of their own
        node = editing.current(old)
        if node is None or not _moves(node) or len(node.outputs) > 1:
            continue
        for chain in _chains(editing, node):
            ops = _shorter(editing, chain)
            if ops:
                _replace(editing, chain, ops)
                break


def _moves(node: Node) -> bool:
    return isinstance(node.op, Permute) or only_views(node) or node.op.name in ("split", "slice", "index_select")


def _chains(editing: Editing, node: Node) -> Iterator[Chain]:
    """All chains of two or more nodes that end with a node, the longest first.

    What others read as well may be in front of a picked entry alone, as other entries are picked from it.
    """
    chain: Chain = [(node, node.outputs[0])]
    picked = picked_entry(*chain[0], editing.types) is not None
    while len(chain) < LONGEST:
        link = chain[0][0].inputs[0]
        before = editing.producers.get(link)
        if before is None or not _moves(before):
            break
        alone = editing.reader(link) is not None
        if not alone and (link in editing.outputs or not picked or not _feeds_movers(editing, link)):
            break
        chain.insert(0, (before, link))
        picked = picked or picked_entry(before, link, editing.types) is not None
    for first in range(len(chain) - 1):
        yield chain[first:]


def _feeds_movers(editing: Editing, value: str) -> bool:
    return all(_moves(reader) for reader in editing.reading(value))


def _shorter(editing: Editing, chain: Chain) -> list[Operator]:
    """Fewer operators that do what a chain does; none where there are no such."""
    source = chain[0][0].inputs[0]
    moved = Rearrangement(editing.types[source].shape)
    try:
        if not all(moved.follow(node, value, editing.types) for node, value in chain):
            return []
    except GraphError:  # of sizes that are too long to be written
        return []
    kind, wanted = editing.types[source], editing.types[chain[-1][1]]
    return next((ops for ops in _makes(moved) if ops and len(ops) < len(chain) and _gives(kind, ops, wanted)), [])


def _makes(moved: Rearrangement) -> Iterator[list[Operator]]:
    """The operators by which a rearrangement could be had."""
    entry = moved.slice()
    if entry is not None:
        yield [entry]
    for text, make in RULES.items():
        sizes = moved.sizes(text)
        if sizes is not None:
            yield make(sizes)


def _gives(kind: TensorType, ops: Sequence[Operator], wanted: TensorType) -> bool:
    try:
        for op in ops:
            (kind,) = op.infer([kind], {})
    except GraphError:
        return False
    return same_at_every_size(kind, wanted)


def _replace(editing: Editing, chain: Chain, ops: Sequence[Operator]) -> None:
    """Put operators in a chain's place; what nothing else reads of it is gone."""
    (first, _), (end, value) = chain[0], chain[-1]
    source = first.inputs[0]
    editing.remove(end)
    for op in ops[:-1]:
        source = editing.insert(op, source, f"{end.name}:{op.name}")
    editing.add(Node(end.name, ops[-1], (source,), (value,)))
    for node, _ in reversed(chain[:-1]):
        if not any(editing.readers(output) or output in editing.outputs for output in node.outputs):
            editing.remove(node)
