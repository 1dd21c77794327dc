"""Operators that combine elements at the same place, of inputs whose shapes broadcast."""

from __future__ import annotations

import itertools

import numpy as np

from tinyinfer.passes.portable.slimming.channels.channel_sets import Channels
from tinyinfer.passes.portable.slimming.channels.step import Step, Value

SAMPLES = (0.0, 0.75, -1.5, 3.0)  # of what a value may hold where it is not zero


def elementwise(step: Step) -> list[Value]:
    """Channels at the same place are cut together, as those of the two sides of a residual sum."""
    rank = len(step.outputs[0].shape)
    shift = [rank - len(value.shape) for value in step.inputs]
    axes = {
        value.channels.axis + more
        for value, more in zip(step.inputs, shift, strict=True)
        if value.channels is not None and value.shape[value.channels.axis] > 1
    }
    if not axes:
        return [Value(output) for output in step.outputs]
    if len(axes) > 1:
        return step.barrier()
    (axis,) = axes
    sides = [
        value._replace(channels=None if value.channels is None else value.channels._replace(axis=axis))
        for value, more in zip(step.inputs, shift, strict=True)
        if axis >= more and value.shape[axis - more] > 1
    ]
    numbers = next(side.channels.numbers for side in sides if side.channels is not None)
    for side in sides:
        step.unite(side, axis, numbers)
    return [Value(output, Channels(axis, numbers), _stays_zero(step, axis, shift)) for output in step.outputs]


def _stays_zero(step: Step, axis: int, shift: list[int]) -> bool:
    """Whether the textbook version gives zero where all sides that are zero in a cut channel are."""
    zero = [
        value.zero and axis >= more and value.shape[axis - more] > 1
        for value, more in zip(step.inputs, shift, strict=True)
    ]
    with np.errstate(all="ignore"):
        for drawn in itertools.product(*[(0.0,) if z else SAMPLES for z in zero]):
            arrays = [np.full(1, x).astype(v.type.dtype) for x, v in zip(drawn, step.inputs, strict=True)]
            (y,) = step.op.reference(arrays, {})
            if not (y == 0).all():
                return False
    return True
