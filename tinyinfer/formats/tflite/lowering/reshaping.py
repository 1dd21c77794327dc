"""Another shape for the same elements, with sizes that are free kept so."""

from __future__ import annotations

from tinyinfer.dim import expression_of, is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.graph import Shape, TensorType


def reshaped(importer: Importer, value: str, shape: Shape, name: str) -> str:
    """The value in this shape.

    Raises GraphError where two sizes would be free that are not at the same place before.
    """
    before = importer.shape(value)
    if _same(before, shape):
        return value
    sizes = []
    for at, size in enumerate(shape):
        if not is_free(size):
            sizes.append(size)
        elif at < len(before) and expression_of(before[at]) == expression_of(size):
            sizes.append(0)
        else:
            sizes.append(-1)
    if sizes.count(-1) > 1:
        raise GraphError(f"{TensorType(before)} to {TensorType(shape)}: more than one size is free")
    return importer.apply("reshape", value, name=name, shape=tuple(sizes))


def _same(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(expression_of(m) == expression_of(n) for m, n in zip(a, b, strict=True))
