"""The layers of a network that can be decomposed, and every form that is cheaper than the layer itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.base import Op
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.linear import Linear
from tinyinfer.passes.portable.low_rank.factorizations import Factorization, Part, Ranks, factorizations
from tinyinfer.passes.portable.quantize.select import matching_nodes


@dataclass(frozen=True)
class Form:
    """A layer factorised at some ranks: ``error`` is its weight's, squared and relative, ``macs`` all its mult-adds."""

    factorization: Factorization
    ranks: Ranks
    error: float
    macs: int

    @property
    def name(self) -> str:
        """How it is factorised."""
        return self.factorization.name

    @property
    def parts(self) -> list[Part]:
        """The layers it consists of."""
        return self.factorization.parts(self.ranks)


@dataclass(frozen=True)
class Candidate:
    """A layer, its mult-adds at nominal size, and its cheaper forms: each way to factorise by ascending ranks."""

    node: Node
    macs: int
    forms: Sequence[Form]


def candidates(graph: Graph, multiple: int, keep: Iterable[str] = ()) -> list[Candidate]:
    """Every linear layer and convolution of one group but those that ``keep`` names by patterns, in order.

    Ranks are multiples of ``multiple``.  Raises GraphError when the graph has no such layer at all, InputError for a
    pattern that fits nothing.
    """
    kept = {node.name for pattern in keep for node in matching_nodes(graph, pattern)}
    types = graph.infer_types()
    layers = [node for node in graph.topological_order() if is_dense(node)]
    if not layers:
        raise GraphError("low rank: expected a linear layer or a convolution of one group, found none")
    return [_candidate(graph, node, types[node.inputs[0]], multiple) for node in layers if node.name not in kept]


def is_dense(node: Node) -> bool:
    """Whether all of a layer's outputs see all of its inputs, so that its weight is one matrix.

    Those of groups are many small ones, of ranks that leave nothing to cut.
    """
    return isinstance(node.op, Linear) or (isinstance(node.op, Conv2d) and node.op.groups == 1)


def network_macs(graph: Graph) -> int:
    """Mult-adds of all nodes at nominal size."""
    types, total = graph.infer_types(), 0
    for node in graph.nodes:
        assert isinstance(node.op, Op)
        inputs, outputs = ([types[value] for value in values] for values in (node.inputs, node.outputs))
        total += node.op.macs(inputs, graph.param_types(node), outputs)
    return total


def _candidate(graph: Graph, node: Node, x: TensorType, multiple: int) -> Candidate:
    assert isinstance(node.op, Conv2d | Linear)
    weight = graph.weights[node.params["weight"]]
    macs = _macs(x, [Part("", node.op, weight.shape)])
    forms = []
    for one in factorizations(node.op, weight):
        for ranks in one.ranks(multiple):
            cost = _macs(x, one.parts(ranks))
            if cost >= macs:  # and more at higher ranks
                break
            forms.append(Form(one, ranks, one.error(ranks), cost))
    return Candidate(node, macs, forms)


def _macs(x: TensorType, parts: Iterable[Part]) -> int:
    """Mult-adds of layers in a row."""
    total = 0
    for part in parts:
        params = {"weight": TensorType(part.shape)}
        outputs = part.op.infer([x], params)
        total += part.op.macs([x], params, outputs)
        (x,) = outputs
    return total
