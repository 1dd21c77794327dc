"""A network as a JSON document and back; weights are named and shaped in it, their values live elsewhere.

    {"inputs": [{"name", "shape", "nominal"}], "outputs": [value, ...], "weights": {key: shape},
     "nodes": [{"name", "op", "attrs", "inputs", "outputs", "params", "origin"}]}

``attrs``, ``params``, ``origin`` and ``outputs`` (the node's name when absent) are left out where they say nothing.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from tinyinfer import ops
from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.attributes import read_attributes
from tinyinfer.formats.json_reader import Cursor, shorten_name
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.ops.base import Op
from tinyinfer.weights import Weights, placeholder


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """The document of a graph: kernels chosen for this machine are not part of it, nor weights no node uses."""
    used = {key for node in graph.nodes for key in node.params.values()}
    return {
        "inputs": [{"name": i.name, "shape": list(i.shape), "nominal": list(i.nominal)} for i in graph.inputs],
        "outputs": list(graph.outputs),
        "nodes": [_node_to_json(node) for node in graph.nodes],
        "weights": {key: list(graph.weights.shape(key)) for key in graph.weights if key in used},
    }


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


def graph_from_json(document: Cursor, limits: Limits = DEFAULT) -> Graph:
    """The graph of a document, its weights zero-memory placeholders of the stated shapes.

    Raises ModelFormatError naming the node and field that is wrong, UnsupportedOpError for an unknown operator.
    What the network means is for `Graph.verify` to check.
    """
    fields = document.fields(("inputs", "outputs", "nodes", "weights"))
    where = document.where
    inputs = [_read_input(item, where, limits) for item in fields["inputs"].items(limits.nodes)]
    nodes = [_read_node(item, where) for item in fields["nodes"].items(limits.nodes)]
    weights = Weights()
    for key, shape in fields["weights"].members().items():
        fields["weights"].at(key, f"{where}: weights: a key").key()
        weights[key] = placeholder(shape.shape())
        size = math.prod(weights.shape(key))
        if size > limits.elements:
            raise ModelFormatError(f"{shape.where}: expected at most {limits.elements} elements, found {size}")
    used = {key for node in nodes for key in node.params.values()}
    unused = [key for key in weights if key not in used]
    if unused:
        raise ModelFormatError(f"{where}: weights: {shorten_name(unused[0])} is used by no node")
    return Graph(inputs, nodes, list(fields["outputs"].names()), weights)


def _read_input(item: Cursor, where: str, limits: Limits) -> Input:
    fields = item.fields(("name", "shape", "nominal"))
    name = fields["name"].name()
    shape, nominal = (item.at(fields[key].value, f"{where}: input {name!r}: {key}") for key in ("shape", "nominal"))
    dims = tuple(None if d.value is None else d.integer(1, limits.dimension) for d in shape.items(limits.rank))
    sizes = nominal.shape()
    if len(dims) != len(sizes):
        raise ModelFormatError(f"{nominal.where}: expected {len(dims)} dimensions, found {len(sizes)}")
    return Input(name, dims, sizes)


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
