"""Make lookups of what depends on single codes: steps to real numbers and back, and lookups in a row.

Between dequantize_linear and quantize_linear there may be any functions of single numbers, such as activations: 256
codes go through them once, and the table gives the same codes as the steps one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear, QuantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.dtypes import CODES
from tinyinfer.ops.quantized.lookup import Lookup

# functions of single numbers, without parameters
ELEMENTWISE = frozenset(
    (
        *("relu", "relu6", "sigmoid", "hardsigmoid", "hardswish", "silu", "tanh", "mish", "selu", "softsign"),
        *("logsigmoid", "tanhshrink", "gelu", "leaky_relu", "elu", "celu", "softplus", "hardtanh", "hardshrink"),
        *("softshrink", "threshold", "clamp", "neg", "abs", "sign", "sqrt", "exp", "log", "reciprocal", "erf"),
        *("floor", "ceil", "round", "identity", "dropout"),
    )
)


def join_lookups(graph: Graph) -> Graph:
    """A graph in which such chains are one lookup each, or nothing where the codes stay what they are."""
    producers = graph.producers()
    ends = [node for node in graph.topological_order() if _may_end_chain(node, producers)]
    if not ends:
        return graph
    graph = graph.copy()
    types = graph.infer_types()
    for end in ends:
        chain = _chain(producers[end.outputs[0]], producers, types)
        if len(chain) < 2:
            continue
        source, target = types[chain[0].inputs[0]], types[end.outputs[0]]
        table = _table(graph, chain, source.dtype)
        unchanged = source == target and np.array_equal(table, _codes(source.dtype))
        if unchanged and end.outputs[0] not in graph.outputs:
            graph.rename_uses(end.outputs[0], chain[0].inputs[0])
            producers = graph.producers()
        else:
            joined = producers[end.outputs[0]] = _lookup(graph, chain, table, target)
            graph.replace_node(chain[-1], joined)
    graph.remove_dead()
    return graph


def _may_end_chain(node: Node, producers: Mapping[str, Node]) -> bool:
    """Whether a node that makes codes follows another function of single numbers."""
    if not isinstance(node.op, QuantizeLinear | Lookup):
        return False
    before = producers.get(node.inputs[0])
    return before is not None and _is_of_single_numbers(before)


def _chain(end: Node, producers: Mapping[str, Node], types: Mapping[str, TensorType]) -> list[Node]:
    """The longest row of nodes up to this one that is a function of single codes; none where there is no such row."""
    chain: list[Node] = []
    longest: list[Node] = []
    node: Node | None = end
    while node is not None and _is_of_single_numbers(node):
        chain = [node, *chain]
        if types[node.inputs[0]].dtype in CODES:
            longest = chain
        node = producers.get(node.inputs[0])
    return longest


def _is_of_single_numbers(node: Node) -> bool:
    """Whether a node applies one function to each number of one value."""
    if isinstance(node.op, QuantizeLinear | DequantizeLinear):
        return len(node.op.scale) == 1 and node.op.axis is None
    return isinstance(node.op, Lookup) or (node.op.name in ELEMENTWISE and len(node.inputs) == 1)


def _codes(dtype: str) -> np.ndarray:
    """All codes, from the smallest on."""
    limits = np.iinfo(dtype)
    return np.arange(limits.min, limits.max + 1).astype(dtype)


def _table(graph: Graph, chain: list[Node], dtype: str) -> np.ndarray:
    """What becomes of each code."""
    values = _codes(dtype)[None]
    with np.errstate(all="ignore"):
        for node in chain:
            assert isinstance(node.op, Op)
            (values,) = node.op.reference([values], graph.param_arrays(node))
    return np.ascontiguousarray(values[0])


def _lookup(graph: Graph, chain: list[Node], table: np.ndarray, target: TensorType) -> Node:
    """The node in place of the last one."""
    end, quant = chain[-1], target.quant
    key = free_name(f"{end.name}.table", graph.weights)
    graph.weights[key] = table
    op = Lookup() if quant is None else Lookup(scale=quant.scale[0], zero_point=quant.zero_point[0])
    origin = tuple(name for node in chain for name in node.originals)
    return end.replace(op=op, inputs=chain[0].inputs, params={"table": key}, origin=origin)
