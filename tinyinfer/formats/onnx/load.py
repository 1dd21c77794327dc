"""An ONNX file as a network that runs here."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.importing.call import FileNode, Lowering
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import Find, lower_nodes
from tinyinfer.formats.importing.network import verified
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.onnx.inlining import Inliner, if_known
from tinyinfer.formats.onnx.inputs import InputSizes
from tinyinfer.formats.onnx.lowering.selections.following import output, selecting
from tinyinfer.formats.onnx.lowering.table import NEWEST, find
from tinyinfer.formats.onnx.metadata import read_metadata
from tinyinfer.formats.onnx.reading.data_files import DataFiles
from tinyinfer.formats.onnx.reading.file_part import FilePart, OpenFile
from tinyinfer.formats.onnx.reading.messages import OnnxModel, read_model
from tinyinfer.formats.onnx.reading.wire import Budget, Message
from tinyinfer.formats.regular_file import open_regular
from tinyinfer.graph import Graph, Shape

FIRST_TAGS = b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca\xd2"  # of a model's fields, of which any may come first
SHOWN = 12  # bytes of another file
OLDEST = 7  # opset from which on arithmetic broadcasts as it does today


def load(
    path: str | os.PathLike[str],
    input_shapes: Mapping[str, Shape] | None = None,
    limits: Limits = DEFAULT,
    allow_nonfinite: bool = False,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of an ONNX file.

    ``input_shapes`` says by name what inputs whose sizes are free usually have.  Arrays in files beside the model are
    read only from its own folder.  Weights can be let go, and are read again from there when they are asked for.
    Raises ModelFormatError for a file that is damaged, UnsupportedOpError naming all that is not supported, InputError
    for ``input_shapes`` that the inputs can't have, GraphError and WeightsError for a network that is not well formed;
    ``allow_nonfinite`` lets NaN and infinite weights pass.  What is quantised is computed with integers, with
    ``dequantize`` between steps of quantisation in float32.
    """
    where = os.fspath(path)
    with DataFiles(where, limits) as files:
        try:
            with open_regular(path) as file:
                model = _read(OpenFile(file, os.path.abspath(where)), where, files, limits)
        except OSError as error:
            raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
    graph, meta = import_model(model, where, input_shapes or {}, limits, allow_nonfinite, dequantize)
    origins = {id(array): part for array, part in files.origins}
    for key in graph.weights:
        part = origins.get(id(graph.weights.entry(key)))
        if part is not None:
            graph.weights[key] = part.stored(graph.weights[key], key)
    return graph, meta


def _read(file: OpenFile, where: str, files: DataFiles, limits: Limits) -> OnnxModel:
    if file.size > limits.total_bytes:
        raise ModelFormatError(f"{where}: expected at most {limits.total_bytes} bytes, found {file.size}")
    if not file.size:
        raise ModelFormatError(f"{where}: not an ONNX model: an empty file")
    head = bytes(file.bytes(0, min(file.size, SHOWN)))
    if head[0] not in FIRST_TAGS:
        raise ModelFormatError(f"{where}: not an ONNX model: expected a field of one, found {head!r}")
    return read_model(Message(FilePart(file, 0, file.size), "model", Budget(where, limits)), files)


def import_model(
    model: OnnxModel,
    where: str,
    input_shapes: Mapping[str, Shape],
    limits: Limits = DEFAULT,
    allow_nonfinite: bool = False,
    dequantize: bool = False,
) -> tuple[Graph, dict[str, Any]]:
    """The verified graph and the metadata of a model that has been read."""
    opset = model.opsets.get("", 1)
    if not OLDEST <= opset <= NEWEST:
        raise UnsupportedOpError(f"{where}: opset: expected {OLDEST} to {NEWEST}, found {opset}")
    meta = read_metadata(model, where, limits)
    sizes = InputSizes(model, input_shapes, where)

    def build(fixed: Collection[str]) -> tuple[Graph, list[str]]:
        return _lowered(model, Importer(limits, fixed, dequantize=dequantize), sizes, where)

    graph, notes = verified(build, where, allow_nonfinite, sizes.hint)
    return graph, meta | notes


def _lowered(model: OnnxModel, importer: Importer, sizes: InputSizes, where: str) -> tuple[Graph, list[str]]:
    """The network and the importer's notes."""
    values = {name: importer.constant(name, array, given=True) for name, array in model.graph.initializers.items()}
    for info in sizes.inputs:
        shape, nominal = sizes.of(info)
        values[info.name] = importer.input(info.name, shape, nominal, info.dtype)
    lower_nodes(importer, Inliner(model, where, importer.limits).nodes(), values, _finder(where), where)
    outputs = {name: output(importer, name, _output(name, values)) for name in model.graph.outputs}
    return importer.finish(outputs, model.graph.halves), importer.notes


def _finder(where: str) -> Find:
    """`find`, and `If`, which lowers nodes by the same means."""

    def found(node: FileNode) -> Lowering:
        return branch if (node.op_type, node.domain) == ("If", "") else find(node)

    follow = selecting(found)
    branch = if_known(follow, where)
    return follow


def _output(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise GraphError(f"output {name[:80]!r} is not a value of the graph")
    return values[name]
