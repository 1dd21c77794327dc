"""Networks as ONNX files, for other engines and tools; needs the ``onnx`` extra."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyinfer.dim import expression_of, is_free
from tinyinfer.errors import GraphError, InputError, UnsupportedOpError
from tinyinfer.files import atomic_write
from tinyinfer.graph import Graph, Input, Node, Shape, TensorType
from tinyinfer.ops.quantized.lookup import Lookup
from tinyinfer.ops.quantized.requantization import CODES, Requantization

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

    from tinyinfer.formats.onnx.exporting.writer import Dims, Writer
    from tinyinfer.runtime.runnable import Runnable

OPSET = 20  # unless said: Gelu came with 20, dilated average pooling and wrapping pads with 19
OLDEST = 13  # from which on Softmax and the axes of Squeeze are what they are
MIXING = ("interpolate", "resize")  # operators that make elements of several
AXES = {"N": "batch", "C": "channels", "H": "height", "W": "width"}  # names of free sizes


def export_onnx(
    model: Runnable | Graph,
    path: str | os.PathLike[str],
    input_shape: Shape | Mapping[str, Shape] | None = None,
    opset: int = OPSET,
) -> None:
    """Write a network as an ONNX file, weights inside.

    Free input dimensions stay free, except where the network works at its nominal size only; ``input_shape`` fixes
    those of the first input (or of inputs by name), and of others at their nominal size.  ``opset`` is the version of
    ONNX's operators, for engines that know none as new as 20: from 13 to the newest that the ``onnx`` package knows.
    The file appears whole or not at all.  A model's metadata goes into the file's, as JSON texts by key.
    Raises UnsupportedOpError for what ONNX can't express, or not yet in this opset, or if the ``onnx`` package is
    missing; InputError for a shape that does not fit and for an opset that is not known.
    """
    graph, meta = (model, {}) if isinstance(model, Graph) else (model.graph, model.meta)
    if input_shape is not None:
        graph = _fixed(graph, input_shape)
    proto = to_onnx(graph, meta, opset)
    with atomic_write(path) as file:
        file.write(proto.SerializeToString())


def to_onnx(graph: Graph, meta: Mapping[str, Any] | None = None, opset: int = OPSET) -> ModelProto:
    """The network as an onnx ModelProto that has passed onnx's checker; errors as in `export_onnx`."""
    try:
        import onnx
        from onnx import helper
    except ImportError:
        raise UnsupportedOpError("ONNX export needs the onnx package: pip install 'tinyinfer[onnx]'") from None
    from tinyinfer.formats.onnx.exporting.writer import Writer

    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        raise InputError(f"opset: expected {OLDEST} to {newest}, the newest of onnx {onnx.__version__}, found {opset}")
    graph = graph.rigid_inputs_fixed()
    types = graph.symbolic_types()
    shapes = value_shapes(types)
    writer = Writer(set(shapes), opset)
    for node in graph.topological_order():
        _write_node(node, graph, shapes, types, writer)
    body = helper.make_graph(
        writer.nodes,
        str((meta or {}).get("name", "network")),
        [_value_info(i.name, types[i.name]) for i in graph.inputs],
        [_value_info(name, types[name]) for name in graph.outputs],
        writer.initializers,
    )
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(
        body, producer_name="tinyinfer", opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
    )
    helper.set_model_props(proto, {key: json.dumps(value) for key, value in (meta or {}).items()})
    onnx.checker.check_model(proto)
    return proto


def _fixed(graph: Graph, given: Shape | Mapping[str, Shape]) -> Graph:
    """A copy whose inputs have these shapes, checked, and no others; one shape is the first input's."""
    try:
        shapes = graph.input_shapes(given if isinstance(given, Mapping) else {graph.inputs[0].name: tuple(given)})
        graph.infer_types(shapes)
    except GraphError as error:
        raise InputError(str(error)) from None
    return fix_inputs(graph, shapes)


def fix_inputs(graph: Graph, shapes: Mapping[str, Shape]) -> Graph:
    """A copy whose inputs have these shapes and no others."""
    fixed = graph.copy()
    fixed.inputs = [Input(i.name, shapes[i.name], shapes[i.name], i.dtype, i.quant) for i in graph.inputs]
    return fixed


def value_shapes(types: Mapping[str, TensorType]) -> dict[str, Dims]:
    """The shape of every value; a dimension that moves with a free input dimension is None."""
    return {name: tuple(None if is_free(size) else size for size in t.shape) for name, t in types.items()}


def _write_node(
    node: Node, graph: Graph, shapes: Mapping[str, Dims], types: Mapping[str, TensorType], writer: Writer
) -> None:
    from tinyinfer.formats.onnx.exporting.operators import EXPORTERS
    from tinyinfer.formats.onnx.exporting.quantized import over_real_numbers
    from tinyinfer.formats.onnx.exporting.writer import Call

    inputs, outputs = ([types[value] for value in values] for values in (node.inputs, node.outputs))
    call = Call(
        node,
        writer,
        [shapes[value] for value in node.inputs],
        [shapes[value] for value in node.outputs],
        [t.dtype for t in inputs],
        graph.param_arrays(node),
        [t.quant for t in inputs],
        [t.quant for t in outputs],
    )
    if node.op.name not in EXPORTERS:
        call.refuse(f"operators that can be are {', '.join(sorted(EXPORTERS))}")
    before, write = len(writer.nodes), EXPORTERS[node.op.name]
    moves_codes = (
        inputs and all(map(_are_codes, (*inputs, *outputs))) and not isinstance(node.op, Requantization | Lookup)
    )
    mixes_codes = node.op.name in MIXING and inputs[0].dtype in CODES  # which ONNX would cut off
    values = over_real_numbers(call, write) if moves_codes or mixes_codes else write(call)
    call.finish([values] if isinstance(values, str) else values, before)


def _are_codes(t: TensorType) -> bool:
    """Whether all elements are codes of one scale."""
    return t.dtype in CODES and t.quant is not None and t.quant.axis is None


def _value_info(name: str, found: TensorType) -> ValueInfoProto:
    """Free sizes by what they are: "batch", "(height+1)//2"."""
    from onnx import helper

    sizes = [expression_of(size).renamed(AXES) if is_free(size) else size for size in found.shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(found.dtype)), sizes)
