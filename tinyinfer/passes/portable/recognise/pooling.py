"""Pooling of whole images that files have as reductions, and of bins that they have as products with matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.graph import Node, Operator
from tinyinfer.ops.arithmetic.reduction import Amax, Mean, Reduction
from tinyinfer.ops.movement.joining import Permute
from tinyinfer.ops.movement.views import Flatten
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, bins
from tinyinfer.passes.portable.recognise.patterns.chains import Chain, chains, gives, replace_chain
from tinyinfer.passes.portable.recognise.patterns.editing import Editing
from tinyinfer.passes.portable.recognise.patterns.matching import Match
from tinyinfer.passes.portable.recognise.patterns.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.patterns.rearrangement import Rearrangement, only_views
from tinyinfer.passes.portable.recognise.patterns.rules import Made, Rule, rewrite

WHOLE = {Mean: AdaptiveAvgPool2d((1, 1)), Amax: AdaptiveMaxPool2d((1, 1))}

x = Value("x")
ONE_SIDE = apply("adaptive_avg_pool2d", x, name="rows")


def _bins(role: str) -> Callable[[Match], Made | None]:
    """A product with a matrix that takes the means of rows, from the left, or of columns, from the right."""

    def make(match: Match) -> Made | None:
        shape, matrix = match.shape("x"), match.array(role)
        if len(shape) != 4 or matrix.ndim != 2:
            return None
        means, size = (matrix, shape[2]) if role == "rows" else (matrix.T, shape[3])
        if type(size) is not int or not np.allclose(means, _means(size, len(means)), atol=1e-6):
            return None
        return Made(AdaptiveAvgPool2d((len(means), None) if role == "rows" else (None, len(means))), (match["x"],))

    return make


def _both_sides(match: Match) -> Made | None:
    """Bins of rows, and then of columns, or the other way."""
    first, second = match.node("rows").op, match.root.op
    assert isinstance(first, AdaptiveAvgPool2d)
    assert isinstance(second, AdaptiveAvgPool2d)
    sides = [*zip(first.output_size, second.output_size, strict=True)]
    if any(None not in pair for pair in sides):
        return None
    height, width = (a if b is None else b for a, b in sides)
    return Made(AdaptiveAvgPool2d((height, width)), (match["x"],))


def _means(size: int, count: int) -> np.ndarray:
    """The (count, size) matrix that takes the mean of each bin."""
    matrix = np.zeros((count, size))
    for row, stretch in zip(matrix, bins(size, count), strict=True):
        row[stretch] = 1 / (stretch.stop - stretch.start)
    return matrix


RULES = (
    Rule(apply("matmul", Constant("rows"), x), _bins("rows")),
    Rule(apply("matmul", x, Constant("columns")), _bins("columns")),
    Rule(apply("adaptive_avg_pool2d", ONE_SIDE), _both_sides),
)


def recognise_pooling(editing: Editing) -> None:
    """Make pooling to one pixel, or to a number of bins, a pooling node."""
    for kind, op in WHOLE.items():
        _recognise_whole(editing, kind, op)
    rewrite(editing, RULES)


def _recognise_whole(editing: Editing, kind: type[Reduction], op: Operator) -> None:
    """Pooling of whole images, whose pixels may be reduced one side at a time, in a row, or with channels last."""

    def belongs(node: Node) -> bool:
        return isinstance(node.op, kind | Permute) or only_views(node)

    for old in reversed(editing.in_order()):
        node = editing.current(old)
        if node is None or not belongs(node):
            continue
        for chain in chains(editing, node, belongs):
            ops = _pooled(editing, chain, op)
            if ops:
                replace_chain(editing, chain, ops)
                break


def _pooled(editing: Editing, chain: Chain, op: Operator) -> list[Operator]:
    """The pooling that a chain is, and a flatten where its result has no height and width."""
    source = editing.types[chain[0][0].inputs[0]]
    moved = Rearrangement(source.shape)
    if source.dtype != "float32" or not any(isinstance(node.op, Reduction) for node, _ in chain):
        return []
    for node, value in chain:
        if isinstance(node.op, Reduction):
            moved.reduce(node.op)
        elif not moved.follow(node, value, editing.types):
            return []
    if not moved.pools_images():
        return []
    wanted = editing.types[chain[-1][1]]
    return next((ops for ops in ([op], [op, Flatten(1)]) if gives(source, ops, wanted)), [])
