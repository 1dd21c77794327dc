"""Operators that treat channels one by one: norms and factors with parameters of each, and what only mixes pixels."""

from __future__ import annotations

from tinyinfer.ops.normalization.batch_norm import STATISTICS
from tinyinfer.passes.portable.slimming.channels.step import Step, Value

CHANNEL = 1


def norm(step: Step) -> list[Value]:
    """Batch and instance norm: a channel whose scale and shift are zero is zero, whatever it was."""
    (x,) = step.inputs
    numbers = step.along(x, CHANNEL)
    if numbers is None:
        return step.unchanged(x)
    step.write(numbers, *STATISTICS, "weight", "bias")
    return [Value(step.outputs[0], x.channels, ("weight" in step.params or x.zero) and step.ends_in_zero)]


def factors(step: Step) -> list[Value]:
    """A parameter of each channel, or one for all, that takes zero to zero."""
    (x,) = step.inputs
    numbers = step.along(x, CHANNEL)
    for role, param in step.params.items():
        if numbers is not None and param.shape[0] == len(numbers):
            step.write(numbers, role)
    return step.unchanged(x)


def scale_shift(step: Step) -> list[Value]:
    """Factors and summands among the attributes."""
    (x,) = step.inputs
    step.along(x, CHANNEL)
    return step.unchanged(x, zero=not any(step.op.shift))


def pixels(step: Step) -> list[Value]:
    """Only pixels of the first input's channels are mixed; what other inputs there are says how."""
    x, *others = step.inputs
    step.keep(*others)
    if x.channels is not None and x.channels.axis > CHANNEL:
        return step.barrier()
    return step.unchanged(x)


def resize(step: Step) -> list[Value]:
    """Pixels are mixed along the dimensions that are resized."""
    x, *others = step.inputs
    step.keep(*others)
    dims = {dim % len(x.shape) for dim in step.op.dims}
    if x.channels is not None and x.channels.axis in dims:
        return step.barrier()
    return step.unchanged(x, zero=not step.op.extrapolation_value)


def unpool(step: Step) -> list[Value]:
    """Values and the places they go to have the same channels."""
    x, places = step.inputs
    numbers = step.along(x, CHANNEL)
    if numbers is None:
        step.keep(places)
    else:
        step.unite(places, CHANNEL, numbers)
    return step.unchanged(x)


def along_dim(step: Step) -> list[Value]:
    """Sums or shares along one dimension, which may not be that of the channels."""
    (x,) = step.inputs
    if x.channels is not None and x.channels.axis == step.op.dim % len(x.shape):
        return step.barrier()
    return step.unchanged(x, zero=step.op.name == "cumsum")


def reduction(step: Step) -> list[Value]:
    """Dimensions vanish or shrink to size 1; channels among them stay."""
    (x,) = step.inputs
    if x.channels is None:
        return step.unchanged(x)
    gone, axis = step.op.axes(len(x.shape)), x.channels.axis
    if axis in gone:
        return step.barrier()
    left = axis if step.op.keepdim else axis - sum(at < axis for at in gone)
    return [Value(step.outputs[0], x.channels._replace(axis=left), x.zero)]
