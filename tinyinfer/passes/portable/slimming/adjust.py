"""Operators after the cut: groups, sections, bounds and shapes that fit fewer channels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.base import Op
from tinyinfer.ops.convolution.shift import SparseShift
from tinyinfer.ops.movement.joining import IndexSelect, Split
from tinyinfer.ops.movement.repeating import Expand
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import Reshape
from tinyinfer.passes.portable.slimming.channels import movement
from tinyinfer.passes.portable.slimming.channels.channel_maps import CHANNEL_MAPS
from tinyinfer.passes.portable.slimming.cut import Cut


class InTheWayError(Exception):
    """There is no operator that does what this node does with the channels that are left."""

    def __init__(self, node: Node) -> None:
        super().__init__(node.name)
        self.node = node


def adjusted(cut: Cut, slim: Graph) -> Node:
    """The node for the channels that stay; weights that it needs anew are put into ``slim``.  Raises InTheWayError."""
    if cut.nothing_goes:
        return cut.node
    name = cut.op.name
    if CHANNEL_MAPS.get(name) in (movement.moved, movement.of_one):
        return cut.node.replace(op=_mover(cut))
    return _ADJUST[name](cut, slim) if name in _ADJUST else cut.node


def _grouped(cut: Cut, _: Graph) -> Node:
    """A depthwise layer has as many groups as channels."""
    channels, stays = cut.inputs[0].shape[1], cut.stays(cut.inputs[0])
    depthwise = cut.op.groups == channels > 1
    return cut.node.replace(op=dataclasses.replace(cut.op, groups=int(stays.sum()))) if depthwise else cut.node


def _scale_shift(cut: Cut, _: Graph) -> Node:
    stays = cut.stays(cut.inputs[0])
    values = {
        role: tuple(np.compress(stays, array).tolist()) if len(array) > 1 else array
        for role, array in (("scale", cut.op.scale), ("shift", cut.op.shift))
    }
    return cut.node.replace(op=dataclasses.replace(cut.op, **values))


def _shift(cut: Cut, slim: Graph) -> Node:
    """Displacements are dealt out by number of channel: those that stay are written down."""
    moves = cut.op.displacements(cut.inputs[0].shape[1], {})[cut.stays(cut.inputs[0])]
    key = free_name(f"{cut.node.name}.offset", slim.weights)
    slim.weights[key] = moves.astype(np.float32)
    return cut.node.replace(op=SparseShift(), params={"offset": key})


def _pad(cut: Cut, _: Graph) -> Node:
    """As many channels in front and behind as are left of those there."""
    (x,), (y,), op = cut.inputs, cut.outputs, cut.op
    assert x.channels is not None
    axis, stays = x.channels.axis, cut.stays(y)
    widths = op.widths(len(x.shape))
    front, back = widths[axis]
    outside = cut.stays(x)
    widths[axis] = (
        int(stays[: max(front, 0)].sum()) - int(outside[: max(-front, 0)].sum()),
        int(stays[len(stays) - max(back, 0) :].sum()) - int(outside[len(outside) - max(-back, 0) :].sum()),
    )
    sides = [side for pair in widths for side in pair]
    return cut.node.replace(op=dataclasses.replace(op, pad=tuple(sides)))


_ADJUST: dict[str, Callable[[Cut, Graph], Node]] = {
    "conv2d": _grouped,
    "conv_transpose2d": _grouped,
    "deform_conv2d": _grouped,
    "irregular_conv2d": _grouped,
    "scale_shift": _scale_shift,
    "shift": _shift,
    "pad": _pad,
}


def _mover(cut: Cut) -> Op:
    """The first operator that moves the elements that stay to where they were moved."""
    shapes = [value.shape for value in cut.inputs]
    wanted = [
        cut.apply(value, origin) for value, origin in zip(cut.outputs, movement.origins_of(cut.op, shapes), strict=True)
    ]
    left = np.concatenate(
        [
            cut.apply(value, origin).reshape(-1)
            for value, origin in zip(cut.inputs, movement.numbered(shapes), strict=True)
        ]
    )
    smaller = [cut.shape(value) for value in cut.inputs]
    for op in _movers(cut):
        try:
            op.infer([TensorType(shape) for shape in smaller], {})
        except GraphError:
            continue
        origins = movement.origins_of(op, smaller)
        if all(np.array_equal(left[origin], other) for origin, other in zip(origins, wanted, strict=True)):
            return op
    raise InTheWayError(cut.node)


def _movers(cut: Cut) -> Iterator[Op]:
    """What may do: the operator as it is, with other sizes, or a choice of channels by number."""
    op, x, y = cut.op, cut.inputs[0], cut.outputs[0]
    yield op
    if x.channels is None or y.channels is None:
        return
    axis, rank = y.channels.axis, len(y.shape)
    if isinstance(op, Split):
        sizes = tuple(cut.shape(output)[op.dim % rank] for output in cut.outputs)
        yield dataclasses.replace(op, split_size_or_sections=sizes)
    elif isinstance(op, Slice):
        yield _sliced(op, axis, cut.stays(x), rank)
    elif isinstance(op, Reshape):
        sizes = tuple(cut.shape(y)[at] if at == axis and size > 0 else size for at, size in enumerate(op.shape))
        yield dataclasses.replace(op, shape=sizes)
    elif isinstance(op, Expand):
        sizes = tuple(cut.shape(y)[at] if at == axis and size > 0 else size for at, size in enumerate(op.size))
        yield dataclasses.replace(op, size=sizes)
    if x.channels.axis == axis and len(x.shape) == rank and len(cut.inputs) == len(cut.outputs) == 1:
        yield _choice(cut, axis)


def _sliced(op: Slice, axis: int, stays: np.ndarray, rank: int) -> Slice:
    """Bounds among the channels that stay."""
    cuts = op.cuts(rank)
    if axis in cuts and cuts[axis].step == 1:
        start, end, _ = cuts[axis].indices(len(stays))
        before = int(stays[:start].sum())
        cuts[axis] = slice(before, before + int(stays[start:end].sum()), 1)
    starts, ends, steps = zip(*((cut.start, cut.stop, cut.step) for cut in cuts.values()), strict=True)
    return Slice(tuple(cuts), starts, ends, steps)


def _choice(cut: Cut, axis: int) -> IndexSelect:
    """The channels that stay in the order they come in, as they are numbered after the cut."""
    (x,), (y,) = cut.inputs, cut.outputs
    line = [1] * len(x.shape)
    line[axis] = x.shape[axis]
    (order,) = movement.origins_of(cut.op, [tuple(line)])
    index = (np.cumsum(cut.stays(x)) - 1)[order.reshape(-1)[cut.stays(y)]]
    return IndexSelect(axis, tuple(index.tolist()))
