"""A TensorFlow Lite file as a network that runs here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tinyinfer.errors import InputError, ModelFormatError
from tinyinfer.formats.importing.call import FileNode
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import lower_nodes
from tinyinfer.formats.importing.network import verified
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.regular_file import read_whole
from tinyinfer.formats.tflite.detection import without_post_process
from tinyinfer.formats.tflite.lowering.codes import quant_of, rounded
from tinyinfer.formats.tflite.lowering.table import finder
from tinyinfer.formats.tflite.lowering.values import NCHW, Order, Values
from tinyinfer.formats.tflite.reading.flatbuffer import FlatBuffer
from tinyinfer.formats.tflite.reading.messages import TfliteModel, TfliteOperator, TfliteTensor, read_model
from tinyinfer.formats.tflite.reading.metadata import read_metadata
from tinyinfer.formats.tflite.reading.tensors import INTEGERS, Arrays, Stored
from tinyinfer.graph import Graph, Shape
from tinyinfer.ops.quantized.lookup import Lookup
from tinyinfer.ops.quantized.requantization import Requantization
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes

QUANTIZED = "quantised in the file: runs in float32 on the real numbers that its integers stand for"


def load(
    path: str | os.PathLike[str],
    input_shapes: Mapping[str, Shape] | None = None,
    limits: Limits = DEFAULT,
    allow_nonfinite: bool = False,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a TFLite file.

    Values of rank 4, which the file has as NHWC, are NCHW at the network's inputs and outputs as everywhere here;
    others are as the file has them.  Quantised ones are the real numbers that they stand for, float32; inside they are
    integers, unless ``dequantize`` asks for real numbers that no code rounds.
    ``input_shapes`` says what inputs whose sizes are free usually have, as NCHW too.  Raises ModelFormatError for a
    file that is damaged, UnsupportedOpError naming all that is not supported, InputError for ``input_shapes`` that the
    inputs can't have, GraphError and WeightsError for a network that is not well formed;
    ``allow_nonfinite`` lets NaN and infinite weights pass.
    """
    where = os.fspath(path)
    data = read_whole(path, limits.total_bytes)
    model = read_model(FlatBuffer(memoryview(data), where, limits))
    graph, meta = import_model(model, where, input_shapes or {}, limits, allow_nonfinite, dequantize)
    return graph, {**meta, **read_metadata(model, data, where, limits)}


