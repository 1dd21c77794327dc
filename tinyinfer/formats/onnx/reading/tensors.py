"""ONNX's TensorProto: an array of a network, whose bytes stand in the file in one of several fields."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.onnx.reading.wire import Message

Field = Literal["float", "double", "int32", "int64", "uint64"]


@dataclass(frozen=True)
class ElementType:
    """A number of TensorProto.DataType: how elements are stored, and the field that has them if raw_data does not."""

    name: str
    stored: str
    field: Field


ELEMENT_TYPES = {
    1: ElementType("float32", "<f4", "float"),
    2: ElementType("uint8", "<u1", "int32"),
    3: ElementType("int8", "<i1", "int32"),
    4: ElementType("uint16", "<u2", "int32"),
    5: ElementType("int16", "<i2", "int32"),
    6: ElementType("int32", "<i4", "int32"),
    7: ElementType("int64", "<i8", "int64"),
    9: ElementType("bool", "|b1", "int32"),
    10: ElementType("float16", "<f2", "int32"),
    11: ElementType("float64", "<f8", "double"),
    12: ElementType("uint32", "<u4", "uint64"),
    13: ElementType("uint64", "<u8", "uint64"),
    16: ElementType("bfloat16", "<u2", "int32"),  # the upper halves of float32
}
NAMES = {8: "string", 14: "complex64", 15: "complex128", 17: "float8", 18: "float8", 19: "float8", 20: "float8",
         21: "uint4", 22: "int4", 23: "float4", 24: "float8"}  # fmt: skip

EXTERNAL = 1  # data_location


def element_type(number: int, message: Message) -> ElementType:
    """The element type of a number; raises UnsupportedOpError for those that no network of ours has."""
    if number not in ELEMENT_TYPES:
        raise UnsupportedOpError(str(message.error(f"elements of type {NAMES.get(number, number)} are not supported")))
    return ELEMENT_TYPES[number]


def read_tensor(message: Message, limits: Limits) -> tuple[str, np.ndarray]:
    """Name and array of a TensorProto; a view of the file where it can be one.

    bfloat16 becomes float32.  Raises ModelFormatError for sizes that do not fit the bytes, UnsupportedOpError for
    strings and the like and for data outside the file.
    """
    name = message.text(8)
    if message.integer(14) == EXTERNAL or 13 in message:
        raise UnsupportedOpError(str(message.error(f"tensor {name[:80]!r}: its data is in another file")))
    shape = tensor_shape(message, limits)
    kind = element_type(message.integer(2), message)
    count, stored = math.prod(shape), np.dtype(kind.stored)
    raw = message.data(9)
    if 9 in message:
        if len(raw) != count * stored.itemsize:
            raise message.error(f"tensor {name[:80]!r}: expected {count * stored.itemsize} bytes, found {len(raw)}")
        array = np.frombuffer(raw, stored)
    else:
        array = _from_numbers(message, kind, stored)
        if array.size != count:
            raise message.error(f"tensor {name[:80]!r}: expected {count} elements, found {array.size}")
    if kind.name == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return name, array.reshape(shape)


def tensor_shape(message: Message, limits: Limits) -> tuple[int, ...]:
    """The sizes of a TensorProto, each and all within the limits."""
    shape = tuple(message.integers(1).tolist())
    if len(shape) > limits.rank:
        raise message.error(f"expected at most {limits.rank} dimensions, found {len(shape)}")
    for size in shape:
        if not 0 <= size <= limits.dimension:
            raise message.error(f"expected sizes from 0 to {limits.dimension}, found {size}")
    if math.prod(shape) > limits.elements:
        raise message.error(f"expected at most {limits.elements} elements, found {math.prod(shape)}")
    return shape


def _from_numbers(message: Message, kind: ElementType, stored: np.dtype) -> np.ndarray:
    """The elements of a tensor that has them as protobuf's numbers."""
    if kind.field == "float":
        return message.numbers(4, "<f4")
    if kind.field == "double":
        return message.numbers(10, "<f8")
    numbers = message.integers({"int32": 5, "int64": 7, "uint64": 11}[kind.field])
    if kind.name in ("float16", "bfloat16"):  # their bits
        return numbers.astype(np.uint16).view(stored)
    if kind.name == "bool":
        return np.asarray(numbers != 0)
    return np.asarray(numbers, stored)
