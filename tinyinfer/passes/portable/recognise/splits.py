"""Slices that cut a value into neighbouring pieces, or deal its channels out in turn: a split."""

from __future__ import annotations

from tinyinfer.graph import Node, Shape
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.joining import IndexSelect, Split
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


def recognise_splits(editing: Editing) -> None:
    """Make slices of a value that together are all of it one split."""
    slices: dict[tuple[str, int], list[Node]] = {}
    for node in editing.in_order():
        if isinstance(node.op, Slice | IndexSelect) and isinstance(node.op.dim, int):
            at = axis(node.op.dim, len(editing.types[node.inputs[0]].shape))
            slices.setdefault((node.inputs[0], at), []).append(node)
    for (value, at), nodes in slices.items():
        if len(nodes) > 1 and type(editing.types[value].shape[at]) is int:
            _join(editing, value, at, nodes)


def _join(editing: Editing, value: str, at: int, nodes: list[Node]) -> None:
    """Put a split in the place of the first slice, if they leave nothing out and share nothing."""
    shape = editing.types[value].shape
    size = shape[at]
    found = [(piece, node) for node in nodes if (piece := _piece(node, at, shape)) is not None]
    pieces = sorted(found, key=lambda found: found[0].start)
    ranges = [piece for piece, _ in pieces]
    if len(found) < len(nodes):
        return
    neighbours = all(piece.step == 1 for piece in ranges) and [i for piece in ranges for i in piece] == [*range(size)]
    in_turn = ranges == [range(size)[first :: len(ranges)] for first in range(len(ranges))]
    if not neighbours and not (in_turn and at == 1 and size % len(ranges) == 0):
        return
    for node in nodes:
        editing.remove(node)
    if not neighbours:
        value = editing.insert(ChannelShuffle(size // len(ranges)), f"{value}:shuffled", value)
    outputs = tuple(node.outputs[0] for _, node in pieces)
    split = Split(tuple(map(len, ranges)), at)
    editing.add(Node(nodes[0].name, split, (value,), outputs))


def _piece(node: Node, at: int, shape: Shape) -> range | None:
    """The entries that a node picks, None if they are in no order."""
    if isinstance(node.op, IndexSelect):
        first, *others = node.op.index
        step = others[0] - first if others else 1
        listed = range(first, first + step * len(node.op.index), step or 1)
        return listed if step > 0 and tuple(listed) == node.op.index else None
    assert isinstance(node.op, Slice)
    return range(shape[at])[node.op.slices(len(shape))[at]]
