"""Groups of channels that are joined, with zeros between them, until their outputs fill a register.

A product of a register costs the same whether all of its lanes are of use or few: joined groups take as many products
as they did one by one, in fewer and longer loops.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.base import Layer
from tinyinfer.kernels.codegen.cpu import LANES


def group_count(layer: Layer) -> int:
    """How many groups a convolution has once narrow ones are joined."""
    groups: int = layer.op.groups
    n = layer.params["weight"].shape[0] // groups
    return groups // max(d for d in range(1, LANES + 1) if groups % d == 0 and (d == 1 or d * n <= LANES))


def joined_weight(layer: Layer) -> np.ndarray:
    """Weights [G, N, C, R, S] of the joined groups."""
    groups: int = layer.op.groups
    return joined_groups(layer.params["weight"], groups, group_count(layer))


def joined_groups(weight: np.ndarray, groups: int, joined: int, zero: int = 0) -> np.ndarray:
    """Weights [M, C, ...] of so many groups as those of fewer, [G, N, C, ...]; ``zero`` is what stands for none."""
    m, c, *window = weight.shape
    n, each = m // groups, groups // joined
    if joined == groups:
        return weight.reshape(groups, n, c, *window)
    blocks = np.full((joined, each, n, each, c, *window), zero, weight.dtype)
    for i in range(each):
        blocks[:, i, :, i] = weight.reshape(joined, each, n, c, *window)[:, i]
    return blocks.reshape(joined, each * n, each * c, *window)
