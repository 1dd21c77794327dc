"""Pooling of whole images that files have as reductions, and of bins that they have as products with matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, bins
from tinyinfer.passes.portable.recognise.editing import Editing
from tinyinfer.passes.portable.recognise.matching import Match
from tinyinfer.passes.portable.recognise.pattern import Constant, Value, apply
from tinyinfer.passes.portable.recognise.rewriting import Made, Rule, rewrite

x = Value("x")
ONE_SIDE = apply("adaptive_avg_pool2d", x, name="rows")


def _global(op: AdaptiveAvgPool2d | AdaptiveMaxPool2d) -> Callable[[Match], Made | None]:
    """A reduction of height and width that keeps both dimensions."""

    def make(match: Match) -> Made | None:
        reduction, rank = match.root.op, len(match.shape("x"))
        images = rank == 4 and sorted(reduction.axes(rank)) == [2, 3]  # type: ignore[attr-defined]
        return Made(op, (match["x"],)) if images and match.type("x").dtype == "float32" else None

    return make


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
    Rule(apply("mean", x, keepdim=True), _global(AdaptiveAvgPool2d((1, 1)))),
    Rule(apply("amax", x, keepdim=True), _global(AdaptiveMaxPool2d((1, 1)))),
    Rule(apply("matmul", Constant("rows"), x), _bins("rows")),
    Rule(apply("matmul", x, Constant("columns")), _bins("columns")),
    Rule(apply("adaptive_avg_pool2d", ONE_SIDE), _both_sides),
)


def recognise_pooling(editing: Editing) -> None:
    """Make pooling to one pixel, or to a number of bins, a pooling node."""
    rewrite(editing, RULES)
