"""Reshapes, permutes, slices, expands and sums that do nothing, follow one another, or are a flatten."""

from __future__ import annotations

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node
from tinyinfer.ops.arithmetic.elementwise import Arithmetic
from tinyinfer.ops.movement.joining import Permute
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.movement.repeating import Expand, Tile
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import Flatten, View
from tinyinfer.ops.pooling.pooling import AvgPool2d, MaxPool2d
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.rearrangement import order_of
from tinyinfer.passes.portable.recognise.patterns.rules import same_at_every_size

NEUTRAL = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0, "pow": 1.0}


def recognise_views(editing: Editing) -> None:
    """Let no view, permute or slice read another one, or give its input back."""
    for old in editing.in_order():
        node = editing.current(old)
        assert node is not None
        leave_out_views(editing, node)


def leave_out_views(editing: Editing, node: Node) -> None:
    """Let a node read what the view, permute or slice before it reads, or leave it out if it does nothing."""
    node = _flattened(editing, _past_views(editing, _past_expands(editing, node)))
    if _idle(editing, node):
        editing.bypass(node, node.inputs[0])
    elif (given := _unchanged_operand(editing, node)) is not None:
        editing.bypass(node, given)


def _past_views(editing: Editing, node: Node) -> Node:
    """The view, permute or slice, reading what the one before it reads."""
    before = editing.producers.get(node.inputs[0]) if node.inputs else None
    if before is None or before.op.name in ("dropout", "identity") or node.op.name in ("dropout", "identity"):
        return node
    passed = node
    if isinstance(node.op, Permute) and isinstance(before.op, Permute):
        first = order_of(before)
        passed = node.replace(op=Permute(tuple(first[axis] for axis in order_of(node))), inputs=before.inputs)
    elif isinstance(node.op, View) and isinstance(before.op, View) and _gives_the_same(editing, node, before.inputs[0]):
        passed = node.replace(inputs=before.inputs)
    elif isinstance(node.op, Slice) and isinstance(before.op, Slice):
        passed = _sliced_at_once(editing, node, before)
    if passed is not node:
        editing.replace(node, passed)
    return passed


def _past_expands(editing: Editing, node: Node) -> Node:
    """The arithmetic, reading what was expanded to a shape that it broadcasts to itself, as the gates of many are."""
    if not isinstance(node.op, Arithmetic):
        return node
    for at, value in enumerate(node.inputs):
        before = editing.producers.get(value)
        if before is not None and isinstance(before.op, Expand):
            inputs = (*node.inputs[:at], before.inputs[0], *node.inputs[at + 1 :])
            (found,) = node.op.infer([editing.types[given] for given in inputs], {})
            if same_at_every_size(found, editing.types[node.outputs[0]]):
                wider, node = node, node.replace(inputs=inputs)
                editing.replace(wider, node)
    return node


def _sliced_at_once(editing: Editing, node: Node, before: Node) -> Node:
    """A slice that also cuts the other dimensions that the slice before it cuts, if that has no other use."""
    rank = len(editing.types[node.inputs[0]].shape)
    assert isinstance(node.op, Slice)
    assert isinstance(before.op, Slice)
    cuts = before.op.cuts(rank) | node.op.cuts(rank)
    apart = len(cuts) == len(before.op.cuts(rank)) + len(node.op.cuts(rank))
    others = [reader for reader in editing.reading(before.outputs[0]) if not isinstance(reader.op, Slice)]
    if not apart or others or before.outputs[0] in editing.outputs:
        return node
    dims = tuple(sorted(cuts))
    starts, ends, steps = zip(*((cuts[at].start, cuts[at].stop, cuts[at].step) for at in dims), strict=True)
    return node.replace(op=Slice(dims, starts, ends, steps), inputs=before.inputs)


def _gives_the_same(editing: Editing, view: Node, value: str) -> bool:
    """Whether a view makes of another value what it makes of its own input."""
    assert isinstance(view.op, View)
    try:
        found = view.op.infer([editing.types[value]], {})[0]
    except GraphError:
        return False
    return same_at_every_size(found, editing.types[view.outputs[0]])


def _flattened(editing: Editing, node: Node) -> Node:
    """A flatten in place of a view that is one: all but the batch in a row."""
    if not isinstance(node.op, View) or node.op.name in ("dropout", "identity", "flatten"):
        return node
    value, kind = editing.types[node.inputs[0]], editing.types[node.outputs[0]]
    if len(value.shape) <= 2 or not same_at_every_size(Flatten(1).infer([value], {})[0], kind):
        return node
    flat = node.replace(op=Flatten(1))
    editing.replace(node, flat)
    return flat


def _unchanged_operand(editing: Editing, node: Node) -> str | None:
    """The operand of an operation that the other one, a number, leaves as it is: beta = 1 of a swish, say."""
    neutral = NEUTRAL.get(node.op.name)
    if neutral is None or getattr(node.op, "activation", None) or getattr(node.op, "rounding_mode", None):
        return None
    for value, other in (node.inputs, node.inputs[::-1]):
        in_order = value == node.inputs[0] or node.op.name in ("add", "mul")
        if in_order and editing.number(other) == neutral and _same(editing, value, node.outputs[0]):
            return value
    return None


def _same(editing: Editing, a: str, b: str) -> bool:
    return same_at_every_size(editing.types[a], editing.types[b])


def _idle(editing: Editing, node: Node) -> bool:
    """Whether a node hands on its input; dropout and identity do too, but tell what a network was trained with."""
    op = node.op
    if isinstance(op, Permute):
        return list(order_of(node)) == sorted(order_of(node))
    if isinstance(op, Pad):
        return not any(op.pad)
    if isinstance(op, MaxPool2d | AvgPool2d):
        alone = op.kernel_size == op.stride == (1, 1) and op.padding in ("same", (0, 0, 0, 0))
        return alone and getattr(op, "divisor_override", None) in (None, 1)
    if isinstance(op, Slice) and any(
        cut.step != 1 for cut in op.cuts(len(editing.types[node.inputs[0]].shape)).values()
    ):
        return False
    if not isinstance(op, View | Expand | Tile | Slice) or op.name in ("dropout", "identity"):
        return False
    return _same(editing, node.inputs[0], node.outputs[0])
