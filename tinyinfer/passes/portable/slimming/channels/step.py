"""One node on the way through a network: what its channel map is shown, and where it writes what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.graph import Node, Shape, TensorType
from tinyinfer.ops.activation.activation import apply_activation
from tinyinfer.passes.portable.slimming.channels.channel_sets import Channels, ChannelSets


class Value(NamedTuple):
    """A value's type, its channels (None: nothing of it is cut), and whether it is zero wherever a channel is cut."""

    type: TensorType
    channels: Channels | None = None
    zero: bool = True

    @property
    def shape(self) -> Shape:
        return self.type.shape


class Labels(NamedTuple):
    """The channels of a parameter's elements: those they write and those they read, in shapes that broadcast."""

    written: np.ndarray | None = None
    read: np.ndarray | None = None


class Layer(NamedTuple):
    """A node with weights, the channels that it computes, and the key of its weight."""

    node: str
    numbers: np.ndarray
    weight: str


@dataclass
class Step:
    """A node between its inputs and outputs.

    A channel map gives the outputs' values; it unites channels in ``sets``, labels the node's parameters by role, and
    adds to ``layers`` what it computes channels with.
    """

    node: Node
    inputs: list[Value]
    outputs: list[TensorType]
    params: Mapping[str, TensorType]
    sets: ChannelSets
    labels: dict[str, Labels] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)

    @property
    def op(self) -> Any:
        """The operator."""
        return self.node.op

    def keep(self, *values: Value) -> None:
        """Let all channels of these values stay."""
        for value in values:
            if value.channels is not None:
                self.sets.keep(value.channels.numbers, self.node.name)

    def along(self, value: Value, axis: int) -> np.ndarray | None:
        """The numbers of the channels along this axis; channels along another one stay."""
        if value.channels is not None and value.channels.axis != axis:
            self.keep(value)
            return None
        return None if value.channels is None else value.channels.numbers

    def unite(self, value: Value, axis: int, numbers: np.ndarray) -> None:
        """The channels of the value along this axis are these."""
        found = self.along(value, axis)
        if found is None:
            self.sets.keep(numbers, self.node.name)
        else:
            self.sets.unite(found, numbers)

    def write(self, numbers: np.ndarray, *roles: str, axis: int = 0) -> None:
        """Label parameters by the channels that their elements along this axis write."""
        for role in roles:
            if role in self.params:
                rank = len(self.params[role].shape)
                self.labels[role] = Labels(written=numbers.reshape([-1 if i == axis else 1 for i in range(rank)]))

    def unchanged(self, value: Value, zero: bool = True) -> list[Value]:
        """All outputs have the channels of this value; ``zero`` tells whether zeros stay zeros."""
        return [Value(output, value.channels, value.zero and zero) for output in self.outputs]

    def barrier(self) -> list[Value]:
        """All channels of all inputs stay, and so do those of the outputs."""
        self.keep(*self.inputs)
        return [Value(output) for output in self.outputs]

    @property
    def ends_in_zero(self) -> bool:
        """Whether the operator's activation, if it has one, takes 0 to 0."""
        return not apply_activation(getattr(self.op, "activation", None), np.zeros(1)).any()
