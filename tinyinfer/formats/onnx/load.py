"""An ONNX file as a network that runs here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError
from tinyinfer.formats.importing.call import FileNode
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import lower_nodes
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.onnx.lowering.table import NEWEST, find
from tinyinfer.formats.onnx.reading.messages import OnnxModel, ValueInfo, read_model
from tinyinfer.formats.onnx.reading.metadata import read_metadata
from tinyinfer.formats.onnx.reading.wire import Budget, Message
from tinyinfer.graph import Graph, Shape

OLDEST = 7  # opset from which on arithmetic broadcasts as it does today
USUAL = (1, 3, 224, 224)  # what free sizes of images are unless the caller says


def load(
    path: str | os.PathLike[str], input_shapes: Mapping[str, Shape] | None = None, limits: Limits = DEFAULT
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of an ONNX file.

    ``input_shapes`` says what inputs whose sizes are free usually have.  Raises ModelFormatError for a file that is
    damaged, UnsupportedOpError naming all that is not supported, GraphError and WeightsError for a network that is
    not well formed.
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
    if not data:
        raise ModelFormatError(f"{where}: not an ONNX model: an empty file")
    model = read_model(Message(memoryview(data), "model", Budget(where, limits)), limits)
    return import_model(model, where, input_shapes or {}, limits)


def import_model(
    model: OnnxModel, where: str, input_shapes: Mapping[str, Shape], limits: Limits
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a model that has been read."""
    opset = model.opsets.get("", model.opsets.get("ai.onnx", 1))
    if not OLDEST <= opset <= NEWEST:
        raise UnsupportedOpError(f"{where}: opset: expected {OLDEST} to {NEWEST}, found {opset}")
    importer, graph = Importer(limits), model.graph
    values: dict[str, str] = {}
    for name, array in graph.initializers.items():
        values[name] = importer.constant(name, array)
    for info in graph.inputs:
        if info.name not in values:  # files of IR version 3 list initializers among the inputs
            values[info.name] = _input(importer, info, input_shapes, where)
    nodes = [FileNode(n.name, n.op_type, n.inputs, n.outputs, n.attributes, opset, n.domain) for n in graph.nodes]
    lower_nodes(importer, nodes, values, find, where)
    outputs = {info.name: _output(info, values, where) for info in graph.outputs}
    found = importer.finish(outputs)
    try:
        found.verify()
    except TinyInferError as error:
        raise type(error)(f"{where}: {error}") from None
    meta: dict[str, Any] = {"source": os.path.basename(where), **read_metadata(model, where, limits)}
    if importer.notes:
        meta["notes"] = importer.notes
    return found, meta


def _input(importer: Importer, info: ValueInfo, input_shapes: Mapping[str, Shape], where: str) -> str:
    if info.shape is None:
        raise UnsupportedOpError(f"{where}: input {info.name[:80]!r}: expected a shape, found none")
    shape = tuple(size if isinstance(size, int) else None for size in info.shape)
    usual = input_shapes.get(info.name, USUAL if len(shape) == len(USUAL) else (1,) * len(shape))
    nominal = tuple(given if size is None else size for size, given in zip(shape, usual, strict=True))
    return importer.input(info.name, shape, nominal, info.dtype)


def _output(info: ValueInfo, values: Mapping[str, str], where: str) -> str:
    if info.name not in values:
        raise GraphError(f"{where}: output {info.name[:80]!r} is not a value of the graph")
    return values[info.name]
