"""Merge parallel convolutions of one value, whose results are added, into one convolution."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyinfer.graph import Graph, Node, free_name
from tinyinfer.ops.arithmetic.elementwise import Add
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.passes.portable.fold_batch_norm import norm_scale
from tinyinfer.weights import Derived, Shape, Weights

AT_ONCE = 64  # output channels added up in float64: of all at once, that would be the largest array of all

# roles of what a merged weight and a merged bias are made of, and of nothing else: else each of a long sum of branches
# would ask for both of the sum before, and they together for 2^n arrays
WEIGHT = {Conv2d: ("weight",), BatchNorm: ("weight", "running_var")}
BIAS = {Conv2d: ("bias",), BatchNorm: BatchNorm.param_names}


def merge_branches(graph: Graph) -> Graph:
    """A graph in which the sum of two convolutions, or of one and a norm, of the same value is one convolution.

    A 1x1 is a 3x3 with zeros around it, a norm is a 1x1 that keeps the channels apart, and convolution is linear in
    its weights (RepVGG, section 3.3; MobileOne, section 3.2).  Sums of more branches merge one by one.  Norms behind
    convolutions have to be folded before; branches stay if one window around theirs would have more taps than both.
    """
    graph = graph.copy()
    graph.nodes = graph.topological_order()
    producers, consumers = graph.producers(), graph.consumers()
    for add in [node for node in graph.nodes if isinstance(node.op, Add) and node.op.activation is None]:
        terms = [producers[value] for value in add.inputs if value in producers]
        pair = [branch for term in terms if (branch := _branch(graph, term)) is not None]
        alone = all(graph.sole_consumer(value, consumers) is add for value in add.inputs)
        if len(pair) == 2 and alone and _fit(*pair):
            merged = _merge(graph, add, pair)
            for branch in pair:
                graph.replace_node(branch.node)
            graph.replace_node(add, merged)
            producers[add.outputs[0]] = merged
    graph.remove_dead()
    return graph


@dataclass(frozen=True)
class _Branch:
    """A convolution, or a norm as the 1x1 convolution that it is.  Sizes are (rows, columns).

    A window sees ``before`` rows above the pixel it belongs to, and ``behind`` from that pixel on; ``shrinks`` tells
    by how much the output is smaller than the input at stride 1.
    """

    node: Node
    channels: int
    stride: tuple[int, int]
    before: tuple[int, int]
    behind: tuple[int, int]
    shrinks: tuple[int, int]
    groups: int | None  # None for a norm, which is of any

    @property
    def taps(self) -> int:
        """Pixels of the window."""
        return (self.before[0] + self.behind[0]) * (self.before[1] + self.behind[1])


def _branch(graph: Graph, node: Node) -> _Branch | None:
    op = node.op
    if isinstance(op, BatchNorm) and op.activation is None:
        (channels,) = graph.weights.shape(node.params["running_mean"])
        return _Branch(node, channels, (1, 1), (0, 0), (1, 1), (0, 0), None)
    if not isinstance(op, Conv2d) or len(node.inputs) > 1 or op.activation is not None:
        return None
    if isinstance(op.padding, str) or op.padding_mode != "zeros" or op.dilation != (1, 1):
        return None
    channels, _, rows, columns = graph.weights.shape(node.params["weight"])
    top, bottom, left, right = op.padding
    behind, shrinks = (rows - top, columns - left), (rows - 1 - top - bottom, columns - 1 - left - right)
    return _Branch(node, channels, op.stride, (top, left), behind, shrinks, op.groups)


def _fit(a: _Branch, b: _Branch) -> bool:
    """Whether both walk over the same pixels of the same value, and one convolution is no more work than two."""
    if a.node is b.node or a.node.inputs != b.node.inputs or a.channels != b.channels:
        return False
    groups = {branch.groups for branch in (a, b)} - {None}
    same_walk = a.stride == b.stride and a.shrinks == b.shrinks
    return len(groups) == 1 and same_walk and _around(a, b).taps <= a.taps + b.taps


def _around(a: _Branch, b: _Branch) -> _Branch:
    """The convolution whose window holds both."""
    before = max(a.before[0], b.before[0]), max(a.before[1], b.before[1])
    behind = max(a.behind[0], b.behind[0]), max(a.behind[1], b.behind[1])
    wider = max(a, b, key=lambda branch: (branch.groups is not None, branch.taps))
    return dataclasses.replace(wider, before=before, behind=behind)


def _merge(graph: Graph, add: Node, pair: list[_Branch]) -> Node:
    whole = _around(*pair)
    base, op = whole.node, whole.node.op
    assert isinstance(op, Conv2d)
    (top, left), (rows, columns) = whole.before, (b + e for b, e in zip(whole.before, whole.behind, strict=True))
    shape = (*graph.weights.shape(base.params["weight"])[:2], rows, columns)
    eps = tuple(branch.node.op.eps if isinstance(branch.node.op, BatchNorm) else None for branch in pair)
    corners = tuple((top - branch.before[0], left - branch.before[1]) for branch in pair)
    weight, bias = (free_name(f"{base.name}.{role}:merged by {add.name}", graph.weights) for role in ("weight", "bias"))
    graph.weights[weight] = Derived(shape, _merged_weight, _params(graph, pair, WEIGHT), (shape, eps, corners))
    graph.weights[bias] = Derived(shape[:1], _merged_bias, _params(graph, pair, BIAS), (shape[0], eps))
    bottom, right = (e - 1 - s for e, s in zip(whole.behind, whole.shrinks, strict=True))
    return base.replace(
        op=dataclasses.replace(op, padding=(top, bottom, left, right)),
        outputs=add.outputs,
        params={"weight": weight, "bias": bias},
        origin=tuple(name for branch in pair for name in branch.node.originals) + add.originals,
    )


def _params(graph: Graph, pair: list[_Branch], roles: Mapping[type, tuple[str, ...]]) -> Weights:
    """The parameters of these roles, called "0.weight" and so on."""
    return graph.weights.select(
        {
            f"{i}.{role}": branch.node.params[role]
            for i, branch in enumerate(pair)
            for role in roles[type(branch.node.op)]
            if role in branch.node.params
        }
    )


def _merged_weight(
    p: Weights, shape: Shape, eps: tuple[float | None, ...], corners: tuple[tuple[int, int], ...]
) -> np.ndarray:
    """Sum of the branches' weights, each from its corner on; a branch with an ``eps`` is a norm."""
    parts = [p[f"{i}.weight"] if e is None else _diagonal(norm_scale(p, e, f"{i}."), shape) for i, e in enumerate(eps)]
    merged = np.empty(shape, np.float32)
    for start in range(0, shape[0], AT_ONCE):
        some = slice(start, start + AT_ONCE)
        total = np.zeros(merged[some].shape)
        for (y, x), part in zip(corners, parts, strict=True):
            total[:, :, y : y + part.shape[2], x : x + part.shape[3]] += part[some]
        merged[some] = total
    return merged


def _merged_bias(p: Weights, channels: int, eps: tuple[float | None, ...]) -> np.ndarray:
    total = np.zeros(channels)
    for i, e in enumerate(eps):
        total += p.get(f"{i}.bias", 0.0)
        if e is not None:
            total -= p[f"{i}.running_mean"] * norm_scale(p, e, f"{i}.")
    return total.astype(np.float32)


def _diagonal(scale: np.ndarray, shape: Shape) -> np.ndarray:
    """A norm as a 1x1 convolution for a weight of this shape, (M, C / groups, ...)."""
    weight = np.zeros((*shape[:2], 1, 1))
    channel = np.arange(shape[0])
    weight[channel, channel % shape[1], 0, 0] = scale
    return weight
