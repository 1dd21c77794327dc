"""Normalisations by the input's own statistics, in ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import Call


def layer_norm(call: Call) -> str:
    """LayerNormalization over the last dimensions; others are brought there and back by a Transpose."""
    op, rank = call.op, len(call.shapes[0])
    axes = op.axes(rank)
    order = [axis for axis in range(rank) if axis not in axes] + list(axes)
    ordered = order == list(range(rank))
    if not call.knows("LayerNormalization"):
        return _layer_norm_in_steps(call)
    scale = call.param("weight") if "weight" in call.weights else call.floats(np.ones(op.normalized_shape))
    shift = [call.param("bias")] if "bias" in call.weights else []
    x = call.x if ordered else call.add("Transpose", call.x, perm=order)
    y = call.add("LayerNormalization", x, scale, *shift, axis=rank - len(axes), epsilon=op.eps)
    return y if ordered else call.add("Transpose", y, perm=[order.index(axis) for axis in range(rank)])


def _layer_norm_in_steps(call: Call) -> str:
    """Means and a root, as torch's exporter writes in opsets that do not have LayerNormalization."""
    op, rank = call.op, len(call.shapes[0])
    axes = op.axes(rank)
    difference = call.add("Sub", call.x, call.reduce("ReduceMean", call.x, axes))
    variance = call.reduce("ReduceMean", call.add("Mul", difference, difference), axes)
    deviation = call.add("Sqrt", call.add("Add", variance, call.floats(op.eps)))
    return _affine(call, call.add("Div", difference, deviation), op.normalized_shape + (1,) * (rank - 1 - axes[-1]))


def group_norm(call: Call) -> str:
    """InstanceNormalization of the groups laid out as rows, then the affine part by channel."""
    op, (_, channels, *image) = call.op, call.shapes[0]
    ones, zeros = call.floats(np.ones(op.num_groups)), call.floats(np.zeros(op.num_groups))
    groups = call.add("Reshape", call.x, call.ints((0, op.num_groups, -1)))
    y = call.add("InstanceNormalization", groups, ones, zeros, epsilon=op.eps)
    shape = call.add("Shape", call.x) if None in image else call.ints((0, channels, *image))
    return _affine(call, call.add("Reshape", y, shape), (-1, *[1] * len(image)))


def _affine(call: Call, y: str, broadcasting: tuple[int, ...]) -> str:
    """The factor and the summand that there are, in a shape that broadcasts with the norm's value."""
    for role, kind in (("weight", "Mul"), ("bias", "Add")):
        if role in call.weights:
            y = call.add(kind, y, call.floats(call.weights[role].reshape(broadcasting)))
    return y


def instance_norm(call: Call) -> str:
    """InstanceNormalization; BatchNormalization where it has running statistics."""
    channels = call.shapes[0][1]
    if channels is None:
        call.refuse("the number of channels is free")
    scale = call.param("weight") if "weight" in call.weights else call.floats(np.ones(channels))
    shift = call.param("bias") if "bias" in call.weights else call.floats(np.zeros(channels))
    if "running_var" in call.weights:
        statistics = (call.param("running_mean"), call.param("running_var"))
        return call.add("BatchNormalization", call.x, scale, shift, *statistics, epsilon=call.op.eps)
    return call.add("InstanceNormalization", call.x, scale, shift, epsilon=call.op.eps)


EXPORTERS: dict[str, Callable[[Call], str]] = {
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
}
