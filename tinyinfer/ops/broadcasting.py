"""NumPy's rule for operands of different shapes."""

from __future__ import annotations

from tinyinfer.graph import Shape
from tinyinfer.ops.base import Types, require


def broadcast_shape(inputs: Types) -> Shape:
    """The shape that the inputs share once dimensions of size 1 are repeated; raises GraphError if there is none.

    Shapes are aligned at their last dimension, and missing first dimensions count as 1.
    """
    rank = max(len(t.shape) for t in inputs)
    shapes = [(*[1] * (rank - len(t.shape)), *t.shape) for t in inputs]
    for sizes in zip(*shapes, strict=True):
        fits = len(set(sizes) - {1}) <= 1
        require(fits, f"shapes {' and '.join(map(str, inputs))} do not broadcast")
    return tuple(_common(sizes) for sizes in zip(*shapes, strict=True))


def _common(sizes: tuple[int, ...]) -> int:
    """The largest; of equal ones one that is an expression, since it stays right where the input's size moves."""
    return max(sizes, key=lambda size: (size, type(size) is not int))
