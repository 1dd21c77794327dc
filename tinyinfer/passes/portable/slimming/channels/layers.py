"""Layers compute new channels from all that they read, or from those of a group."""

from __future__ import annotations

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.passes.portable.slimming.channels.channel_sets import Channels
from tinyinfer.passes.portable.slimming.channels.step import Labels, Layer, Step, Value


def linear(step: Step) -> list[Value]:
    """Every output feature reads all features of the last dimension."""
    x, axis = step.inputs[0], len(step.inputs[0].shape) - 1
    read = _read(step, x, axis)
    written = _computed(step, step.params["weight"].shape[0])
    step.labels["weight"] = Labels(written[:, None], None if read is None else read[None])
    return _finished(step, written, axis)


def conv2d(step: Step) -> list[Value]:
    """Rows of the weight are outputs, columns the inputs of the row's group."""
    x, (m, per_group, *_) = step.inputs[0], step.params["weight"].shape
    groups = step.op.groups
    if groups == x.shape[1] > 1:
        return _depthwise(step, (m // groups, 1))
    read = _read(step, x, axis=1, groups=groups)
    written = _computed(step, m, groups)
    columns = None if read is None else read.reshape(groups, per_group)
    if columns is not None and groups > 1:
        columns = np.repeat(columns, m // groups, axis=0)
    step.labels["weight"] = _image_labels(written[:, None], columns)
    return _finished(step, written, axis=1)


def conv_transpose2d(step: Step) -> list[Value]:
    """Rows of the weight are inputs, columns the outputs of the row's group."""
    x, (c, per_group, *_) = step.inputs[0], step.params["weight"].shape
    groups = step.op.groups
    if groups == c > 1:
        return _depthwise(step, (per_group, per_group))
    read = _read(step, x, axis=1, groups=groups)
    written = _computed(step, per_group * groups, groups)
    columns = written.reshape(groups, per_group)
    if groups > 1:
        columns = np.repeat(columns, c // groups, axis=0)
    step.labels["weight"] = _image_labels(columns, None if read is None else read[:, None])
    return _finished(step, written, axis=1)


def deform_conv2d(step: Step) -> list[Value]:
    """A conv2d; what displaces its taps is no run of channels, and runs of channels that share it stay."""
    step.keep(*step.inputs[1:])
    if step.op.offset_groups > 1:
        step.keep(step.inputs[0])
    return conv2d(step)


def irregular_conv2d(step: Step) -> list[Value]:
    """A conv2d whose kernels may have places of their own."""
    outputs = conv2d(step)
    written = step.labels.get("weight", Labels()).written
    if written is not None and len(step.params["offset"].shape) == 4:
        step.write(written.reshape(-1), "offset")
    return outputs


def _depthwise(step: Step, kernels: tuple[int, int]) -> list[Value]:
    """Every channel becomes one or more of its own kind; ``kernels``: how many, and how many in a row of the weight."""
    read = step.along(step.inputs[0], axis=1)
    if read is None:
        step.keep(*step.inputs)
        return [Value(output) for output in step.outputs]
    written = np.repeat(read, kernels[0])
    step.layers.append(Layer(step.node.name, written, step.node.params["weight"]))
    step.labels["weight"] = _image_labels(written.reshape(-1, kernels[1]))
    return _finished(step, written, axis=1)


def _read(step: Step, x: Value, axis: int, groups: int = 1) -> np.ndarray | None:
    """The channels that are mixed.  They have to be zero where they are cut, or the sums would miss them."""
    if not x.zero:
        step.keep(x)
    read = step.along(x, axis)
    if read is not None and groups > 1:
        step.sets.same_count(step.node.name, read.reshape(groups, -1))
    return read


def _computed(step: Step, count: int, groups: int = 1) -> np.ndarray:
    written = step.sets.fresh(count)
    step.layers.append(Layer(step.node.name, written, step.node.params["weight"]))
    if groups > 1:
        step.sets.same_count(step.node.name, written.reshape(groups, -1))
    return written


def _finished(step: Step, written: np.ndarray, axis: int) -> list[Value]:
    """The output, to which a residual may have been added."""
    step.write(written, "bias")
    residuals = step.inputs[1:] if "residual" in step.op.optional_inputs else []
    for residual in residuals:
        step.unite(residual, axis, written)
    zero = all(residual.zero for residual in residuals) and step.ends_in_zero
    output: TensorType = step.outputs[0]
    return [Value(output, Channels(axis, written), zero)]


def _image_labels(written: np.ndarray, read: np.ndarray | None = None) -> Labels:
    return Labels(written[..., None, None], None if read is None else read[..., None, None])
