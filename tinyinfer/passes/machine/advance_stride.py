"""Let a convolution make only those pixels that the 1x1 layer behind it reads: the stride of the second moves to it.

ShiftNet halves maps so: of a shift's outputs, which are a depthwise convolution's by then, it reads every fourth.
"""

from __future__ import annotations

import dataclasses

from tinyinfer.graph import Graph, Node
from tinyinfer.ops.convolution.conv2d import Conv2d


def advance_stride(graph: Graph) -> Graph:
    """A graph in which no strided 1x1 convolution is the only reader of another convolution."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for reader in [node for node in graph.nodes if _skips_pixels(graph, node)]:
        maker = producers.get(reader.inputs[0])
        if maker is None or not _can_skip(maker) or graph.sole_consumer(maker.outputs[0], consumers) is not reader:
            continue
        (h, w), (own_h, own_w) = _conv2d(reader).stride, _conv2d(maker).stride
        for node, stride in ((maker, (own_h * h, own_w * w)), (reader, (1, 1))):
            graph.replace_node(node, node.replace(op=dataclasses.replace(_conv2d(node), stride=stride)))
        producers, consumers = graph.producers(), graph.consumers()
    return graph


def _conv2d(node: Node) -> Conv2d:
    assert isinstance(node.op, Conv2d)
    return node.op


def _skips_pixels(graph: Graph, node: Node) -> bool:
    if not isinstance(node.op, Conv2d) or node.op.stride == (1, 1) or node.op.padding != (0, 0, 0, 0):
        return False
    return graph.weights.shape(node.params["weight"])[2:] == (1, 1)


def _can_skip(node: Node) -> bool:
    """Whether it is a convolution that adds nothing to its sums, and whose padding does not depend on the stride."""
    return isinstance(node.op, Conv2d) and len(node.inputs) == 1 and not isinstance(node.op.padding, str)
