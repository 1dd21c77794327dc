"""Make all codes inside a plan uint8, so that kernels need to know no others.

What a code stands for does not change when 128 is added to it and to its zero point.  So int8 values become uint8,
zero points move, tables are shifted, and every real number stays what it was, bit for bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear, QuantizeLinear
from tinyinfer.ops.constant import Constant
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.quantized.arithmetic import QuantizedArithmetic
from tinyinfer.ops.quantized.lookup import Lookup
from tinyinfer.ops.quantized.pooling import QuantizedPool
from tinyinfer.ops.quantized.prelu import QuantizedPrelu
from tinyinfer.ops.quantized.requantization import Requantization
from tinyinfer.ops.quantized.weights import QuantizedLayer
from tinyinfer.tensor_type import Quant
from tinyinfer.weights import Derived, Weights

OFFSET = 128

# what moves codes about, or compares them, whatever they stand for
MOVES = frozenset(
    (
        *("concat", "split", "index_select", "permute", "interleave", "channel_shuffle", "pad", "slice", "gather"),
        *("flatten", "reshape", "reshape_as", "squeeze", "unsqueeze", "identity", "dropout", "expand", "tile"),
        *("pixel_shuffle", "pixel_unshuffle", "join_pixels", "pixels_to_images", "relayout"),
        *("max_pool2d", "interpolate", "resize", "argmax", "argmin", "shape"),
    )
)

CODE_OPERATORS = (Requantization, Lookup, QuantizeLinear, DequantizeLinear)


def unsigned_codes(graph: Graph) -> Graph:
    """A graph whose quantised operators read and write uint8.

    Inputs and outputs of the graph, and what other operators read and write, keep their types: a lookup stands between.
    """
    if not _has_signed(graph) or not any(isinstance(node.op, Requantization) for node in graph.nodes):
        return graph
    rewriting = _Rewriting(graph, graph.infer_types())
    for node in graph.topological_order():
        rewriting.take(node)
    return rewriting.finish()


def _has_signed(graph: Graph) -> bool:
    """Whether any value is int8: inputs, what operators are told to make, and arrays that are no layer's weights."""
    told = {*(i.dtype for i in graph.inputs), *(getattr(node.op, "dtype", None) for node in graph.nodes)}
    keys = (key for node in graph.nodes if not isinstance(node.op, QuantizedLayer) for key in node.params.values())
    return "int8" in told or any(graph.weights.dtype(key) == np.int8 for key in keys)


