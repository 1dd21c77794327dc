"""What the exporter's operator functions write through: one `Call` per node, nodes and constants of the ONNX graph."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from onnx import NodeProto, TensorProto, defs, helper, numpy_helper

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.graph import Node, Quant

AXES_AS_INPUT, PART_OF_SHAPE, WRAP = 18, 15, 19  # the opsets that brought them

AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER"}  # ONNX's names of our paddings
Dims = tuple[int | None, ...]  # None: moves with a free dimension of the network's input


class Writer:
    """The ONNX nodes and initializers written so far; every name in use is taken once."""

    def __init__(self, taken: set[str], opset: int) -> None:
        self.opset = opset
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._taken = set(taken)
        self._constants: dict[tuple[str, bytes, tuple[int, ...]], str] = {}
        self._weights: dict[str, str] = {}

    def fresh(self, name: str) -> str:
        """``name``, or ``name_1``, ``name_2`` ... if it is taken."""
        count, candidate = 0, name
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate

    def weight(self, key: str, array: np.ndarray) -> str:
        """The initializer that holds a weight of the graph, written at its first use."""
        if key not in self._weights:
            self._weights[key] = self._initializer(key, array)
        return self._weights[key]

    def constant(self, array: np.ndarray, name: str) -> str:
        """An initializer for a small constant; equal ones are shared."""
        key = (str(array.dtype), array.tobytes(), array.shape)
        if key not in self._constants:
            self._constants[key] = self._initializer(name, array)
        return self._constants[key]

    def _initializer(self, name: str, array: np.ndarray) -> str:
        name = self.fresh(name)
        self.initializers.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name


@dataclass
class Call:
    """One node of the network on its way to ONNX: its operator, value names, shapes and weights."""

    node: Node
    writer: Writer
    shapes: Sequence[Dims]  # of the inputs
    out_shapes: Sequence[Dims]
    dtypes: Sequence[str]  # of the inputs
    weights: Mapping[str, np.ndarray]  # by role
    quants: Sequence[Quant | None] = ()  # of the inputs: what codes stand for
    out_quants: Sequence[Quant | None] = ()

    @property
    def op(self) -> Any:
        """The operator, whose attributes the exporter reads."""
        return self.node.op

    @property
    def x(self) -> str:
        """The first input."""
        return self.node.inputs[0]

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Write an ONNX node; returns its (first) output's name."""
        return self.add_many(kind, *inputs, outputs=outputs, **attributes)[0]

    def add_many(self, kind: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """Write an ONNX node with several outputs; returns their names.

        Raises UnsupportedOpError where the opset that is written does not have it yet.
        """
        needed = first_opset(kind, len(inputs), tuple(attributes), attributes.get("mode"))
        if needed > self.writer.opset:
            self.refuse(f"{kind}, as it is needed here, came with opset {needed}, found {self.writer.opset}")
        name = self.writer.fresh(f"{self.node.name}/{kind}")
        values = [name] if outputs == 1 else [self.writer.fresh(f"{name}:{i}") for i in range(outputs)]
        self.writer.nodes.append(helper.make_node(kind, list(inputs), values, name=name, **attributes))
        return values

    def knows(self, kind: str) -> bool:
        """Whether the opset that is written has this operator of one input."""
        return first_opset(kind, 1, ()) <= self.writer.opset

    def param(self, role: str) -> str:
        """The initializer of a weight."""
        return self.writer.weight(self.node.params[role], self.weights[role])

    def floats(self, values: Any) -> str:
        """A float32 constant."""
        return self.constant(np.asarray(values, np.float32))

    def constant(self, array: np.ndarray) -> str:
        """A constant of the array's dtype."""
        return self.writer.constant(array, f"{self.node.name}/constant")

    def ints(self, values: Any) -> str:
        """An int64 constant: sizes and axes."""
        return self.writer.constant(np.asarray(values, np.int64), f"{self.node.name}/sizes")

    def reduce(self, kind: str, x: str, axes: Sequence[int] | None, keepdim: bool = True) -> str:
        """A reduction over ``axes``, or over all, which stay with size 1 if ``keepdim``.

        Axes became an input with opset 18, those of ReduceSum with 13.
        """
        if axes is None:
            return self.add(kind, x, keepdims=int(keepdim))
        if self.writer.opset < AXES_AS_INPUT and kind != "ReduceSum":
            return self.add(kind, x, axes=list(axes), keepdims=int(keepdim))
        return self.add(kind, x, self.ints(axes), keepdims=int(keepdim), noop_with_empty_axes=1)

    def shape_of(self, value: str, start: int, end: int) -> str:
        """Some sizes of a value, worked out when the network runs; Shape can give a part of them since opset 15."""
        if self.writer.opset >= PART_OF_SHAPE:
            return self.add("Shape", value, start=start, end=end)
        return self.add("Slice", self.add("Shape", value), self.ints([start]), self.ints([end]))

    def refuse(self, why: str) -> NoReturn:
        """Raise UnsupportedOpError: ONNX can't say this."""
        raise UnsupportedOpError(f"node {self.node.name!r} ({self.op.name}) can't be exported to ONNX: {why}")

    def space(self) -> tuple[int, int] | None:
        """Height and width of the first input, or None if either is free."""
        height, width = self.shapes[0][2:]
        return None if height is None or width is None else (height, width)

    def finish(self, values: Sequence[str], first_node: int) -> None:
        """Give the values that an operator's function returned the names that the network knows them by."""
        written = self.writer.nodes[first_node:]
        for value, name in zip(values, self.node.outputs, strict=True):
            producer = next((node for node in written if value in node.output), None)
            if producer is None:  # the operator passes its input on unchanged
                self.writer.nodes.append(
                    helper.make_node("Identity", [value], [name], name=self.writer.fresh(f"{name}/Identity"))
                )
                continue
            producer.output[:] = [name if v == value else v for v in producer.output]
            for node in written:
                node.input[:] = [name if v == value else v for v in node.input]


@functools.cache
def first_opset(kind: str, inputs: int, attributes: tuple[str, ...], mode: str | None = None) -> int:
    """The first opset whose ``kind`` takes so many inputs and these attributes; ``mode`` is that of a Pad."""
    versions = sorted(
        schema.since_version
        for schema in defs.get_all_schemas_with_history()
        if schema.name == kind and schema.domain == ""
        if inputs <= schema.max_input and set(attributes) <= set(schema.attributes)
    )
    return max(int(versions[0]), WRAP if mode == "wrap" else 0)
