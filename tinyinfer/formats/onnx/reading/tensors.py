"""ONNX's TensorProto: an array of a network, whose bytes stand in one of several fields or in a file beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinyinfer.formats.onnx.reading.data_files import DataFiles
from tinyinfer.formats.onnx.reading.file_part import FilePart
from tinyinfer.formats.onnx.reading.wire import Message

Field = Literal["float", "double", "int32", "int64", "uint64"]
FIELDS: dict[Field, int] = {"float": 4, "int32": 5, "int64": 7, "double": 10, "uint64": 11}
DIMS, TYPE, SEGMENT, STRINGS, NAME, RAW, FILE, LOCATION = 1, 2, 3, 6, 8, 9, 13, 14


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

IN_FILE = 1  # data_location


def element_type(number: int, message: Message) -> ElementType:
    """The element type of a number; raises UnsupportedOpError for those that no network of ours has."""
    if number not in ELEMENT_TYPES:
        raise message.unsupported(f"elements of type {NAMES.get(number, number)} are not supported")
    return ELEMENT_TYPES[number]


def read_tensor(message: Message, files: DataFiles) -> tuple[str, np.ndarray]:
    """Name and array of a TensorProto; the array is aligned and in memory of its own.

    bfloat16 becomes float32.  Raises ModelFormatError for sizes that do not fit the bytes, for data in several places
    and for data outside the model's folder, UnsupportedOpError for strings and the like.
    """
    name = message.name(NAME)
    message.what = f"tensor {name[:80]!r}"
    shape = tensor_shape(message)
    kind = element_type(message.integer(TYPE), message)
    if SEGMENT in message:
        raise message.unsupported("tensors in segments are not supported")
    message.require_one(*FIELDS.values(), STRINGS, RAW, FILE)
    if message.integer(LOCATION) == IN_FILE or FILE in message:
        array = _from_part(_external(message, kind, shape, files), kind, shape, message, files)
    elif RAW in message:
        raw = message.data(RAW)
        if isinstance(raw, FilePart):
            array = _from_part(raw, kind, shape, message, files)
        else:
            _check_size(len(raw), kind, shape, message)
            array = np.frombuffer(raw, kind.stored).reshape(shape).copy()  # small, and aligned by being copied
    else:
        array = _from_numbers(message, kind, shape)
    if kind.name == "bool" and array.size and array.view(np.uint8).max() > 1:
        raise message.error(f"expected truth values of 0 or 1, found {array.view(np.uint8).max()}")
    if kind.name == "bfloat16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return name, array


def tensor_shape(message: Message) -> tuple[int, ...]:
    """The sizes of a TensorProto, each and all within the limits."""
    shape, limits = tuple(message.integers(DIMS).tolist()), message.limits
    if len(shape) > limits.rank:
        raise message.error(f"expected at most {limits.rank} dimensions, found {len(shape)}")
    for size in shape:
        if not 0 <= size <= limits.dimension:
            raise message.error(f"expected sizes from 0 to {limits.dimension}, found {size}")
    if wrong := limits.oversized(shape):
        raise message.error(wrong)
    return shape


def _check_size(size: int, kind: ElementType, shape: tuple[int, ...], message: Message) -> None:
    expected = math.prod(shape) * np.dtype(kind.stored).itemsize
    if size != expected:
        raise message.error(f"expected {expected} bytes for {kind.name} of shape {list(shape)}, found {size}")


def _from_part(
    part: FilePart, kind: ElementType, shape: tuple[int, ...], message: Message, files: DataFiles
) -> np.ndarray:
    _check_size(len(part), kind, shape, message)
    array = part.array(np.dtype(kind.stored), shape)
    files.origins.append((array, part))
    return array


def _external(message: Message, kind: ElementType, shape: tuple[int, ...], files: DataFiles) -> FilePart:
    """Where in which file the elements are."""
    said: dict[str, str] = {}
    for entry in message.messages(FILE, "external data"):
        key, value = entry.text(1), entry.text(2)
        if key in said:
            raise message.error(f"external data: {key[:80]!r} is said twice")
        said[key] = value
    expected = math.prod(shape) * np.dtype(kind.stored).itemsize
    return files.part(said.get("location", ""), said.get("offset", "0"), said.get("length"), expected, message)


def _from_numbers(message: Message, kind: ElementType, shape: tuple[int, ...]) -> np.ndarray:
    """The elements of a tensor that has them as protobuf's numbers."""
    if kind.field in ("float", "double"):
        numbers = message.numbers(FIELDS[kind.field], kind.stored)
    else:
        numbers = message.integers(FIELDS[kind.field])
    if numbers.size != math.prod(shape):
        raise message.error(f"expected {math.prod(shape)} elements, found {numbers.size} of {kind.field}_data")
    return (numbers if numbers.dtype.kind == "f" else _narrowed(numbers, kind, message)).reshape(shape)


def _narrowed(numbers: np.ndarray, kind: ElementType, message: Message) -> np.ndarray:
    """64-bit integers as the tensor's elements, none of them changed."""
    if kind.name == "uint64":
        return numbers.view(np.uint64)
    stored = np.dtype("<u2" if kind.name in ("float16", "bfloat16") else kind.stored)  # the bits of half floats
    least, most = (0, 1) if kind.name == "bool" else (np.iinfo(stored).min, np.iinfo(stored).max)
    if numbers.size and not (least <= numbers.min() and numbers.max() <= most):
        wrong = numbers[(numbers < least) | (numbers > most)][0]
        raise message.error(f"expected elements from {least} to {most}, found {wrong}")
    return numbers.astype(stored).view(kind.stored)
