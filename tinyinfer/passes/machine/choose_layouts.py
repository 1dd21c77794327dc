"""Decide how each value lies: images in NHWC, all else in NumPy's order, and a copy where kernels disagree.

Most kernels read values of four dimensions as images; some take rows of a last dimension, as attention has them, and
those that go through a value number by number take either.  References read and write whatever there is through views.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from tinyinfer import kernels
from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.kernels.base import NHWC, ROWS, Layout
from tinyinfer.ops.movement.relayout import Relayout
from tinyinfer.passes.machine.choose_kernels import REFERENCE

WHY = {NHWC: "rows to images, which the next kernel takes", ROWS: "images to rows, which the next kernel takes"}


def choose_layouts(
    graph: Graph, types: Mapping[str, TensorType]
) -> tuple[Graph, dict[str, TensorType], dict[str, Layout]]:
    """The graph, its nodes in order and with kernels, and the copies it needs; the type and layout of every value."""
    graph, types = graph.copy(), dict(types)
    layouts: dict[str, Layout] = dict.fromkeys(types, ROWS)
    if not any(map(_has_four, types.values())):
        return graph, types, layouts
    ahead = _images_ahead(graph, types)
    layouts |= {i.name: NHWC for i in graph.inputs if i.name in ahead}
    copies: dict[tuple[str, Layout], str] = {}
    for node in list(graph.nodes):
        layout = _layout(node, types, layouts, ahead)
        if layout is not None:
            wrong = [v for v in dict.fromkeys(node.inputs) if _has_four(types[v]) and layouts[v] != layout]
            made = [_copy(graph, types, value, layout) for value in wrong if (value, layout) not in copies]
            copies |= {(copy.inputs[0], layout): copy.outputs[0] for copy in made}
            types |= {copy.outputs[0]: types[copy.inputs[0]] for copy in made}
            layouts |= {copy.outputs[0]: layout for copy in made}
            if wrong:
                names = {value: copies[value, layout] for value in wrong}
                graph.replace_node(node, *made, node.replace(inputs=tuple(names.get(v, v) for v in node.inputs)))
        for value in node.outputs:
            if _has_four(types[value]):
                layouts[value] = layout or _after_reference(value, node, types, layouts, ahead)
    return graph, types, layouts


def _has_four(value: TensorType) -> bool:
    return len(value.shape) == 4


def _wanted(node: Node, types: Mapping[str, TensorType]) -> Layout | None:
    """What the node's kernel says of values of four dimensions."""
    kernel = kernels.find(node.op.name, node.kernel)
    return kernel.layout(node.op, [types[value].shape for value in node.inputs])  # type: ignore[arg-type]


def _images_ahead(graph: Graph, types: Mapping[str, TensorType]) -> set[str]:
    """Values that come to a kernel for images, be it through others that take either."""
    ahead: set[str] = set()
    for node in reversed(graph.nodes):
        if node.kernel != REFERENCE:
            wanted = _wanted(node, types)
            if wanted == NHWC or (wanted is None and not ahead.isdisjoint(node.outputs)):
                ahead.update(value for value in node.inputs if _has_four(types[value]))
    return ahead


def _layout(
    node: Node, types: Mapping[str, TensorType], layouts: Mapping[str, Layout], ahead: AbstractSet[str]
) -> Layout | None:
    """How all values of the node's kernel lie; None for a reference, to which each may lie in its own way."""
    if node.kernel == REFERENCE:
        return None
    wanted = _wanted(node, types)
    if wanted is not None:
        return wanted
    images = any(layouts[value] == NHWC for value in node.inputs) or not ahead.isdisjoint(node.outputs)
    return NHWC if images else ROWS


def _after_reference(
    value: str, node: Node, types: Mapping[str, TensorType], layouts: Mapping[str, Layout], ahead: AbstractSet[str]
) -> Layout:
    """As the next kernel takes it, or else as the input of the same shape lies, which it is computed from in order."""
    shape = types[value].shape
    beside = any(layouts[v] == NHWC and types[v].shape == shape for v in node.inputs)
    return NHWC if value in ahead or beside else ROWS


def _copy(graph: Graph, types: Mapping[str, TensorType], value: str, layout: Layout) -> Node:
    """A node that lays a value out otherwise, and its value, under a name that nothing has."""
    name = free_name(f"{value} as {layout}", types.keys() | {node.name for node in graph.nodes})
    kernel = "copy" if types[value].dtype == "float32" else REFERENCE
    return Node(name, Relayout(), (value,), (name,), kernel=kernel, why=WHY[layout])
