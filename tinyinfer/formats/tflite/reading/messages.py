"""A TFLite model as plain values: tensors, operators with their options, what is attached (schema.fbs, version 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.tflite.reading.builtins import BUILTINS, CUSTOM, LARGEST_DEPRECATED, OPTIONS
from tinyinfer.formats.tflite.reading.flatbuffer import FlatBuffer, Table

VERSION = 3
SHOWN = 3  # unknown options that are named
IDENTIFIER = b"TFL3"

_TYPE_NAMES = """
float32 float16 int32 uint8 int64 string bool int16 complex64 int8 float64 complex128 uint64 resource variant uint32
uint16 int4 bfloat16 int2 uint4 float8_e4m3fn float8_e5m2
"""
TYPES = tuple(_TYPE_NAMES.split())


@dataclass(frozen=True)
class Quantization:
    """The real numbers that integers stand for: scale * (integer - zero_point), one pair or one for each index."""

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int


@dataclass(frozen=True)
class Dimension:
    """One dimension of a sparse tensor: its size where it is dense, else the two lists of compressed rows."""

    dense_size: int
    segments: np.ndarray | None = None
    indices: np.ndarray | None = None


@dataclass(frozen=True)
class Sparsity:
    """How a tensor without its zeros is laid down: dimensions from the outermost, the last ones inside blocks."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True)
class TfliteTensor:
    """One value of the network; ``shape`` has None where a size is free, ``data`` is there for constants."""

    name: str
    shape: tuple[int | None, ...]
    nominal: tuple[int, ...]
    dtype: str
    data: memoryview | None
    quantization: Quantization | None
    sparsity: Sparsity | None

    @property
    def label(self) -> str:
        """The name as a message shows it."""
        return repr(self.name[:80])


@dataclass(frozen=True)
class TfliteOperator:
    """One node: what it computes, with the options in schema.fbs's words, from which tensors to which (-1: none)."""

    op_type: str
    custom: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    custom_options: memoryview


