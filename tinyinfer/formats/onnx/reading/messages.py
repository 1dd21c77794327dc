"""ONNX's ModelProto as plain values: opsets, graph, nodes and their attributes (onnx.proto, IR version 3 to 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.onnx.reading.tensors import element_type, read_tensor
from tinyinfer.formats.onnx.reading.wire import Message


@dataclass(frozen=True)
class ValueInfo:
    """A value's name, dtype and sizes, each a number, a name or None; no shape at all is None."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class OnnxNode:
    """One node; inputs that are left out have the name ""."""

    name: str
    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class OnnxGraph:
    """Nodes in the file's order, arrays by name, and what goes in and out."""

    name: str
    nodes: list[OnnxNode]
    initializers: dict[str, np.ndarray]
    inputs: list[ValueInfo]
    outputs: list[ValueInfo]


@dataclass(frozen=True)
class Function:
    """A function of the file: nodes that a node of this name stands for."""

    name: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    defaults: Mapping[str, Any]
    nodes: list[OnnxNode]
    opsets: Mapping[str, int]


@dataclass(frozen=True)
class Reference:
    """An attribute of a function's node whose value is the function's attribute of this name."""

    name: str


@dataclass(frozen=True)
class OnnxModel:
    """A file: its graph, the version of the operators by domain ("" is ONNX's own), functions, metadata."""

    graph: OnnxGraph
    opsets: Mapping[str, int]
    functions: Mapping[tuple[str, str], Function]
    metadata: Mapping[str, str]
    producer: str


def read_model(message: Message, limits: Limits) -> OnnxModel:
    """A ModelProto.  Raises ModelFormatError if it is damaged, UnsupportedOpError for what networks lack here."""
    graph = message.message(7, "graph")
    if graph is None:
        raise message.error("not an ONNX model: expected a graph, found none")
    functions = [_function(found, limits) for found in message.messages(25, "function")]
    return OnnxModel(
        read_graph(graph, limits),
        _opsets(message, 8),
        {(function.domain, function.name): function for function in functions},
        {entry.text(1): entry.text(2) for entry in message.messages(14, "metadata")},
        message.text(2),
    )


def _opsets(message: Message, field: int) -> dict[str, int]:
    return {entry.text(1): entry.integer(2) for entry in message.messages(field, "opset")}


def read_graph(message: Message, limits: Limits) -> OnnxGraph:
    """A GraphProto."""
    if 15 in message:
        raise UnsupportedOpError(str(message.error("sparse initializers are not supported")))
    nodes = [_node(node, limits) for node in message.messages(1, "node")]
    if len(nodes) > limits.nodes:
        raise message.error(f"expected at most {limits.nodes} nodes, found {len(nodes)}")
    initializers: dict[str, np.ndarray] = {}
    for tensor in message.messages(5, "initializer"):
        name, array = read_tensor(tensor, limits)
        if name in initializers:
            raise tensor.error(f"the name {name[:80]!r} is taken by an initializer before it")
        initializers[name] = array
    inputs = [_value_info(value) for value in message.messages(11, "input")]
    outputs = [_value_info(value) for value in message.messages(12, "output")]
    return OnnxGraph(message.text(2), nodes, initializers, inputs, outputs)


def _value_info(message: Message) -> ValueInfo:
    name, kind = message.text(1), message.message(2, "type")
    tensor = kind.message(1, "tensor type") if kind else None
    if tensor is None:
        raise UnsupportedOpError(str(message.error(f"{name[:80]!r}: expected a tensor, found another type of value")))
    shape = tensor.message(2, "shape")
    dtype = element_type(tensor.integer(1), tensor).name
    return ValueInfo(name, dtype, None if shape is None else tuple(map(_dimension, shape.messages(1, "dimension"))))


def _dimension(message: Message) -> int | str | None:
    if 1 in message:
        size = message.integer(1)
        return size if size > 0 else None  # exporters write 0 and -1 for sizes that they do not know
    return message.text(2) or None


def _node(message: Message, limits: Limits) -> OnnxNode:
    attributes = dict(_attribute(found, limits) for found in message.messages(5, "attribute"))
    return OnnxNode(
        message.text(3), message.text(4), message.text(7), tuple(message.texts(1)), tuple(message.texts(2)), attributes
    )


def _attribute(message: Message, limits: Limits) -> tuple[str, Any]:
    """Name and value of an AttributeProto; files of old exporters do not say which kind of value it is."""
    name, kind = message.text(1), message.integer(20)
    if message.text(21):
        return name, Reference(message.text(21))
    read: dict[int, tuple[int, Any]] = {
        1: (2, lambda: message.single(2)),
        2: (3, lambda: message.integer(3)),
        3: (4, lambda: message.text(4)),
        4: (5, lambda: _tensor(message, limits)),
        5: (6, lambda: _subgraph(message, limits)),
        6: (7, lambda: message.numbers(7, "<f4").tolist()),
        7: (8, lambda: message.integers(8).tolist()),
        8: (9, lambda: message.texts(9)),
    }
    if kind == 0:
        kind = next((kind for kind, (field, _) in read.items() if field in message), 7)
    if kind not in read:
        raise UnsupportedOpError(str(message.error(f"attribute {name[:80]!r}: its kind {kind} is not supported")))
    return name, read[kind][1]()


def _tensor(message: Message, limits: Limits) -> np.ndarray:
    tensor = message.message(5, "tensor")
    if tensor is None:
        raise message.error("expected a tensor, found none")
    return read_tensor(tensor, limits)[1]


def _subgraph(message: Message, limits: Limits) -> OnnxGraph:
    graph = message.message(6, "graph")
    if graph is None:
        raise message.error("expected a graph, found none")
    return read_graph(graph, limits)


def _function(message: Message, limits: Limits) -> Function:
    nodes = [_node(node, limits) for node in message.messages(7, "node")]
    defaults = dict(_attribute(found, limits) for found in message.messages(11, "attribute"))
    inputs, outputs = tuple(message.texts(4)), tuple(message.texts(5))
    return Function(message.text(1), message.text(10), inputs, outputs, defaults, nodes, _opsets(message, 9))
