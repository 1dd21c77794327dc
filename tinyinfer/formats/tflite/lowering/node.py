"""One operator of a TFLite file, as the function that lowers it sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.tflite.lowering.values import NCHW, Order, Placed, Values
from tinyinfer.formats.tflite.reading.messages import TfliteTensor
from tinyinfer.graph import Shape

ACTIVATIONS = {1: "relu", 2: "hardtanh", 3: "relu6", 4: "tanh"}
"""What an operator's fused_activation_function stands for; 0 is none."""

MOST_INTEGERS = 32  # of an input that says shapes, axes or borders: two for each dimension at most


class TfliteCall(Call):
    """A `Call` whose inputs are handles of `Values`; shapes and axes are the file's."""

    def __init__(self, call: Call, values: Values) -> None:
        super().__init__(call.node, call.inputs, call.importer)
        self.values = values
        for handle in filter(None, self.inputs):
            if handle in values.batched and call.node.op_type not in ON_BATCHED:
                self.refuse("an image in blocks, of SPACE_TO_BATCH_ND, is known only around a convolution")

    # -- what comes in -------------------------------------------------------------------------

    def shape(self, index: int = 0) -> Shape:
        """The sizes of an input in the file's order."""
        return self.values.shape(self.value(index))

    def fixed_size(self, axis: int, index: int = 0) -> int:
        """The size of an input along an axis of the file, which may not be free."""
        found = self.shape(index)[axis]
        if is_free(found):
            self.fix([found], f"expected a fixed size along axis {axis}")
        return found

    def placed(self, index: int = 0) -> Placed:
        """An input as a value of the graph, in whatever order."""
        return self.values.placed(self.value(index))

    def nchw(self, index: int = 0) -> str:
        """An input as an image of the graph."""
        if len(self.shape(index)) != len(NCHW):
            raise GraphError(f"expected images, found an input of rank {len(self.shape(index))}")
        return self.values.nchw(self.value(index))

    def channels(self) -> int:
        """Channels of the first input, an image, whole or in blocks."""
        batched = self.values.batched.get(self.value(0))
        return self.shape_of(batched.source if batched else self.nchw())[1]

    def plain(self, index: int = 0) -> str:
        """An input as a value of the graph in the file's order."""
        return self.values.plain(self.value(index))

    def known(self, index: int) -> np.ndarray | None:
        """The array that an input always is, in the file's order; None if inputs of the network change it."""
        return self.importer.known(self.plain(index)) if self.has(index) else None

    def array(self, index: int, what: str) -> np.ndarray:
        """The array that an input always is; the node is refused if inputs of the network change it."""
        found = self.known(index)
        if found is None:
            self.refuse(f"{what}: expected an array of the file, found values computed in each run")
        return found

    def integers(self, index: int, what: str, most: int = MOST_INTEGERS) -> tuple[int, ...]:
        """The whole numbers of an input that is known, at most so many; sizes among them may be free."""
        found = self.array(index, what)
        if found.dtype.kind not in "iuO" or found.size > most:
            raise GraphError(f"{what}: expected at most {most} whole numbers, found {found.size} of {found.dtype}")
        return tuple(value if is_free(value) else int(value) for value in found.reshape(-1).tolist())

    def fixed(self, index: int, what: str, most: int = MOST_INTEGERS) -> tuple[int, ...]:
        """`integers`, none of which may be free."""
        found = self.integers(index, what, most)
        free = [value for value in found if is_free(value)]
        if free:
            self.fix(free, f"{what}: expected numbers of the file")
        return found

    def weight(self, index: int, order: Order, letters: str) -> str:
        """An array of the file with its dimensions in this order, whose ``letters`` become part of its name."""
        array = self.array(index, "weight")
        if array.ndim != len(order):
            raise GraphError(f"weight: expected rank {len(order)}, found shape {array.shape}")
        return self.values.weights.permuted(self.plain(index), order, letters)

    def optional(self, index: int) -> str | None:
        """An input as a value of the graph in the file's order, if it is there."""
        return self.plain(index) if self.has(index) else None

    def tensor(self, index: int = 0) -> TfliteTensor:
        """An output as the file describes it."""
        if index >= len(self.node.outputs):
            raise GraphError(f"expected an output {index}, found none")
        return self.values.outputs[self.node.outputs[index]]

    def axis(self, axis: int, rank: int | None = None) -> int:
        """An axis of the first input counted from the front."""
        rank = len(self.shape()) if rank is None else rank
        if not -rank <= axis < rank:
            raise GraphError(f"axis: expected {-rank} to {rank - 1}, found {axis}")
        return axis % rank

    # -- what goes out -------------------------------------------------------------------------

    def image(self, value: str) -> str:
        """The handle of an image; of a value of another rank in the file's order."""
        return self.values.add(value, NCHW if len(self.shape_of(value)) == len(NCHW) else None)

    def placed_as(self, value: str, order: Order) -> str:
        """The handle of a value in this order."""
        return self.values.add(value, order)

    def fused(self, value: str) -> str:
        """The value after the activation that is fused to the operator."""
        kind = self.attribute("fused_activation_function", 0)
        if not kind:
            return value
        if kind not in ACTIVATIONS:
            self.refuse(f"fused activation {kind} is not supported")
        return self.importer.apply(ACTIVATIONS[kind], value, name=f"{self.name}/{ACTIVATIONS[kind]}")

    def activated(self, value: str) -> str:
        """`fused`, or the activation that the output's integers stand in for."""
        activated, bound = self.fused(value), self._bound()
        if bound is None or activated != value:
            return activated
        return self.importer.apply(bound, value, name=f"{self.name}/{bound}")

    def _bound(self) -> str | None:
        """The activation that the output's quantisation is: integers that begin at 0 can't stand for less.

        Converters leave a relu or relu6 out where the range of the integers cuts off the same.
        """
        tensor = self.tensor()
        if not self.importer.dequantize:  # they cut off by themselves
            return None
        if tensor.quantization is None or tensor.dtype not in ("uint8", "int8") or tensor.quantization.scale.size > 1:
            return None
        limits = np.iinfo(tensor.dtype)
        zero, scale = int(tensor.quantization.zero_point[0]), float(tensor.quantization.scale[0])
        if zero != limits.min:
            return None
        return "relu6" if abs(scale * (limits.max - zero) - 6) <= scale else "relu"

    def unary(self, op: str, **attrs: Any) -> str:
        """An operator on each element of the first input, in whatever order it lies."""
        value, order = self.placed()
        return self.placed_as(self.apply(op, value, **attrs), order)

    def aligned(self, *indices: int) -> tuple[list[str], Order]:
        """Inputs that broadcast, brought to one order: that of the largest rank which is computed."""
        placed = [self.placed(index) for index in indices]
        computed = [p for p in placed if self.importer.known(p.value) is None] or placed
        rank = max(len(p.order) for p in placed)
        order = max(computed, key=lambda p: len(p.order)).order
        if len(order) < rank:
            order = tuple(range(rank))
        return [self._align(p, order) for p in placed], order

    def _align(self, placed: Placed, order: Order) -> str:
        """A value with as many dimensions, new ones in front as broadcasting has it, and in this order."""
        if placed.order == order or all(size == 1 and not is_free(size) for size in self.shape_of(placed.value)):
            return placed.value
        value, new = self.values.ordered(placed, tuple(sorted(placed.order))), len(order) - len(placed.order)
        plain = tuple(range(len(order)))
        if order == plain:
            return value
        if new:
            value = self.importer.apply("unsqueeze", value, name=f"{value}/unsqueezed", dim=tuple(range(new)))
        return self.values.ordered(Placed(value, plain), order)


ON_BATCHED = ("CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_TO_SPACE_ND")

TfliteLowering = Callable[[TfliteCall], "str | Sequence[str]"]
