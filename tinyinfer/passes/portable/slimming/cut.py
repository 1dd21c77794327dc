"""A node and its weights, and what stays of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.graph import Node, Shape
from tinyinfer.passes.portable.slimming.channels.step import Labels, Value
from tinyinfer.passes.portable.slimming.follow import Followed


def cut_weight(weight: np.ndarray, labels: Labels, kept: np.ndarray) -> np.ndarray:
    """The elements that write and read channels that are kept; rows may keep other columns, but as many."""
    mask = np.ones((1,) * weight.ndim, bool)
    for numbers in labels:
        if numbers is not None:
            mask = mask & kept[numbers]
    left = [int(mask.reshape(len(mask), -1).any(axis=1).sum()), *(mask.sum(at).max() for at in range(1, mask.ndim))]
    shape = [size if mask.shape[at] == 1 else left[at] for at, size in enumerate(weight.shape)]
    return np.asarray(weight[np.broadcast_to(mask, weight.shape)].reshape(shape))


class Cut:
    """A node between its values, and for every channel number whether it stays."""

    def __init__(self, node: Node, found: Followed, kept: np.ndarray) -> None:
        self.node, self.kept = node, kept
        self.inputs = [found.values[name] for name in node.inputs]
        self.outputs = [found.values[name] for name in node.outputs]

    @property
    def op(self) -> Any:
        """The operator."""
        return self.node.op

    @property
    def nothing_goes(self) -> bool:
        """Whether all channels of all values stay."""
        return all(self.stays(value).all() for value in (*self.inputs, *self.outputs))

    def stays(self, value: Value) -> np.ndarray:
        """Which elements stay along the axis of a value's channels; no elements if it has none."""
        return np.ones(0, bool) if value.channels is None else self.kept[value.channels.numbers]

    def shape(self, value: Value) -> Shape:
        """The value's shape without what goes."""
        shape = list(value.shape)
        if value.channels is not None:
            shape[value.channels.axis] = int(self.stays(value).sum())
        return tuple(shape)

    def apply(self, value: Value, array: np.ndarray) -> np.ndarray:
        """What stays of an array that has the value's shape."""
        return array if value.channels is None else np.compress(self.stays(value), array, value.channels.axis)
