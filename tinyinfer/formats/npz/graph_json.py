"""A network as a JSON document and back; weights are named and shaped in it, their values live elsewhere.

    {"inputs": [{"name", "shape", "nominal", "dtype", "quant"}], "outputs": [value, ...], "weights": {key: weight},
     "nodes": [{"name", "op", "attrs", "inputs", "outputs", "params", "origin"}]}

``attrs``, ``params``, ``origin`` and ``outputs`` (the node's name when absent) are left out where they say nothing.
A weight is its shape if it is float32, else {"shape", "dtype"}.  ``dtype`` and ``quant`` ({"scale", "zero_point",
"axis"}) are left out for inputs that are float32; the types of all other values follow.  Version 1 of the format has
float32 alone, so neither of them.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tinyinfer import ops
from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.attributes import LONGEST, read_attributes
from tinyinfer.formats.json_reader import Cursor, shorten_name
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.graph import Graph, Input, Node, Quant
from tinyinfer.ops.base import Op
from tinyinfer.tensor_type import DTYPES
from tinyinfer.weights import FLOAT32, Weights, placeholder

LATEST = 2  # version of the format


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """The document of a graph: kernels chosen for this machine are not part of it, nor weights no node uses."""
    used = {key for node in graph.nodes for key in node.params.values()}
    return {
        "inputs": [_input_to_json(i) for i in graph.inputs],
        "outputs": list(graph.outputs),
        "nodes": [_node_to_json(node) for node in graph.nodes],
        "weights": {key: _weight_to_json(key, graph.weights) for key in graph.weights if key in used},
    }


def least_version(graph: Graph) -> int:
    """The first version of the format that can hold a graph: versions before 2 know float32 alone."""
    used = {key for node in graph.nodes for key in node.params.values()}
    dtypes = {i.dtype for i in graph.inputs} | {str(graph.weights.dtype(key)) for key in used}
    return 1 if dtypes <= {"float32", "float64"} else 2  # float64 is written as float32


def _input_to_json(i: Input) -> dict[str, Any]:
    document: dict[str, Any] = {"name": i.name, "shape": list(i.shape), "nominal": list(i.nominal)}
    if i.dtype != "float32":
        document["dtype"] = i.dtype
    if i.quant is not None:
        scale, zero_point, axis = list(i.quant.scale), list(i.quant.zero_point), i.quant.axis
        document["quant"] = {"scale": scale, "zero_point": zero_point} | ({} if axis is None else {"axis": axis})
    return document


def _weight_to_json(key: str, weights: Weights) -> Any:
    shape, dtype = list(weights.shape(key)), str(stored_dtype(weights.dtype(key)))
    return shape if dtype == "float32" else {"shape": shape, "dtype": dtype}


def stored_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype that a weight has in a file that keeps all it says: float64, which no network has, becomes float32."""
    return FLOAT32 if dtype == np.float64 else dtype


def _node_to_json(node: Node) -> dict[str, Any]:
    document: dict[str, Any] = {"name": node.name, "op": node.op.name, "inputs": list(node.inputs)}
    if node.outputs != (node.name,):
        document["outputs"] = list(node.outputs)
    attrs = {
        field.name: getattr(node.op, field.name)
        for field in dataclasses.fields(node.op)  # type: ignore[arg-type]
        if getattr(node.op, field.name) != field.default
    }
    for name, value in (("attrs", attrs), ("params", dict(node.params)), ("origin", list(node.origin))):
        if value:
            document[name] = value
    return document


def graph_from_json(document: Cursor, limits: Limits = DEFAULT, version: int = LATEST) -> Graph:
    """The graph of a document, its weights zero-memory placeholders of the stated shapes and dtypes.

    Raises ModelFormatError naming the node and field that is wrong, UnsupportedOpError for an unknown operator.
    What the network means is for `Graph.verify` to check.
    """
    fields = document.fields(("inputs", "outputs", "nodes", "weights"))
    where = document.where
    inputs = [_read_input(item, where, limits, version) for item in fields["inputs"].items(limits.nodes)]
    nodes = [_read_node(item, where) for item in fields["nodes"].items(limits.nodes)]
    weights = Weights()
    for key, weight in fields["weights"].members().items():
        fields["weights"].at(key, f"{where}: weights: a key").key()
        weights[key] = _read_weight(weight, version)
    used = {key for node in nodes for key in node.params.values()}
    unused = [key for key in weights if key not in used]
    if unused:
        raise ModelFormatError(f"{where}: weights: {shorten_name(unused[0])} is used by no node")
    return Graph(inputs, nodes, list(fields["outputs"].names()), weights)


def _read_weight(weight: Cursor, version: int) -> np.ndarray:
    if version == 1 or isinstance(weight.value, list):
        return placeholder(weight.shape())
    fields = weight.fields(("shape", "dtype"))
    return placeholder(fields["shape"].shape(), _read_dtype(fields["dtype"]))


def _read_dtype(cursor: Cursor) -> str:
    if cursor.value not in DTYPES:
        raise cursor.fail(f"one of {', '.join(DTYPES)}")
    return str(cursor.value)


def _read_input(item: Cursor, where: str, limits: Limits, version: int) -> Input:
    fields = item.fields(("name", "shape", "nominal"), ("dtype", "quant") if version > 1 else ())
    name = fields["name"].name()
    shape, nominal = (item.at(fields[key].value, f"{where}: input {name!r}: {key}") for key in ("shape", "nominal"))
    dims = tuple(None if d.value is None else d.integer(1, limits.dimension) for d in shape.items(limits.rank))
    sizes = nominal.shape()
    if len(dims) != len(sizes):
        raise ModelFormatError(f"{nominal.where}: expected {len(dims)} dimensions, found {len(sizes)}")
    dtype, quant = "float32", None
    if "dtype" in fields:
        dtype = _read_dtype(item.at(fields["dtype"].value, f"{where}: input {name!r}: dtype"))
    if "quant" in fields:
        quant = _read_quant(item.at(fields["quant"].value, f"{where}: input {name!r}: quant"))
    return Input(name, dims, sizes, dtype, quant)


def _read_quant(cursor: Cursor) -> Quant:
    fields = cursor.fields(("scale",), ("zero_point", "axis"))
    scale = tuple(item.value for item in fields["scale"].items(LONGEST))
    zero_point = tuple(item.value for item in fields["zero_point"].items(LONGEST)) if "zero_point" in fields else (0,)
    try:
        return Quant(scale, zero_point, fields["axis"].value if "axis" in fields else None)
    except GraphError as error:
        raise GraphError(f"{cursor.where}: {error}") from None


def _read_node(item: Cursor, where: str) -> Node:
    fields = item.fields(("name", "op", "inputs"), ("attrs", "outputs", "params", "origin"))
    name = fields["name"].name()
    at = f"{where}: node {name!r}"
    fields = item.at(item.value, at).members()
    params = {}
    if "params" in fields:
        params = {role: key.key() for role, key in fields["params"].members().items()}
    return Node(
        name,
        _read_op(fields["op"], fields.get("attrs", item.at({}, f"{at}: attrs")), at),
        fields["inputs"].names(),
        fields["outputs"].names() if "outputs" in fields else (name,),
        params,
        fields["origin"].names() if "origin" in fields else (),
    )


def _read_op(op: Cursor, attrs: Cursor, at: str) -> Op:
    name = op.name()
    try:
        return ops.create(name, read_attributes(ops.get(name), attrs))
    except UnsupportedOpError as error:
        raise UnsupportedOpError(f"{at}: {error}") from None
    except GraphError as error:
        raise GraphError(f"{at}: {error}") from None
