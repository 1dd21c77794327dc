"""Factors and summands of channels, in chains of any length: layer_scale, scale_shift, or a norm that was broken up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyinfer.graph import Node, Operator
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.ops.normalization.layer_scale import LayerScale
from tinyinfer.ops.normalization.scale_shift import ScaleShift
from tinyinfer.passes.portable.recognise.patterns.editing import Editing

ARITHMETIC = ("add", "sub", "mul", "div")
LAYERS = ("conv2d", "conv_transpose2d", "linear")  # which take a norm behind them into their weights


@dataclass(frozen=True)
class _Scaling:
    """y[:, c] = value[:, c] * scale[c] + shift[c]; a single number goes for all channels."""

    value: str
    scale: np.ndarray
    shift: np.ndarray
    nodes: tuple[Node, ...] = ()  # the last first

    @property
    def by_channel(self) -> bool:
        """Whether channels differ, or are said one by one."""
        return max(self.scale.size, self.shift.size) > 1

    @property
    def idle(self) -> bool:
        """Whether it changes nothing by its design; what was learnt stays, whatever it is."""
        return not self.by_channel and self.scale[0] == 1 and self.shift[0] == 0


def recognise_scales(editing: Editing) -> None:
    """Make additions and multiplications of constants by channel, one after the other, one node.

    Numbers that go for all channels, and those that the network's own input meets, are part of its design
    (scale_shift); others were learnt.
    """
    for node in reversed(editing.in_order()):
        if node in editing and node.op.name in ARITHMETIC:
            scaling = _chain(editing, node)
            made = _operator(editing, scaling) if scaling.nodes and not scaling.idle else None
            if made is not None:
                _replace(editing, scaling, *made)
            elif scaling.idle and node.outputs[0] not in editing.outputs:
                editing.redirect(node.outputs[0], scaling.value)


def _chain(editing: Editing, root: Node) -> _Scaling:
    """All scalings from the root upwards that nothing else reads, as one, while floats can hold it."""
    chain = _Scaling(root.outputs[0], np.ones(1), np.zeros(1))
    while (node := editing.producers.get(chain.value)) is not None:
        step = _step(editing, node)
        if step is None or (chain.nodes and editing.reader(chain.value) is None):
            break
        scale, shift = step.scale * chain.scale, step.shift * chain.scale + chain.shift
        if not all(np.isfinite(array.astype(np.float32)).all() for array in (scale, shift)):
            break
        chain = _Scaling(step.value, scale, shift, (*chain.nodes, node))
    return chain


def _step(editing: Editing, node: Node) -> _Scaling | None:
    """What a single node does, if that is a scaling of channels."""
    kind = node.op.name
    if kind not in ARITHMETIC or getattr(node.op, "activation", None) or getattr(node.op, "rounding_mode", None):
        return None
    for at in (0, 1):
        value, other = node.inputs[at], node.inputs[1 - at]
        constant = None if editing.constant(value) is not None else _by_channel(editing, value, other)
        if constant is None or editing.types[value].shape != editing.types[node.outputs[0]].shape:
            continue
        first = at == 0
        if kind == "add":
            return _Scaling(value, np.ones(1), constant)
        if kind == "mul":
            return _Scaling(value, constant, np.zeros(1))
        if kind == "sub":
            return _Scaling(value, np.ones(1) if first else -np.ones(1), -constant if first else constant)
        if first and np.all(constant != 0):
            return _Scaling(value, 1 / constant, np.zeros(1))
    return None


def _by_channel(editing: Editing, value: str, other: str) -> np.ndarray | None:
    """A constant that is one number a channel of the value, or one for all, as a row in double precision."""
    array, kind = editing.constant(other), editing.types[value]
    rank = len(kind.shape)
    if array is None or rank < 2 or array.ndim > rank or kind.dtype != "float32" or array.dtype != np.float32:
        return None
    sizes = [1] * (rank - array.ndim) + list(array.shape)
    if any(size != 1 for at, size in enumerate(sizes) if at != 1) or sizes[1] not in (1, kind.shape[1]):
        return None
    return array.reshape(-1).astype(np.float64)


def _operator(editing: Editing, scaling: _Scaling) -> tuple[Operator, dict[str, np.ndarray]] | None:
    """The operator for a scaling and its parameters; None where it had best stay what it is."""
    scale, shift = (array.astype(np.float32) for array in (scaling.scale, scaling.shift))
    source = editing.producers.get(scaling.value)
    if not scaling.by_channel or source is None:
        return ScaleShift(tuple(scale.tolist()), tuple(shift.tolist())), {}
    channels = int(editing.types[scaling.value].shape[1])
    scale, shift = np.broadcast_to(scale, channels), np.broadcast_to(shift, channels)
    if not shift.any():
        return LayerScale(), {"gamma": np.ascontiguousarray(scale)}
    if (scale == 1).all() and source.op.name not in LAYERS:
        return None
    statistics = {"running_mean": np.zeros(channels, np.float32), "running_var": np.ones(channels, np.float32)}
    affine = {"weight": np.ascontiguousarray(scale), "bias": np.ascontiguousarray(shift)}
    return BatchNorm(eps=0.0), {**statistics, **affine}


def _replace(editing: Editing, scaling: _Scaling, op: Operator, params: dict[str, np.ndarray]) -> None:
    root = scaling.nodes[0]
    for node in scaling.nodes:
        editing.remove(node)
    keys = {role: editing.weight(f"{root.name}.{role}", array) for role, array in params.items()}
    editing.add(Node(root.name, op, (scaling.value,), root.outputs, keys))
