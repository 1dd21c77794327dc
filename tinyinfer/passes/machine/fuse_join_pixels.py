"""Take pixels as rows from where they lie, and rows as pixels: permute, reshape and concat as one copy.

Maps lie in memory with their channels last, which is what NumPy rearranges them for: in the heads of SSDLite, whose
maps are joined besides, and around the attention of MobileViT (flatten to planes, then swap planes and pixels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.ops.base import Op, axis
from tinyinfer.ops.movement.join_pixels import JoinPixels, PixelsToImages
from tinyinfer.ops.movement.joining import Concat, Permute
from tinyinfer.ops.movement.views import Reshape, View

CHANNELS_LAST = (0, 2, 3, 1)


def fuse_join_pixels(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """A graph in which such nodes are one; ``types`` are those of the plan's input shapes."""
    return _fuse_images(_fuse_concats(_fuse_planes(_fuse_reshapes(graph, types), types), types), types)


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
            _replace(graph, node, [before], JoinPixels(shape[2]))
    return graph


def _fuse_planes(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """Each view of maps as rows of planes, and the permute behind it that makes them rows of pixels."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in [node for node in graph.nodes if _swaps_rows(node)]:
        before = producers.get(node.inputs[0])
        alone = graph.sole_consumer(node.inputs[0], consumers) is node
        if before is not None and isinstance(before.op, View) and alone:
            maps, planes = types[before.inputs[0]].shape, types[node.inputs[0]].shape
            if len(maps) == 4 and planes == (*maps[:2], maps[2] * maps[3]):
                _replace(graph, node, [before], JoinPixels(maps[1]))
    return graph


def _fuse_images(graph: Graph, types: Mapping[str, TensorType]) -> Graph:
    """Each permute of rows of pixels to planes, and the view behind it that makes these maps."""
    graph = graph.copy()
    producers, consumers = graph.producers(), graph.consumers()
    for node in [node for node in graph.nodes if isinstance(node.op, View)]:
        before = producers.get(node.inputs[0])
        alone = graph.sole_consumer(node.inputs[0], consumers) is node
        if before is not None and _swaps_rows(before) and alone:
            planes, maps = types[node.inputs[0]].shape, types[node.outputs[0]].shape
            if len(maps) == 4 and planes == (*maps[:2], maps[2] * maps[3]):
                _replace(graph, node, [before], PixelsToImages(maps[2:]))
    return graph


def _swaps_rows(node: Node) -> bool:
    """Whether a node exchanges the last two dimensions of three."""
    return isinstance(node.op, Permute) and [dim % len(node.op.dims) for dim in node.op.dims] == [0, 2, 1]


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
            _replace(graph, node, parts, JoinPixels(types[node.outputs[0]].shape[2]))
    return graph


def _replace(graph: Graph, last: Node, before: Sequence[Node], op: Op) -> None:
    """Put one node where the last of some stood, and nothing where the others did."""
    inputs = tuple(value for node in before for value in node.inputs)
    origin = (*(name for node in before for name in node.originals), *last.originals)
    graph.replace_node(last, last.replace(op=op, inputs=inputs, origin=origin))
    for node in before:
        graph.replace_node(node)
