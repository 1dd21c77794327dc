"""Suppression ends where no more boxes are read."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
from tinyinfer.ops.arithmetic.elementwise import Maximum
from tinyinfer.ops.base import Op
from tinyinfer.ops.constant import Constant
from tinyinfer.ops.detection.non_max_suppression import NonMaxSuppression
from tinyinfer.ops.movement.joining import IndexSelect
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import Squeeze
from tinyinfer.passes.portable.limit_suppression import limit_suppression
from tinyinfer.weights import Weights

BOXES = 40


def detector(*after: Op, classes: int = 1, also: tuple[str, ...] = ()) -> Graph:
    """Suppression of 40 boxes, then operators one behind the other; a second input of any is the number 0."""
    inputs = [
        Input("boxes", (1, BOXES, 4), (1, BOXES, 4), "float32"),
        Input("scores", (1, classes, BOXES), (1, classes, BOXES), "float32"),
    ]
    nodes = [Node("zero", Constant(), (), ("zero",), {"value": "zero"})]
    nodes.append(Node("rows", NonMaxSuppression(30, 0.3), ("boxes", "scores"), ("rows",)))
    for i, op in enumerate(after):
        more = ("zero",) if op.arity == 2 else ()
        nodes.append(Node(f"v{i}", op, (nodes[-1].outputs[0], *more), (f"v{i}",)))
    return Graph(inputs, nodes, [nodes[-1].outputs[0], *also], Weights({"zero": np.array(0)}))


def most(graph: Graph) -> int:
    (node,) = (node for node in graph.nodes if isinstance(node.op, NonMaxSuppression))
    return node.op.max_output_boxes  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (detector(IndexSelect(1, (2,)), Squeeze((1,)), Maximum(), Slice(end=9)), 9),
        (detector(Slice(dim=1, start=2), Slice(dim=(0, 1), start=(2, 0), end=(12, 1))), 12),
        (detector(Slice(end=9, step=2)), 9),
        (detector(Slice(end=35)), 30),
        (detector(Slice(end=9), also=("rows",)), 30),
        (detector(Slice(end=9), classes=2), 30),
        (detector(Slice(start=-9)), 30),
        (detector(Slice(end=-9)), 30),
        (detector(Slice(start=9, end=0, step=-1)), 30),
        (detector(IndexSelect(0, (3, 1))), 30),
    ],
)
def test_no_more_boxes_than_are_read(graph: Graph, expected: int) -> None:
    limited = limit_suppression(graph)
    assert most(limited) == expected
    assert most(graph) == 30
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 4, (1, BOXES, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 1, corners.shape)], -1).astype(np.float32)
    given = {"boxes": boxes, "scores": rng.random(graph.inputs[1].nominal, np.float32)}
    found, wanted = Model(limited).run(given), Model(graph, kernels="reference").run(given)
    for name in graph.outputs:
        np.testing.assert_array_equal(found[name], wanted[name])