@dataclass(frozen=True)
class TfliteModel:
    """The one network of a file, and the buffers that are attached to it by name."""

    tensors: Sequence[TfliteTensor]
    operators: Sequence[TfliteOperator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attached: Mapping[str, memoryview]


def read_model(buffer: FlatBuffer) -> TfliteModel:
    """The model in a file.  Raises ModelFormatError if it is damaged, UnsupportedOpError for several networks."""
    root = buffer.root(IDENTIFIER, "TFLite model")
    version = root.integer(0, "uint32")
    if version != VERSION:
        raise UnsupportedOpError(str(root.error(f"expected version {VERSION} of the format, found {version}")))
    buffers = [_data(table) for table in root.tables(4, "buffer")]
    codes = [_operator_code(table) for table in root.tables(1, "operator code")]
    graphs = list(root.tables(2, "network"))
    if not graphs:
        raise root.error("expected a network, found none")
    if len(graphs) > 1:
        why = f"expected a single network, found {len(graphs)}: control flow and other entries are not supported"
        raise UnsupportedOpError(str(root.error(why)))
    graph, limits = graphs[0], buffer.limits
    tensors = _uniquely_named([_tensor(table, buffers) for table in graph.tables(0, "tensor")])
    operators = [_operator(table, codes, len(tensors)) for table in graph.tables(3, "operator")]
    if len(operators) > limits.nodes:
        raise graph.error(f"expected at most {limits.nodes} operators, found {len(operators)}")
    inputs, outputs = graph.integers(1), graph.integers(2)
    for index in (*inputs, *outputs):
        _check_index(graph, index, len(tensors), "tensor")
    attached = {}
    for table in root.tables(6, "metadata"):
        index = table.integer(1, "uint32")
        _check_index(table, index, len(buffers), "buffer")
        attached[table.text(0)] = buffers[index] or memoryview(b"")
    return TfliteModel(tensors, operators, inputs, outputs, attached)


def _check_index(table: Table, index: int, count: int, what: str, least: int = 0) -> None:
    if not least <= index < count:
        raise table.error(f"expected the number of one of {count} {what}s, found {index}")


def _data(table: Table) -> memoryview | None:
    """The bytes of a buffer: in it, or somewhere else in the file, as in those of more than 2 GiB."""
    offset, size = table.integer(1, "uint64"), table.integer(2, "uint64")
    if offset <= 1:  # 1 is what writers put there before they know the place
        found = table.data(0)
        return found if found else None
    data = table.buffer.data
    if offset > len(data) or size > len(data) - offset:
        raise table.error(f"{size} bytes from byte {offset} on are not in a file of {len(data)} bytes")
    return data[offset : offset + size]


def _operator_code(table: Table) -> tuple[str, str, int]:
    """Name, name of a custom operator, and version."""
    old, new = table.integer(0, "int8"), table.integer(3, "int32")
    code = old if old < LARGEST_DEPRECATED and new == 0 else max(old, new)
    if not 0 <= code < len(BUILTINS):
        raise UnsupportedOpError(str(table.error(f"the builtin operator {code} is not known")))
    custom = table.text(1) if code == CUSTOM else ""
    return BUILTINS[code], custom, table.integer(2, "int32", 1)


def _tensor(table: Table, buffers: Sequence[memoryview | None]) -> TfliteTensor:
    limits, name, shape, signature = table.buffer.limits, table.text(3), table.integers(0), table.integers(7)
    if len(shape) > limits.rank:
        raise table.error(f"expected at most {limits.rank} dimensions, found {len(shape)}")
    if signature and len(signature) != len(shape):
        raise table.error(f"expected {len(shape)} sizes of the signature, found {len(signature)}")
    for size in shape:
        if not -1 <= size <= limits.dimension:
            raise table.error(f"expected sizes from 0 to {limits.dimension}, found {size}")
    nominal = tuple(max(size, 1) if size < 0 else size for size in shape)
    if wrong := limits.oversized(nominal):
        raise table.error(wrong)
    free = tuple(None if -1 in sizes else sizes[0] for sizes in zip(shape, signature or shape, strict=True))
    kind, buffer = table.integer(1, "int8"), table.integer(2, "uint32")
    _check_index(table, kind, len(TYPES), "type")
    _check_index(table, buffer, len(buffers), "buffer")
    if table.integer(10, "uint32"):
        raise UnsupportedOpError(str(table.error(f"tensor {name[:80]!r}: its data is in another file")))
    if table.number(5, "bool"):
        raise UnsupportedOpError(str(table.error(f"tensor {name[:80]!r}: variables are not supported")))
    quantization = table.table(4, f"{table.what}: quantization")
    sparsity = table.table(6, f"{table.what}: sparsity")
    return TfliteTensor(
        name, free, nominal, TYPES[kind], buffers[buffer], _quantization(quantization, nominal, TYPES[kind]) if
        quantization else None, _sparsity(sparsity) if sparsity else None,
    )  # fmt: skip


def _quantization(table: Table, shape: tuple[int, ...], dtype: str) -> Quantization | None:
    """Scales and zero points, checked against the shape and the type that they are for."""
    scale, zero_point = table.numbers(2, "float32"), table.numbers(3, "int64")
    if scale is None or not scale.size:
        return None
    if table.integer(4, "uint8"):
        raise UnsupportedOpError(str(table.error("quantisation in blocks or of a custom kind is not supported")))
    if zero_point is None or not zero_point.size:
        zero_point = np.zeros(scale.size, np.int64)
    if zero_point.size not in (1, scale.size):
        raise table.error(f"expected {scale.size} zero points, as many as scales, found {zero_point.size}")
    if not (np.isfinite(scale) & (scale >= 0)).all():
        raise table.error("expected scales that are finite and above 0")
    if not scale.all():
        if scale.size == 1 and not zero_point.any():
            return None  # as old writers put it where nothing is quantised
        raise table.error("expected scales above 0, found 0")
    if dtype in ("uint8", "int8"):
        limits = np.iinfo(dtype)
        outside = zero_point[(zero_point < limits.min) | (zero_point > limits.max)]
        if outside.size:
            raise table.error(f"zero_point: expected {limits.min} to {limits.max} for {dtype}, found {outside[0]}")
    axis = table.integer(6, "int32")
    if scale.size > 1:
        if not 0 <= axis < len(shape):
            raise table.error(f"expected a quantised dimension from 0 to {len(shape) - 1}, found {axis}")
        if scale.size != shape[axis]:
            raise table.error(f"expected {shape[axis]} scales along dimension {axis}, found {scale.size}")
    return Quantization(scale, np.broadcast_to(zero_point, scale.shape), axis)


_SEGMENTS = {1: "int32", 2: "uint16", 3: "uint8"}  # SparseIndexVector


def _sparsity(table: Table) -> Sparsity:
    dimensions = []
    for dimension in table.tables(2, f"{table.what}: dimension"):
        sparse = dimension.integer(0, "int8")
        _check_index(dimension, sparse, 2, "format")
        if not sparse:
            dimensions.append(Dimension(dimension.integer(1)))
            continue
        dimensions.append(Dimension(0, _sparse_vector(dimension, 2), _sparse_vector(dimension, 4)))
    return Sparsity(table.integers(0), table.integers(1), tuple(dimensions))


def _sparse_vector(table: Table, field: int) -> np.ndarray:
    """The numbers of one of the three kinds of vectors that a sparse dimension may have."""
    kind = table.integer(field, "uint8")
    holder = table.table(field + 1, f"{table.what}: vector")
    values = holder.numbers(0, _SEGMENTS[kind]) if holder is not None and kind in _SEGMENTS else None
    if values is None:
        raise table.error("expected a vector of integers of a sparse dimension, found none")
    return values.astype(np.int64)


def _uniquely_named(tensors: list[TfliteTensor]) -> list[TfliteTensor]:
    """The tensors; a name that a tensor before has already or that is empty is completed by the tensor's number."""
    taken: set[str] = set()
    found = []
    for index, tensor in enumerate(tensors):
        name = tensor.name if tensor.name and tensor.name not in taken else f"{tensor.name}:{index}"
        while name in taken:
            name += "'"
        taken.add(name)
        found.append(TfliteTensor(**{**vars(tensor), "name": name}))
    return found


def _operator(table: Table, codes: Sequence[tuple[str, str, int]], tensors: int) -> TfliteOperator:
    index = table.integer(0, "uint32")
    _check_index(table, index, len(codes), "operator code")
    op_type, custom, version = codes[index]
    inputs, outputs = table.integers(1), table.integers(2)
    for value in inputs:
        _check_index(table, value, tensors, "tensor", least=-1)
    for value in outputs:
        _check_index(table, value, tensors, "tensor")
    if table.integer(9, "uint64") > 1:
        raise UnsupportedOpError(str(table.error("options outside of the operator's table are not supported")))
    options = _options(table, op_type)
    return TfliteOperator(op_type, custom, version, inputs, outputs, options, table.data(5) or memoryview(b""))


def _options(table: Table, op_type: str) -> dict[str, Any]:
    """An operator's options by name, each that the schema has; unknown ones by number, which no lowering takes."""
    found, union = OPTIONS.get(op_type), table.integer(3, "uint8")
    if found is None:
        return {}
    options = table.table(4, f"{table.what}: options of {op_type}") if union else None
    if union not in (0, found.union):
        raise table.error(f"expected options of type {found.union} for {op_type}, found {union}")
    values: dict[str, Any] = {}
    for field, (name, kind, default) in found.fields.items():
        if kind == "int32s":
            values[name] = options.integers(field) if options else ()
        else:
            values[name] = options.number(field, kind, default) if options else default
    if options:
        unknown = [field for field in options.present if field not in found.fields]
        values |= {f"option {field}": None for field in unknown[:SHOWN]}
    return values
