"""Channels dealt out to several values: ShuffleNet V2 as its authors wrote it, every second channel to a branch.

Files have a reshape, a permute and a reshape, which put the branch first of all dimensions, and pick one branch each.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinyinfer.graph import Node
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import Squeeze
from tinyinfer.passes.portable.recognise.editing import Editing
from tinyinfer.passes.portable.recognise.matching import Match, Matcher
from tinyinfer.passes.portable.recognise.shuffles import MOVED, order_of, same_size


def recognise_dealt_channels(editing: Editing) -> None:
    """Make of such nodes a channel shuffle, and of what picks the branches slices of channels."""
    matcher = Matcher(editing)
    for node in editing.in_order():
        for match in matcher.match(MOVED, node) if node in editing and node.op.name in MOVED.roots else ():
            picks = _branches(editing, match)
            if picks:
                _shuffle(editing, match, picks)
                break


def _branches(editing: Editing, match: Match) -> list[tuple[int, Node, Node]] | None:
    """The number of each branch that is picked, the slice that does so, and the squeeze; None for anything else."""
    x, table, dealt = match.shape("x"), match.shape("table"), match.result.shape
    order = order_of(match.node("moved"))
    if len(x) < 2 or len(dealt) != len(x) + 1 or order != (1, 0, *range(2, len(table))):
        return None
    count, channels = dealt[0], dealt[2]
    wanted = (x[0], channels * count, *x[2:])
    counts = type(count) is type(channels) is int and same_size(table[1], count)
    if not counts or not all(map(same_size, wanted, (dealt[1], *x[1:]))) or not all(map(same_size, dealt[3:], x[2:])):
        return None
    picks = list(_picks(editing, match.root.outputs[0], count))
    readers = editing.readers(match.root.outputs[0])
    alone = match.root.outputs[0] not in editing.outputs
    return picks if alone and len(picks) == len(readers) else None


def _picks(editing: Editing, value: str, count: int) -> Iterator[tuple[int, Node, Node]]:
    for node in map(editing.named, editing.readers(value)):
        reader = editing.reader(node.outputs[0])
        if not isinstance(node.op, Slice) or reader is None or not isinstance(reader.op, Squeeze):
            continue
        rank = len(editing.types[value].shape)
        cuts, gone = node.op.cuts(rank), [axis(dim, rank) for dim in reader.op.dim]
        if list(cuts) == gone == [0] and len(range(count)[cuts[0]]) == 1:
            yield range(count)[cuts[0]][0], node, reader


def _shuffle(editing: Editing, match: Match, picks: list[tuple[int, Node, Node]]) -> None:
    x, channels = match["x"], match.result.shape[2]
    value = match.root.outputs[0]
    for node in match.nodes:
        editing.remove(node)
    editing.types[value] = editing.types[x]
    editing.add(Node(match.root.name, ChannelShuffle(channels), (x,), (value,)))
    for number, node, squeeze in picks:
        editing.remove(squeeze)
        part = Slice(1, number * channels, (number + 1) * channels)
        editing.replace(node, node.replace(op=part, outputs=squeeze.outputs))
