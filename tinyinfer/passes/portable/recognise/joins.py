"""Concats that begin as another one does and read its result, as dense networks are built: nothing is copied twice.

Exporters join all features anew in front of each layer of a dense block; its layers together would then copy a number
of channels that grows with the square of their own number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyinfer.graph import Node
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.joining import Concat
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


@dataclass
class _Beginning:
    """The first inputs of some concats, the value that joins just these, and by which inputs they go on."""

    joined: str | None = None
    longer: dict[str, _Beginning] = field(default_factory=dict)


def recognise_joins(editing: Editing) -> None:
    """Let each concat read the longest other one along its dimension that it begins with."""
    beginnings: dict[int, _Beginning] = {}  # by dimension
    nodes = [node for node in editing.in_order() if isinstance(node.op, Concat)]
    for node in nodes:
        at = beginnings.setdefault(_dimension(editing, node), _Beginning())
        for value in node.inputs:
            at = at.longer.setdefault(value, _Beginning())
        at.joined = node.outputs[0]
    for node in nodes:
        _begin(editing, node, beginnings[_dimension(editing, node)])


def _dimension(editing: Editing, node: Node) -> int:
    assert isinstance(node.op, Concat)
    return axis(node.op.dim, len(editing.types[node.outputs[0]].shape))


def _begin(editing: Editing, node: Node, at: _Beginning) -> None:
    joined, length = None, 0
    for count, value in enumerate(node.inputs[:-1], start=1):
        at = at.longer[value]
        if at.joined is not None:
            joined, length = at.joined, count
    if joined is not None and length > 1:
        editing.replace(node, node.replace(inputs=(joined, *node.inputs[length:])))
