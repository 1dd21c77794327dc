"""Slices that cut a value into neighbouring pieces: a split."""

from __future__ import annotations

from tinyinfer.graph import Node
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.joining import Split
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.passes.portable.recognise.editing import Editing


def recognise_splits(editing: Editing) -> None:
    """Make slices of a value that together are all of it one split."""
    slices: dict[tuple[str, int], list[Node]] = {}
    for node in editing.in_order():
        if isinstance(node.op, Slice) and isinstance(node.op.dim, int):
            slices.setdefault((node.inputs[0], node.op.dim), []).append(node)
    for nodes in slices.values():
        if len(nodes) > 1:
            _join(editing, nodes)


def _join(editing: Editing, nodes: list[Node]) -> None:
    """Put a split in the place of the first slice, if they leave nothing out and share nothing."""
    shape = editing.types[nodes[0].inputs[0]].shape
    op = nodes[0].op
    assert isinstance(op, Slice)
    assert isinstance(op.dim, int)
    at = axis(op.dim, len(shape))
    if type(shape[at]) is not int:
        return
    pieces = sorted(((_piece(node, at, shape[at]), node) for node in nodes), key=lambda found: found[0].start)
    ranges = [piece for piece, _ in pieces]
    if any(piece.step != 1 for piece in ranges) or [i for piece in ranges for i in piece] != list(range(shape[at])):
        return
    for node in nodes:
        editing.remove(node)
    outputs = tuple(node.outputs[0] for _, node in pieces)
    editing.add(nodes[0].replace(op=Split(tuple(map(len, ranges)), at), outputs=outputs))


def _piece(node: Node, at: int, size: int) -> range:
    assert isinstance(node.op, Slice)
    return range(size)[node.op.cuts(at + 1)[at]]