class _Rewriting:
    """Nodes as they are rewritten, from the first to the last."""

    def __init__(self, graph: Graph, types: Mapping[str, TensorType]) -> None:
        self._graph, self._types = graph.copy(), dict(types)
        self._graph.nodes = []
        self._names = {*types, *(node.name for node in graph.nodes)}
        self._unsigned: dict[str, str] = {}  # value of int8 -> the same as uint8
        self._signed = {i.name for i in graph.inputs}  # values that are there as int8
        self._constants = {node.outputs[0]: node for node in graph.nodes if isinstance(node.op, Constant)}

    def take(self, node: Node) -> None:
        """Add a node, on uint8 where it can be."""
        if not self._is_code_work(node):
            for value in filter(self._is_int8, node.inputs):
                self._need_signed(value)
            self._graph.nodes.append(node)
            self._signed.update(node.outputs)
            return
        dtypes = [self._types[value].dtype for value in node.inputs]
        inputs = tuple(self._as_unsigned(value) if self._is_int8(value) else value for value in node.inputs)
        outputs = tuple(self._new_name(value) if self._is_int8(value) else value for value in node.outputs)
        self._unsigned |= {old: new for old, new in zip(node.outputs, outputs, strict=True) if old != new}
        node = self._with_shifted_table(node) if isinstance(node.op, Lookup) and outputs != node.outputs else node
        self._graph.nodes.append(node.replace(op=_shifted(node.op, dtypes), inputs=inputs, outputs=outputs))

    def finish(self) -> Graph:
        """The graph of all nodes taken."""
        for value in filter(self._is_int8, self._graph.outputs):
            self._need_signed(value)
        self._graph.remove_dead()
        return self._graph

    def _is_int8(self, value: str) -> bool:
        return self._types[value].dtype == "int8"

    def _is_code_work(self, node: Node) -> bool:
        """Whether a node is for codes of any type: an operator on codes, or one that moves them."""
        if isinstance(node.op, CODE_OPERATORS):
            return True
        moves = node.op.name in MOVES
        return moves and any(value in self._unsigned or self._types[value].quant is not None for value in node.inputs)

    def _as_unsigned(self, value: str) -> str:
        if value not in self._unsigned:
            name = self._unsigned[value] = self._new_name(value)
            if value in self._constants:
                node = self._constants[value]
                key = self._flipped_weight(node.params["value"])
                quant = self._types[value].quant
                op = Constant.of(
                    None if quant is None else dataclasses.replace(quant, zero_point=_up(quant.zero_point))
                )
                self._graph.nodes.append(node.replace(name=name, op=op, outputs=(name,), params={"value": key}))
            else:
                self._add_lookup(value, name, np.uint8)
        return self._unsigned[value]

    def _need_signed(self, value: str) -> None:
        if value not in self._signed:
            self._signed.add(value)
            self._add_lookup(self._unsigned[value], value, np.int8)

    def _add_lookup(self, source: str, target: str, dtype: type) -> None:
        """A node that flips the highest bit: from int8 to uint8 or back."""
        quant = self._types[target if dtype == np.int8 else source].quant
        key = free_name(f"{target}:table", self._graph.weights)
        table = np.arange(256) - (OFFSET if dtype == np.int8 else 0)
        self._graph.weights[key] = table.astype(dtype)
        name = free_name(f"{target}:codes", self._names)
        self._names.add(name)
        node = Node(name, _flip(quant, dtype), (source,), (target,), {"table": key})
        self._graph.nodes.append(node)

    def _with_shifted_table(self, node: Node) -> Node:
        op = node.op
        assert isinstance(op, Lookup)
        if op.scale is not None:
            op = dataclasses.replace(op, zero_point=op.zero_point + OFFSET)
        return node.replace(op=op, params={"table": self._flipped_weight(node.params["table"])})

    def _flipped_weight(self, of: str) -> str:
        key = free_name(f"{of}:unsigned", self._graph.weights)
        own = self._graph.weights.select({"of": of})
        self._graph.weights[key] = Derived(own.shape("of"), _flipped, own, (), np.dtype(np.uint8))
        return key

    def _new_name(self, value: str) -> str:
        name = free_name(f"{value}:unsigned", self._names)
        self._names.add(name)
        return name


def _flip(quant: Quant | None, dtype: type) -> Lookup:
    """The operator of a table that flips the highest bit; ``quant`` is that of the int8 codes."""
    if quant is None or quant.axis is not None:
        return Lookup()
    return Lookup(scale=quant.scale[0], zero_point=quant.zero_point[0] + (OFFSET if dtype == np.uint8 else 0))


def _flipped(p: Weights) -> np.ndarray:
    """int8 as uint8, 128 more."""
    return (p["of"] ^ np.int8(-OFFSET)).view(np.uint8)


def _shifted(op: Any, dtypes: list[str]) -> Any:
    """The operator for uint8 in place of int8, which inputs of these dtypes and its output may be."""
    changes: dict[str, Any] = {}
    for name, dtype in zip(_zero_points(op), dtypes, strict=False):
        if dtype == "int8":
            changes[name] = getattr(op, name) + OFFSET
    if isinstance(op, Requantization) and op.dtype == "int8":
        changes |= {"dtype": "uint8", "zero_point": op.zero_point + OFFSET}
        if isinstance(op, QuantizedLayer) and op.inner_scale is not None:
            changes |= {"inner_zero_point": op.inner_zero_point + OFFSET}
        if isinstance(op, QuantizedPool) and op.halves_from is not None:
            changes |= {"halves_from": op.halves_from + OFFSET}
    elif isinstance(op, QuantizeLinear) and op.dtype == "int8":
        changes |= {"dtype": "uint8", "zero_point": _up(op.zero_point)}
    elif isinstance(op, DequantizeLinear) and dtypes == ["int8"]:
        changes |= {"zero_point": _up(op.zero_point)}
    elif isinstance(op, Pad) and op.mode == "constant":
        changes |= {"value": op.value + OFFSET}
    return dataclasses.replace(op, **changes) if changes else op


def _zero_points(op: Any) -> tuple[str, ...]:
    """The attributes that are zero points of the inputs, in their order."""
    if isinstance(op, QuantizedLayer):
        return ("input_zero_point", "residual_zero_point")
    if isinstance(op, QuantizedArithmetic):
        return ("a_zero_point", "b_zero_point")
    return ("input_zero_point",) if isinstance(op, QuantizedPool | QuantizedPrelu) else ()


def _up(zero_points: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(zero + OFFSET for zero in zero_points)