def import_model(
    model: TfliteModel,
    where: str,
    input_shapes: Mapping[str, Shape],
    limits: Limits = DEFAULT,
    allow_nonfinite: bool = False,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph of a model that has been read, and what of its metadata the network itself says."""
    arrays = Arrays(where, limits)
    operators, outputs, meta = without_post_process(model, arrays, where)
    computed = {model.tensors[index].name: model.tensors[index] for op in operators for index in op.outputs}
    inputs = [model.tensors[index] for index in dict.fromkeys(model.inputs)]
    given = {tensor.name for tensor in inputs} | computed.keys()
    stored = [tensor for tensor in _constants(operators, outputs, model.tensors) if tensor.name not in given]
    constants = {tensor.name: arrays.array(tensor) for tensor in stored}
    nominal = nominal_shapes(inputs, input_shapes, where)
    nodes = [_node(operator, model.tensors) for operator in operators]
    versions = {node.name: operator.version for node, operator in zip(nodes, operators, strict=True)}

    def build(fixed: Collection[str]) -> tuple[Graph, list[str]]:
        values = Values(Importer(limits, fixed, dequantize=dequantize), computed)
        handles = {tensor.name: _input(values, tensor, nominal[tensor.name]) for tensor in inputs}
        for tensor in stored:
            handles[tensor.name] = _constant(values, tensor, constants[tensor.name])
        lower_nodes(values.importer, nodes, handles, finder(values, versions), where)
        return _finish(values, handles, [model.tensors[index].name for index in outputs]), values.importer.notes

    graph, notes = verified(build, where, allow_nonfinite)
    meta = {"source": os.path.basename(where), **meta, **notes}
    quantised = (t.quantization is not None and t.dtype in INTEGERS for t in (*stored, *computed.values()))
    if any(quantised) and not any(isinstance(node.op, Requantization | Lookup) for node in graph.nodes):
        meta["notes"] = [*meta.get("notes", ()), QUANTIZED]
    return graph, meta


def _constants(
    operators: Sequence[TfliteOperator], outputs: Sequence[int], tensors: Sequence[TfliteTensor]
) -> list[TfliteTensor]:
    """The tensors with data that anything reads."""
    read = dict.fromkeys(index for operator in operators for index in operator.inputs if index >= 0)
    read |= dict.fromkeys(outputs)
    return [tensors[index] for index in read if tensors[index].data is not None]


def _node(operator: TfliteOperator, tensors: Sequence[TfliteTensor]) -> FileNode:
    """An operator as all formats have it; it has no name but that of its first output."""
    inputs = tuple(tensors[index].name if index >= 0 else "" for index in operator.inputs)
    outputs = tuple(tensors[index].name for index in operator.outputs)
    if operator.op_type != "CUSTOM":
        return FileNode(outputs[0] if outputs else "", operator.op_type, inputs, outputs, operator.options)
    options = {"custom_options": operator.custom_options}
    return FileNode(outputs[0] if outputs else "", f"CUSTOM {operator.custom}", inputs, outputs, options)


def nominal_shapes(inputs: Sequence[TfliteTensor], given: Mapping[str, Shape], where: str) -> dict[str, Shape]:
    """The nominal shape of each input in the order of its dimensions here; "" names the first one.

    Raises InputError for inputs that there are not and for shapes that they can't have.
    """
    given = {name or inputs[0].name: tuple(shape) for name, shape in given.items()} if inputs else {}
    names = [tensor.name for tensor in inputs]
    for name in given:
        if name not in names:
            raise InputError(f"{where}: input {name[:80]!r}: expected one of {', '.join(map(repr, names[:20]))}")
    shapes: dict[str, Shape] = {}
    for tensor in inputs:
        declared, own = (tuple(sizes[dim] for dim in face(tensor)) for sizes in (tensor.shape, tensor.nominal))
        shape = given.get(tensor.name, tuple(size or 1 for size in own))
        fits = len(shape) == len(declared) and all(
            size >= 1 and known in (None, size) for size, known in zip(shape, declared, strict=True)
        )
        if not fits:
            wanted, found = ("x".join(str(size or "?") for size in sizes) for sizes in (declared, shape))
            raise InputError(f"{where}: input {tensor.label}: expected shape {wanted}, found {found}")
        shapes[tensor.name] = shape
    return shapes


def face(tensor: TfliteTensor) -> Order:
    """The order in which the dimensions of an input or output lie outside: those of images are NCHW."""
    rank = len(tensor.shape)
    return NCHW if rank == len(NCHW) else tuple(range(rank))


def _input(values: Values, tensor: TfliteTensor, nominal: Shape) -> str:
    """An input: pixels and other numbers as float32, indices as whole numbers."""
    order = face(tensor)
    whole = tensor.dtype in ("int32", "int64") and tensor.quantization is None
    dtype = tensor.dtype if whole or tensor.dtype == "bool" else "float32"
    value = values.importer.input(tensor.name, tuple(tensor.shape[dim] for dim in order), nominal, dtype)
    if dtype == "int32":
        value = values.importer.apply("cast", value, name=f"{tensor.name}/int64", dtype="int64")
    return rounded(values, values.add(value, order), tensor)


def _constant(values: Values, tensor: TfliteTensor, array: Stored) -> str:
    """An array of the file, and what it was made of."""
    value, quant = values.importer.constant(tensor.name, array.real, given=True), quant_of(tensor)
    if array.integers is not None and quant is not None:
        values.importer.codes.add(value, Codes(value, array.integers, quant))
    return values.add(value)


def _finish(values: Values, handles: Mapping[str, str], outputs: Sequence[str]) -> Graph:
    for name in outputs:
        if name not in handles:
            raise ModelFormatError(f"output {name[:80]!r} is neither an input nor computed by any operator")
    return values.importer.finish({name: _output(values, name, handles[name]) for name in outputs})


def _output(values: Values, name: str, handle: str) -> str:
    """An output of the dtype that the file says: inside, whole numbers are int64."""
    value, tensor = values.nchw(handle), values.outputs.get(name)
    dtype = tensor.dtype if tensor is not None and tensor.quantization is None else ""
    if values.importer.type(value).dtype != "int64" or dtype not in ("int32", "uint8", "int8"):
        return value
    return values.importer.apply("cast", value, name=name, dtype=dtype)
