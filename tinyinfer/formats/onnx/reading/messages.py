"""ONNX's ModelProto as plain values: opsets, graph, nodes and their attributes (onnx.proto, IR version 3 to 13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tinyinfer.formats.onnx.reading.attributes import KINDS, Kind
from tinyinfer.formats.onnx.reading.data_files import DataFiles
from tinyinfer.formats.onnx.reading.tensors import element_type, read_tensor
from tinyinfer.formats.onnx.reading.wire import Message

FLOAT16 = 10  # among the element types

K = TypeVar("K")
V = TypeVar("V")


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
    overload: str = ""


@dataclass(frozen=True)
class OnnxGraph:
    """Nodes in the file's order, arrays by name, and what goes in and out."""

    name: str
    nodes: list[OnnxNode]
    initializers: dict[str, np.ndarray]
    inputs: list[ValueInfo]
    outputs: list[str]
    halves: frozenset[str] = frozenset()  # outputs of float16


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


FunctionKey = tuple[str, str, str]  # domain, name, overload


@dataclass(frozen=True)
class Reference:
    """An attribute of a function's node whose value is the function's attribute of this name."""

    name: str


@dataclass(frozen=True)
class OnnxModel:
    """A file: its graph, the version of the operators by domain ("" is ONNX's own), functions, metadata."""

    graph: OnnxGraph
    opsets: Mapping[str, int]
    functions: Mapping[FunctionKey, Function]
    metadata: Mapping[str, str]
    producer: str


def read_model(message: Message, files: DataFiles) -> OnnxModel:
    """A ModelProto.  Raises ModelFormatError if it is damaged, UnsupportedOpError for what networks lack here."""
    graph = message.message(7, "graph")
    if graph is None:
        raise message.error("not an ONNX model: expected a graph, found none")
    return OnnxModel(
        read_graph(graph, files),
        _opsets(message, 8),
        _unique([_function(found, files) for found in message.messages(25, "function")], message, "function"),
        _unique([(entry.text(1), entry.text(2)) for entry in message.messages(14, "metadata")], message, "metadata"),
        f"{message.text(2)} {message.text(3)}".strip(),
    )


def _unique(items: Iterable[tuple[K, V]], message: Message, what: str) -> dict[K, V]:
    """A dictionary; raises ModelFormatError for a key that comes twice."""
    found: dict[K, V] = {}
    for key, value in items:
        if key in found:
            raise message.error(f"{what}: {str(key)[:80]!r} stands twice")
        found[key] = value
    return found


def _opsets(message: Message, field: int) -> dict[str, int]:
    entries = [(_domain(entry.name(1)), entry.integer(2)) for entry in message.messages(field, "opset")]
    return _unique(entries, message, "opset")


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def read_graph(message: Message, files: DataFiles) -> OnnxGraph:
    """A GraphProto."""
    if 15 in message:
        raise message.unsupported("sparse initializers are not supported")
    nodes = _nodes(message, 1, files)
    initializers = _unique([read_tensor(t, files) for t in message.messages(5, "initializer")], message, "initializer")
    inputs = [_value_info(value) for value in message.messages(11, "input")]
    outputs = [value.name(1) for value in message.messages(12, "output")]
    for what, names in (("input", [i.name for i in inputs]), ("output", outputs), ("initializer", [*initializers])):
        _unique([(name, None) for name in names], message, what)
        if "" in names:
            raise message.error(f"{what} {names.index('')}: expected a name, found none")
    halves = frozenset(value.name(1) for value in message.messages(12, "output") if _element_number(value) == FLOAT16)
    return OnnxGraph(message.text(2), nodes, initializers, inputs, outputs, halves)


def _nodes(message: Message, field: int, files: DataFiles) -> list[OnnxNode]:
    count, most = len(message.all_data(field)), message.limits.nodes
    if count > most:
        raise message.error(f"expected at most {most} nodes, found {count}")
    return [_node(node, files) for node in message.messages(field, "node")]


