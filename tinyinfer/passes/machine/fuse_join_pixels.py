"""Join the pixels of maps from where they lie: permute, reshape and concat as one `JoinPixels` (the heads of SSDLite).

Maps lie in memory with their channels last, so that what NumPy rearranges twice and joins is one copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.join_pixels import JoinPixels
from tinyinfer.ops.movement.joining import Concat, Permute
from tinyinfer.ops.movement.views import Reshape

CHANNELS_LAST = (0, 2, 3, 1)


def fuse_join_pixels(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """A graph in which such nodes are one; ``types`` are those of the plan's input shapes."""
    return _fuse_concats(_fuse_reshapes(graph, types), types)


def _fuse_reshapes(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """Each permute and the reshape behind it."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in [node for node in graph.nodes if isinstance(node.op, Reshape)]:
        before = producers.get(node.inputs[0])
        if before is None or graph.sole_consumer(node.inputs[0], consumers) is not node:
            continue
        shape, images = types[node.outputs[0]].shape, types[before.inputs[0]].shape[0]
        last = isinstance(before.op, Permute) and before.op.dims == CHANNELS_LAST
        if last and len(shape) == 3 and shape[0] == images:
            _replace(graph, node, [before], shape[2])
    return graph


def _fuse_concats(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """Each concat of rows of pixels."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in list(graph.nodes):
        parts = [producers[value] for value in node.inputs if value in producers]
        if not isinstance(node.op, Concat) or not all(isinstance(part.op, JoinPixels) for part in parts):
            continue
        alone = all(graph.sole_consumer(value, consumers) is node for value in node.inputs)
        if alone and len(parts) == len(node.inputs) and axis(node.op.dim, 3) == 1:
            _replace(graph, node, parts, types[node.outputs[0]].shape[2])
    return graph


def _replace(graph: Graph, last: Node, before: Sequence[Node], width: int) -> None:
    """Put one node where the last of some stood, and nothing where the others did."""
    inputs = tuple(value for node in before for value in node.inputs)
    origin = (*(name for node in before for name in node.originals), *last.originals)
    graph.replace_node(last, last.replace(op=JoinPixels(width), inputs=inputs, origin=origin))
    for node in before:
        graph.replace_node(node)
