"""Small TFLite files for tests, written without TensorFlow (tensorflow/lite/schema/schema.fbs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from flatbuffer_writer import FlatBufferWriter, Number, Table

from tinyinfer.formats.tflite.reading.builtins import BUILTINS, OPTIONS

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9, "int4": 17}
KINDS = {"int8": "b", "int32": "i", "bool": "?", "float32": "f"}


class Network:
    """A network that grows tensor by tensor and operator by operator; ``tables`` is the file before it is written."""

    def __init__(self) -> None:
        self.tensors: list[Table] = []
        self.buffers: list[Table] = [{}]
        self.codes: list[Table] = []
        self.operators: list[Table] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.metadata: list[Table] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        signature: Sequence[int] | None = None,
        quantization: tuple[Any, Any] | tuple[Any, Any, int] | None = None,
    ) -> int:
        """A value that is computed; ``quantization`` is scales, zero points and the axis of several."""
        table: Table = {0: np.array(shape, np.int32), 1: Number("b", TYPES[dtype]), 2: Number("I", 0), 3: name}
        if signature is not None:
            table[7] = np.array(signature, np.int32)
        if quantization is not None:
            scale, zero, *axis = quantization
            table[4] = {2: np.atleast_1d(np.float32(scale)), 3: np.atleast_1d(np.int64(zero))}
            if axis:
                table[4][6] = Number("i", axis[0])
        self.tensors.append(table)
        return len(self.tensors) - 1

    def input(self, name: str, shape: Sequence[int], dtype: str = "float32", **options: Any) -> int:
        """A tensor that is an input."""
        self.inputs.append(self.tensor(name, shape, dtype, **options))
        return self.inputs[-1]

    def constant(self, name: str, array: Any, dtype: str | None = None, **options: Any) -> int:
        """A tensor with data; ``dtype`` where NumPy has none of that name, the array being its bytes."""
        array = np.asarray(array)
        shape = options.pop("shape", array.shape)
        index = self.tensor(name, shape, dtype or str(array.dtype), **options)
        self.tensors[index][2] = Number("I", self.buffer(array.tobytes()))
        return index

    def buffer(self, data: bytes) -> int:
        """Bytes that tensors and metadata refer to."""
        self.buffers.append({0: data})
        return len(self.buffers) - 1

    def apply(
        self,
        builtin: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Mapping[str, Any] | None = None,
        *,
        custom: bytes | None = None,
        version: int = 1,
    ) -> None:
        """An operator; with ``custom`` options its name is that of a custom one."""
        code = BUILTINS.index("CUSTOM" if custom is not None else builtin)
        entry: Table = {0: Number("b", min(code, 127)), 2: Number("i", version), 3: Number("i", code)}
        if custom is not None:
            entry[1] = builtin
        self.codes.append(entry)
        table: Table = {0: Number("I", len(self.codes) - 1), 1: np.array(inputs, np.int32)}
        table[2] = np.array(outputs, np.int32)
        if custom is not None:
            table[5] = custom
        elif options is not None:
            union, fields = OPTIONS[builtin]
            table[3] = Number("B", union)
            table[4] = {
                number: np.array(options[name], np.int32) if kind == "int32s" else Number(KINDS[kind], options[name])
                for number, (name, kind, _) in fields.items()
                if name in options
            }
        self.operators.append(table)

    def attach(self, name: str, data: bytes) -> None:
        """Metadata under a name."""
        self.metadata.append({0: name, 1: Number("I", self.buffer(data))})

    @property
    def tables(self) -> Table:
        """The root table."""
        graph: Table = {0: self.tensors, 1: np.array(self.inputs, np.int32), 2: np.array(self.outputs, np.int32)}
        graph[3] = self.operators
        root: Table = {0: Number("I", 3), 1: self.codes, 2: [graph], 3: "made for a test", 4: self.buffers}
        return root | ({6: self.metadata} if self.metadata else {})

    def write(self) -> bytes:
        """The file."""
        return FlatBufferWriter(b"TFL3").write(self.tables)


def one_operator(
    builtin: str,
    inputs: Sequence[Any],
    outputs: Sequence[Sequence[int]],
    options: Mapping[str, Any] | None = None,
    *,
    custom: bytes | None = None,
    version: int = 1,
) -> Network:
    """A network "y0", "y1", ... of one operator; inputs are shapes of "x0", "x1", ..., arrays of the file, or None."""
    made = Network()
    indices = []
    for number, given in enumerate(inputs):
        if given is None:
            indices.append(-1)
        elif isinstance(given, np.ndarray):
            indices.append(made.constant(f"c{number}", given))
        else:
            indices.append(made.input(f"x{number}", given))
    made.outputs = [made.tensor(f"y{number}", shape) for number, shape in enumerate(outputs)]
    made.apply(builtin, indices, made.outputs, options, custom=custom, version=version)
    return made
