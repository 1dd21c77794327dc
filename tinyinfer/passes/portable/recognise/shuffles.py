"""Channel and pixel shuffles, and entries picked from either side of one, which files have as reshapes and permutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node, Operator
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import Permute
from tinyinfer.ops.movement.pixel_shuffle import PixelShuffle, PixelUnshuffle
from tinyinfer.passes.portable.recognise.patterns.chains import Chain, chains, gives, replace_chain
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.rearrangement import Rearrangement, only_views, picked_entry

Sizes = Mapping[str, int]


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

    def shared(chain: Chain, value: str) -> bool:
        """Whether a value is one that several entries are picked from."""
        picked = any(picked_entry(node, output, editing.types) for node, output in chain)
        return picked and all(_moves(reader) for reader in editing.reading(value))

    for old in reversed(editing.in_order()):  # parts of a chain may look like something of their own
        node = editing.current(old)
        if node is None or not _moves(node) or len(node.outputs) > 1:
            continue
        for chain in chains(editing, node, _moves, shared):
            ops = _shorter(editing, chain)
            if ops:
                replace_chain(editing, chain, ops)
                break


def _moves(node: Node) -> bool:
    return isinstance(node.op, Permute) or only_views(node) or node.op.name in ("split", "slice", "index_select")


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
    return next((ops for ops in _makes(moved) if ops and len(ops) < len(chain) and gives(kind, ops, wanted)), [])


def _makes(moved: Rearrangement) -> Iterator[list[Operator]]:
    """The operators by which a rearrangement could be had."""
    entry = moved.slice()
    if entry is not None:
        yield [entry]
    for text, make in RULES.items():
        sizes = moved.sizes(text)
        if sizes is not None:
            yield make(sizes)
