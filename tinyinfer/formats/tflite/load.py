"""A TensorFlow Lite file as a network that runs here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tinyinfer.errors import ModelFormatError, TinyInferError
from tinyinfer.formats.importing.call import FileNode
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import lower_nodes
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.tflite.detection import without_post_process
from tinyinfer.formats.tflite.lowering.table import finder
from tinyinfer.formats.tflite.lowering.values import NCHW, Values
from tinyinfer.formats.tflite.reading.flatbuffer import FlatBuffer
from tinyinfer.formats.tflite.reading.messages import TfliteModel, TfliteOperator, TfliteTensor, read_model
from tinyinfer.formats.tflite.reading.metadata import read_metadata
from tinyinfer.formats.tflite.reading.tensors import WHOLE, Arrays
from tinyinfer.graph import Graph, Shape

QUANTIZED = "quantised in the file: runs in float32 on the real numbers that its integers stand for"


def load(
    path: str | os.PathLike[str], input_shapes: Mapping[str, Shape] | None = None, limits: Limits = DEFAULT
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a TFLite file.

    Values of rank 4, which the file has as NHWC, are NCHW at the network's inputs and outputs as everywhere here;
    others are as the file has them.  Quantised ones are the real numbers that they stand for, float32.
    ``input_shapes`` says what inputs whose sizes are free usually have, as NCHW too.  Raises ModelFormatError for a
    file that is damaged, UnsupportedOpError naming all that is not supported, GraphError and WeightsError for a
    network that is not well formed.
    """
    where = os.fspath(path)
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.total_bytes:
                raise ModelFormatError(f"{where}: expected at most {limits.total_bytes} bytes, found {size}")
            data = file.read()
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
    model = read_model(FlatBuffer(memoryview(data), where, limits))
    graph, meta = import_model(model, where, input_shapes or {}, limits)
    return graph, {**meta, **read_metadata(model, data, where, limits)}


def import_model(
    model: TfliteModel, where: str, input_shapes: Mapping[str, Shape], limits: Limits
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph of a model that has been read, and what of its metadata the network itself says."""
    importer, tensors, arrays = Importer(limits), model.tensors, Arrays(where, limits)
    operators, outputs, task = without_post_process(model, arrays, where)
    computed = {tensors[index].name: tensors[index] for operator in operators for index in operator.outputs}
    values, handles = Values(importer, computed), dict[str, str]()
    for index in dict.fromkeys(model.inputs):
        handles[tensors[index].name] = _input(values, tensors[index], input_shapes)
    for tensor in _constants(operators, outputs, tensors):
        if tensor.name not in handles and tensor.name not in computed:
            handles[tensor.name] = values.add(importer.constant(tensor.name, arrays.array(tensor)))
    nodes = [_node(operator, tensors) for operator in operators]
    versions = {node.name: operator.version for node, operator in zip(nodes, operators, strict=True)}
    lower_nodes(importer, nodes, handles, finder(values, versions), where)
    graph = _finish(values, handles, [tensors[index].name for index in outputs], where)
    meta: dict[str, Any] = {"source": os.path.basename(where), **task}
    if any(tensor.quantization is not None and tensor.dtype in WHOLE for tensor in computed.values()):
        importer.notes.append(QUANTIZED)
    if importer.notes:
        meta["notes"] = importer.notes
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


def _input(values: Values, tensor: TfliteTensor, input_shapes: Mapping[str, Shape]) -> str:
    """An input: pixels and other numbers as float32, indices as whole numbers."""
    order = NCHW if len(tensor.shape) == len(NCHW) else tuple(range(len(tensor.shape)))
    shape = tuple(tensor.shape[dim] for dim in order)
    nominal = tuple(tensor.nominal[dim] for dim in order)
    given = input_shapes.get(tensor.name, nominal)
    if len(given) == len(shape):
        nominal = tuple(n if size is None else size for size, n in zip(shape, given, strict=True))
    whole = tensor.dtype in ("int32", "int64") and tensor.quantization is None
    dtype = tensor.dtype if whole or tensor.dtype == "bool" else "float32"
    value = values.importer.input(tensor.name, shape, nominal, dtype)
    if dtype == "int32":
        value = values.importer.apply("cast", value, name=f"{tensor.name}/int64", dtype="int64")
    return values.add(value, order)


def _finish(values: Values, handles: Mapping[str, str], outputs: Sequence[str], where: str) -> Graph:
    for name in outputs:
        if name not in handles:
            raise ModelFormatError(f"{where}: output {name[:80]!r} is neither an input nor computed by any operator")
    try:
        graph = values.importer.finish({name: values.nchw(handles[name]) for name in outputs})
        graph.verify()
    except TinyInferError as error:
        raise type(error)(f"{where}: {error}") from None
    return graph
