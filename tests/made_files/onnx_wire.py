"""ONNX files written field by field, so that nothing keeps a test from writing what no exporter would."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
DTYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10, "float64": 11}
KINDS = {float: 1, int: 2, str: 3}
FLOATS, INTS, STRINGS = 6, 7, 8


def varint(number: int) -> bytes:
    """An integer in groups of seven bits; negative ones are written as 64 bits are."""
    number &= 2**64 - 1
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def field(number: int, value: int | float | str | bytes) -> bytes:
    """A field: an integer as a varint, a float in four bytes, anything else with its length before it."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | FOUR) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def tensor(name: str, dims: Sequence[int], data_type: int | str = "float32", *more: bytes) -> bytes:
    """A TensorProto without its data, which is among the ``more`` fields."""
    number = DTYPES[data_type] if isinstance(data_type, str) else data_type
    return b"".join(field(1, size) for size in dims) + field(2, number) + field(8, name) + b"".join(more)


def raw(data: bytes) -> bytes:
    """A tensor's raw_data."""
    return field(9, data)


def array(name: str, values: Any, dtype: str = "float32") -> bytes:
    """A whole tensor."""
    values = np.asarray(values, dtype)
    return tensor(name, values.shape, dtype, raw(values.tobytes()))


def external(name: str, dims: Sequence[int], **said: str) -> bytes:
    """A float32 tensor whose data is in another file."""
    entries = [field(13, field(1, key) + field(2, value)) for key, value in said.items()]
    return tensor(name, dims, "float32", *entries, field(14, 1))


def attribute(name: str, value: Any) -> bytes:
    """An AttributeProto; bytes are a tensor."""
    if isinstance(value, bytes):
        return field(1, name) + field(5, value) + field(20, 4)
    if isinstance(value, list):
        kind = {float: FLOATS, int: INTS, str: STRINGS}[type(value[0]) if value else int]
        number = {FLOATS: 7, INTS: 8, STRINGS: 9}[kind]
        return field(1, name) + b"".join(field(number, item) for item in value) + field(20, kind)
    kind = KINDS[type(value)]
    return field(1, name) + field(kind + 1, value) + field(20, kind)


def subgraph(name: str, content: bytes) -> bytes:
    """An AttributeProto that is a graph."""
    return field(1, name) + field(6, content) + field(20, 5)


def reference(name: str, to: str) -> bytes:
    """An AttributeProto of a function's node that is the function's own."""
    return field(1, name) + field(21, to) + field(20, 2)


def node(op: str, inputs: str, outputs: str, *attributes: bytes, name: str = "", domain: str = "") -> bytes:
    """A NodeProto; values are separated by spaces, "_" is one that is left out."""
    read, made = ([value.replace("_", "") for value in values.split()] for values in (inputs, outputs))
    content = b"".join(field(1, value) for value in read) + b"".join(field(2, value) for value in made)
    content += field(3, name) + field(4, op) + b"".join(field(5, found) for found in attributes)
    return content + (field(7, domain) if domain else b"")


def value_info(name: str, shape: Sequence[int | str] | None = (1, 3, 8, 8), data_type: int = 1) -> bytes:
    """A ValueInfoProto; None is no shape at all."""
    sizes = b"".join(field(1, field(1 if isinstance(size, int) else 2, size)) for size in shape or ())
    content = field(1, data_type) + (field(2, sizes) if shape is not None else b"")
    return field(1, name) + field(2, field(1, content))


def graph(
    nodes: Sequence[bytes],
    initializers: Sequence[bytes] = (),
    inputs: Sequence[bytes] = (value_info("x"),),
    outputs: Sequence[str] = ("y",),
    more: bytes = b"",
) -> bytes:
    """A GraphProto."""
    content = b"".join(field(1, found) for found in nodes) + field(2, "graph")
    content += b"".join(field(5, found) for found in initializers) + b"".join(field(11, found) for found in inputs)
    return content + b"".join(field(12, value_info(name, None)) for name in outputs) + more


def opset(version: int, domain: str = "") -> bytes:
    """An OperatorSetIdProto."""
    return field(1, domain) + field(2, version)


def model(content: bytes, version: int = 20, more: bytes = b"", producer: str = "tests") -> bytes:
    """A ModelProto around a graph."""
    return field(1, 10) + field(2, producer) + field(7, content) + field(8, opset(version)) + more


def function(
    name: str, inputs: str, outputs: str, *nodes: bytes, domain: str = "local", uses: str = "", version: int = 20
) -> bytes:
    """A FunctionProto; ``uses`` are attributes that its caller may give."""
    content = field(1, name) + b"".join(field(4, value) for value in inputs.split())
    content += b"".join(field(5, value) for value in outputs.split()) + b"".join(field(6, a) for a in uses.split())
    content += b"".join(field(7, found) for found in nodes) + field(9, opset(version))
    return content + field(9, opset(1, domain)) + field(10, domain)


def functions(*found: bytes) -> bytes:
    """Functions as fields of a model."""
    return b"".join(field(25, content) for content in found)


def metadata(**texts: str) -> bytes:
    """Properties as fields of a model."""
    return b"".join(field(14, field(1, key) + field(2, text)) for key, text in texts.items())
