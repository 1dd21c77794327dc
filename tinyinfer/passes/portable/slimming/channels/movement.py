"""Operators that only move elements: their textbook versions move the elements' numbers, too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.ops.base import Op
from tinyinfer.passes.portable.slimming.channels.channel_sets import FIXED, Channels
from tinyinfer.passes.portable.slimming.channels.step import Step, Value


def moved(step: Step) -> list[Value]:
    """The channels of an output's elements are those of the elements they were."""
    if all(value.channels is None for value in step.inputs):
        return [Value(output) for output in step.outputs]
    channel_of = np.concatenate([_channel_of_each(value).reshape(-1) for value in step.inputs])
    origins = origins_of(step.op, [value.shape for value in step.inputs])
    zero = all(value.zero for value in step.inputs if value.channels is not None)
    return [
        Value(output, _along_one_axis(step, channel_of[origin]), zero)
        for output, origin in zip(step.outputs, origins, strict=True)
    ]


def of_one(step: Step) -> list[Value]:
    """Movement whose further inputs are there for their sizes."""
    return moved(step) if len(step.inputs) == 1 else step.barrier()


def pad(step: Step) -> list[Value]:
    """Channels in front and behind are new ones: of zeros, they can be cut as any."""
    (x,), op = step.inputs, step.op
    if x.channels is None:
        return step.unchanged(x)
    front, back = op.widths(len(x.shape))[x.channels.axis]
    if op.mode != "constant" and (front or back):
        return step.barrier()
    numbers = x.channels.numbers[max(-front, 0) : len(x.channels.numbers) - max(-back, 0)]
    numbers = np.concatenate([step.sets.fresh(max(front, 0)), numbers, step.sets.fresh(max(back, 0))])
    channels = Channels(x.channels.axis, numbers)
    return [Value(step.outputs[0], channels, x.zero and (op.mode != "constant" or op.value == 0))]


def constant(step: Step) -> list[Value]:
    """An array that has a single dimension is cut with what it is combined with."""
    (output,) = step.outputs
    wide = [axis for axis, size in enumerate(output.shape) if size > 1]
    if len(wide) != 1:
        return [Value(output)]
    numbers = step.sets.fresh(output.shape[wide[0]])
    step.write(numbers, "value", axis=wide[0])
    return [Value(output, Channels(wide[0], numbers))]


def numbered(shapes: Sequence[Shape]) -> list[np.ndarray]:
    """Arrays of these shapes whose elements are counted through."""
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    return [np.arange(a, b).reshape(s) for a, b, s in zip(ends[:-1], ends[1:], shapes, strict=True)]


def origins_of(op: Op, shapes: Sequence[Shape]) -> list[np.ndarray]:
    """For every element of the outputs the number of the input element that it is."""
    return op.reference(numbered(shapes), {})


def _channel_of_each(value: Value) -> np.ndarray:
    if value.channels is None:
        return np.full(value.shape, FIXED)
    axis, numbers = value.channels
    return np.broadcast_to(numbers.reshape([-1 if i == axis else 1 for i in range(len(value.shape))]), value.shape)


def _along_one_axis(step: Step, channels: np.ndarray) -> Channels | None:
    """Channels vary along one axis alone: along the one that leaves most of them apart, others are united."""
    for axis in range(channels.ndim):
        first = channels.take([0], axis)
        channels = first if (channels == first).all() else channels
    varying = [axis for axis, size in enumerate(channels.shape) if size > 1]
    if not varying:
        step.sets.keep(channels.reshape(-1), step.node.name)
        return None
    best = max(varying, key=lambda axis: (_sets_apart(channels, axis), axis)) if len(varying) > 1 else varying[0]
    columns = np.moveaxis(channels, best, -1).reshape(-1, channels.shape[best])
    if len(columns) > 1:
        step.sets.unite(columns, columns[0])
    return Channels(best, columns[0])


def _sets_apart(channels: np.ndarray, axis: int) -> int:
    """How many sets there would be if channels at one place along this axis were one."""
    columns = np.unique(np.moveaxis(channels, axis, -1).reshape(-1, channels.shape[axis]), axis=0)
    joined = np.arange(columns.shape[1])
    while True:  # the least place that a place shares a channel with, until nothing changes
        least = np.full(int(columns.max()) + 1, len(joined))
        np.minimum.at(least, columns, np.broadcast_to(joined, columns.shape))
        lower = np.minimum(joined, least[columns].min(axis=0))
        if (lower == joined).all():
            return len(np.unique(joined))
        joined = lower
