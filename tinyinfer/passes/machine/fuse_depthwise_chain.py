"""Fuse a depthwise convolution with the 1x1 convolutions around it, where the map between them outgrows the cache."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer import kernels
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.kernels.base import Problem
from tinyinfer.ops.base import Op
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.convolution.depthwise_chain import LAYERS, DepthwiseChain

# bytes of the widest map between the layers; below, it stays in the second cache by itself and nothing is gained
WORTH = 1 << 20


def fuse_depthwise_chain(graph: Graph, types: Mapping[str, TensorType], threads: int = 1) -> Graph:
    """A graph in which such layers are one `DepthwiseChain`; ``types`` are those of the plan's input shapes."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for middle in [node for node in graph.nodes if _is_depthwise(graph, node)]:
        before = producers.get(middle.inputs[0])
        if before is not None and (
            len(before.inputs) > 1
            or not _is_pointwise(graph, before, types)
            or graph.sole_consumer(middle.inputs[0], consumers) is not middle
        ):
            before = None
        after = graph.sole_consumer(middle.outputs[0], consumers)
        if after is not None and (after.inputs[0] != middle.outputs[0] or not _is_pointwise(graph, after, types)):
            after = None
        layers = [node for node in (before, middle, after) if node is not None]
        if len(layers) < 2 or (after is not None and len(middle.inputs) > 1):
            continue
        chain = _chain(before, middle, after)
        if _pays(layers, types) and _applies(graph, chain, types, threads):
            graph.replace_node(layers[-1], chain)
            for node in layers[:-1]:
                graph.replace_node(node)
            producers, consumers = graph.producers(), graph.consumers()
    return graph


def _is_depthwise(graph: Graph, node: Node) -> bool:
    op = node.op
    if not isinstance(op, Conv2d) or op.dilation != (1, 1) or op.padding_mode != "zeros":
        return False
    m, c_group = graph.weights.shape(node.params["weight"])[:2]
    return c_group == 1 and op.groups == m and m > 1


def _is_pointwise(graph: Graph, node: Node, types: Mapping[str, TensorType]) -> bool:
    op = node.op
    if not isinstance(op, Conv2d) or op.groups != 1 or op.padding_mode != "zeros":
        return False
    return op.is_pointwise(types[node.inputs[0]].shape[2:], graph.weights.shape(node.params["weight"])[2:])


def _chain(before: Node | None, middle: Node, after: Node | None) -> Node:
    parts = {layer: node for layer, node in zip(LAYERS, (before, middle, after), strict=True) if node is not None}
    assert isinstance(middle.op, Conv2d)
    epilogues = {f"{layer}_activation": node.op.activation for layer, node in parts.items()}  # type: ignore[attr-defined]
    first, last = (before or middle), (after or middle)
    return last.replace(
        op=DepthwiseChain(middle.op.stride, middle.op.padding, **epilogues),
        inputs=(first.inputs[0], *last.inputs[1:]),
        params={f"{layer}_{role}": key for layer, node in parts.items() for role, key in node.params.items()},
        origin=tuple(name for node in parts.values() for name in node.originals),
    )


def _pays(layers: list[Node], types: Mapping[str, TensorType]) -> bool:
    return max(types[node.outputs[0]].size for node in layers[:-1]) * 4 >= WORTH


def _applies(graph: Graph, chain: Node, types: Mapping[str, TensorType], threads: int) -> bool:
    assert isinstance(chain.op, Op)
    problem = Problem(
        op=chain.op,
        inputs=tuple(types[value].shape for value in chain.inputs),
        outputs=(types[chain.outputs[0]].shape,),
        params=graph.weights.select(chain.params).shapes_only(),
        threads=threads,
    )
    return any(kernel.takes(problem) for kernel in kernels.list(chain.op.name))