def _element_number(message: Message) -> int:
    """The number of a value's element type, 0 where none is said."""
    kind = message.message(2, "type")
    tensor = kind.message(1, "tensor type") if kind else None
    return tensor.integer(1) if tensor else 0


def _value_info(message: Message) -> ValueInfo:
    name, kind = message.name(1), message.message(2, "type")
    tensor = kind.message(1, "tensor type") if kind else None
    if tensor is None:
        raise message.unsupported(f"{name[:80]!r}: expected a tensor, found another type of value")
    shape = tensor.message(2, "shape")
    dtype = element_type(tensor.integer(1), tensor).name
    return ValueInfo(name, dtype, None if shape is None else _sizes(shape))


def _sizes(message: Message) -> tuple[int | str | None, ...]:
    limits = message.limits
    sizes = tuple(map(_dimension, message.messages(1, "dimension")))
    if len(sizes) > limits.rank:
        raise message.error(f"expected at most {limits.rank} dimensions, found {len(sizes)}")
    for size in sizes:
        if isinstance(size, int) and size > limits.dimension:
            raise message.error(f"expected sizes of at most {limits.dimension}, found {size}")
    return sizes


def _dimension(message: Message) -> int | str | None:
    if 1 in message:
        size = message.integer(1)
        return size if size > 0 else None  # exporters write 0 and -1 for sizes that they do not know
    return message.text(2) or None


def _node(message: Message, files: DataFiles) -> OnnxNode:
    name, op_type = message.name(3), message.name(4)
    message.what += f" {name[:80]!r} ({op_type[:80]})"
    attributes = _unique([_attribute(a, files) for a in message.messages(5, "attribute")], message, "attribute")
    return OnnxNode(
        name, op_type, _domain(message.name(7)), message.names(1), message.names(2), attributes, message.name(8)
    )


def _attribute(message: Message, files: DataFiles) -> tuple[str, Any]:
    """Name and value of an AttributeProto; files of old exporters do not say which kind of value it is."""
    name, number = message.name(1), message.integer(20)
    message.what = f"attribute {name[:80]!r}"
    if message.text(21):
        return name, Reference(message.name(21))
    kind = next((kind for kind in Kind if kind.number == number), None)
    if number == 0:
        kind = next((kind for kind in Kind if kind.field in message), KINDS.get(name, Kind.INTS))
    if kind is None:
        raise message.unsupported(f"values of kind {number} are not supported")
    return name, _READ[kind](message, files)


_READ: dict[Kind, Callable[[Message, DataFiles], Any]] = {
    Kind.FLOAT: lambda message, files: message.single(Kind.FLOAT.field),
    Kind.INT: lambda message, files: message.integer(Kind.INT.field),
    Kind.STRING: lambda message, files: message.text(Kind.STRING.field),
    Kind.TENSOR: lambda message, files: read_tensor(_inner(message, Kind.TENSOR), files)[1],
    Kind.GRAPH: lambda message, files: read_graph(_inner(message, Kind.GRAPH), files),
    Kind.FLOATS: lambda message, files: message.numbers(Kind.FLOATS.field, "<f4").tolist(),
    Kind.INTS: lambda message, files: message.integers(Kind.INTS.field).tolist(),
    Kind.STRINGS: lambda message, files: message.texts(Kind.STRINGS.field),
}


def _inner(message: Message, kind: Kind) -> Message:
    found = message.message(kind.field, f"{message.what}: {kind.name.lower()}")
    if found is None:
        raise message.error(f"expected {kind.spelling}, found none")
    return found


def _function(message: Message, files: DataFiles) -> tuple[FunctionKey, Function]:
    name, domain = message.name(1), _domain(message.name(10))
    message.what = f"function {name[:80]!r}"
    defaults = _unique([_attribute(a, files) for a in message.messages(11, "attribute")], message, "attribute")
    function = Function(
        name, domain, message.names(4), message.names(5), defaults, _nodes(message, 7, files), _opsets(message, 9)
    )
    for names in (function.inputs, function.outputs):
        _unique([(value, None) for value in names], message, "value")
    return (domain, name, message.name(13)), function
