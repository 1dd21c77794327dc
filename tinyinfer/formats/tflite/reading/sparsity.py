"""Sparse tensors as dense ones (Gale et al. 2020; tensorflow/lite/tools/optimize/sparsity/format_converter.h).

A tensor is walked through dimension by dimension in its traversal order.  A dense dimension takes every index; a
compressed one lists, for each place that the walk has come to, which indices have something (``segments`` and
``indices`` of compressed sparse rows).  Dimensions may be cut into blocks, whose insides are walked last.
"""

from __future__ import annotations

import math

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.tflite.reading.messages import Dimension, Sparsity


def densify(values: np.ndarray, shape: tuple[int, ...], sparsity: Sparsity, where: str) -> np.ndarray:
    """The tensor of this shape that holds ``values`` where ``sparsity`` says, and 0 elsewhere.

    Raises ModelFormatError where both do not fit the shape or each other.
    """
    order, blocks = sparsity.traversal_order, sparsity.block_map
    rank, levels = len(shape), len(shape) + len(blocks)
    _require(
        sorted(order) == [*range(levels)],
        where,
        f"expected a traversal of {levels} dimensions, found {str(order)[:60]}",
    )
    _require(len(sparsity.dimensions) == levels, where, f"expected {levels} dimensions, one a step of the traversal")
    _require(
        len(set(blocks)) == len(blocks), where, f"expected blocks of different dimensions, found {str(blocks)[:60]}"
    )
    by_dim = {dim: sparsity.dimensions[level] for level, dim in enumerate(order)}
    block_size = [1] * rank
    for number, dim in enumerate(blocks):
        size = by_dim[rank + number].dense_size
        fits = 0 <= dim < rank and size > 0 and shape[dim] % size == 0
        _require(fits, where, f"a block of {size} does not divide dimension {dim} of {shape}")
        block_size[dim] = size
    sizes = [size // block for size, block in zip(shape, block_size, strict=True)]
    sizes += [block_size[dim] for dim in blocks]
    places: dict[int, np.ndarray] = {}
    count = 1
    for dim in order:
        chosen, index = _step(by_dim[dim], count, sizes[dim], math.prod(shape), where)
        places = {other: indices[chosen] for other, indices in places.items()}
        places[dim], count = index, len(index)
    _require(len(values) == count, where, f"expected {count} values of the sparse tensor, found {len(values)}")
    flat = np.zeros(count, np.int64)
    for dim, size in enumerate(shape):
        inside = places[rank + blocks.index(dim)] if dim in blocks else 0
        flat = flat * size + places[dim] * block_size[dim] + inside
    dense = np.zeros(math.prod(shape), values.dtype)
    dense[flat] = values
    return dense.reshape(shape)


def _step(dimension: Dimension, count: int, size: int, most: int, where: str) -> tuple[np.ndarray, np.ndarray]:
    """From ``count`` places one dimension further: for each place after it the one before, and its index here."""
    segments, indices = dimension.segments, dimension.indices
    if segments is None or indices is None:
        _require(dimension.dense_size == size, where, f"expected {size} indices, found {dimension.dense_size}")
        _require(count * size <= most, where, f"expected at most {most} places, found {count * size}")
        return np.repeat(np.arange(count), size), np.tile(np.arange(size), count)
    _require(len(segments) == count + 1, where, f"expected {count + 1} segments, found {len(segments)}")
    lengths = np.diff(segments)
    fits = segments[0] == 0 and segments[-1] == len(indices) and (lengths >= 0).all() and len(indices) <= most
    _require(bool(fits), where, f"segments do not divide {len(indices)} indices, at most {most}, into rows")
    _require(bool(((indices >= 0) & (indices < size)).all()), where, f"expected indices from 0 to {size - 1}")
    return np.repeat(np.arange(count), lengths), indices


def _require(condition: bool, where: str, message: str) -> None:
    if not condition:
        raise ModelFormatError(f"{where}: sparsity: {message}")
