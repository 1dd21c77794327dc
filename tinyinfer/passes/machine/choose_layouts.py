"""Decide how each value lies: images in NHWC, all else in NumPy's order, and a copy where kernels disagree.

Most kernels read values of four dimensions as images; some take rows of a last dimension, as attention has them, and
those that go through a value number by number take either.  References read and write whatever there is through views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tinyinfer import kernels
from tinyinfer.graph import Graph, Node, TensorType, free_name
from tinyinfer.kernels.base import NHWC, ROWS, Layout
from tinyinfer.ops.base import Op
from tinyinfer.ops.movement.relayout import Relayout
from tinyinfer.passes.machine.choose_kernels import REFERENCE

WHY = {NHWC: "rows to images, which the next kernel takes", ROWS: "images to rows, which the next kernel takes"}


def choose_layouts(
    graph: Graph, types: Mapping[str, TensorType]
) -> tuple[Graph, dict[str, TensorType], dict[str, Layout]]:
    """The graph, its nodes in order and with kernels, with the copies it needs; type and layout of every value."""
    choice = _Choice(graph, types)
    for given in graph.inputs:
        choice.note(given.name, NHWC if given.name in choice.ahead else ROWS)
    for node in graph.nodes:
        if node.kernel == REFERENCE:
            choice.follow(node)
        else:
            choice.obey(node)
    return choice.graph, choice.types, choice.layouts


class _Choice:
    """Layouts as they are settled, from the first node to the last."""

    def __init__(self, graph: Graph, types: Mapping[str, TensorType]) -> None:
        self.graph, self.types = graph.copy(), dict(types)
        self.layouts: dict[str, Layout] = dict.fromkeys(types, ROWS)
        self._wanted = {node.name: self._ask(node) for node in graph.nodes if node.kernel != REFERENCE}
        self._copies: dict[tuple[str, Layout], str] = {}
        self.ahead: set[str] = set()  # values that come to a kernel for images, be it through others that take either
        for node in reversed(graph.nodes):
            if node.name in self._wanted:
                passed_on = self._wanted[node.name] is None and not self.ahead.isdisjoint(node.outputs)
                if passed_on or self._wanted[node.name] == NHWC:
                    self.ahead.update(filter(self._has_four, node.inputs))

    def _ask(self, node: Node) -> Layout | None:
        """What the node's kernel says of values of four dimensions."""
        kernel = kernels.find(node.op.name, node.kernel)
        return kernel.layout(node.op, [self.types[value].shape for value in node.inputs])  # type: ignore[arg-type]

    def _has_four(self, value: str) -> bool:
        return len(self.types[value].shape) == 4

    def note(self, value: str, layout: Layout) -> None:
        """Settle how a value lies."""
        if self._has_four(value):
            self.layouts[value] = layout

    def follow(self, node: Node) -> None:
        """Outputs of a reference lie as the next kernel takes them, or else as an input whose places they share."""
        images = {self.types[value].shape for value in node.inputs if self.layouts[value] == NHWC}
        for value in node.outputs:
            self.note(value, NHWC if value in self.ahead or self.types[value].shape in images else ROWS)

    def obey(self, node: Node) -> None:
        """All values of a kernel lie as it wants them, copies of inputs where those themselves do not."""
        layout = self._wanted[node.name]
        if layout is None:
            images = any(self.layouts[value] == NHWC for value in node.inputs)
            layout = NHWC if images or not self.ahead.isdisjoint(node.outputs) else ROWS
        four = filter(self._has_four, dict.fromkeys(_read(node)))
        wrong = [value for value in four if self.layouts[value] != layout]
        if wrong:
            made = [self._copy(value, layout) for value in wrong if (value, layout) not in self._copies]
            names = {value: self._copies[value, layout] for value in wrong}
            inputs = tuple(names.get(value, value) for value in node.inputs)
            self.graph.replace_node(node, *made, node.replace(inputs=inputs))
        for value in node.outputs:
            self.note(value, layout)

    def _copy(self, value: str, layout: Layout) -> Node:
        """A node that lays a value out otherwise, and what it writes, under a name that nothing has."""
        name = free_name(f"{value} as {layout}", self.types.keys() | {node.name for node in self.graph.nodes})
        self.types[name], self.layouts[name], self._copies[value, layout] = self.types[value], layout, name
        copies = kernels.find(Relayout.name, "copy").dtypes
        kernel = "copy" if self.types[value].dtype in copies else REFERENCE
        return Node(name, Relayout(), (value,), (name,), kernel=kernel, why=WHY[layout])


def _read(node: Node) -> list[str]:
    """Inputs whose elements the node reads; of one that is called "like" it is told the sizes alone."""
    op = cast(Op, node.op)
    arity = len(node.inputs) if op.arity is None else op.arity
    roles = (*[""] * arity, *op.optional_inputs)
    return [value for value, role in zip(node.inputs, roles, strict=False) if role != "like"]
