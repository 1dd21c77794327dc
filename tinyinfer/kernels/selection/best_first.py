"""The best of many numbers one after the other: a heap of keys, which are larger the better.

A key is one integer for a number and its place, so that to compare two of them is one instruction, and of equal
numbers the first comes first.
"""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.codegen.jit import inline

WORDS = 2  # floats of workspace that a key takes, and one more in all (`keys_in`)
NAN_RANK = 0x7FFF_FFFF  # above that of infinity
_INFINITY, _MAGNITUDE = 0x7F80_0000, 0x7FFF_FFFF  # bits of float32


def keys_in(workspace: np.ndarray, count: int) -> np.ndarray:
    """Room for so many keys, from the first place on where an integer of 64 bits can lie."""
    first = workspace.ctypes.data % 8 // 4
    return workspace[first : first + WORDS * count].view(np.int64)


@inline
def rank_of(bits):
    """The bits of a float32, taken for an integer, as another one in whose order the numbers are; NaN is the largest.

    Ranks of a number and of its negative are each other's negatives, and both zeros have that of 0.
    """
    magnitude = np.int64(bits) & _MAGNITUDE
    if magnitude > _INFINITY:
        return np.int64(NAN_RANK)
    return magnitude if bits >= 0 else -magnitude


@inline
def key_of(rank, place):
    """Larger for a larger rank, and of equal ones for an earlier place."""
    return (rank << 32) - place


@inline
def place_of(key):
    """The place that `key_of` was given."""
    return -key & 0xFFFF_FFFF


@inline
def make_heap(keys, count):
    """Order the first ``count`` keys so that none is larger than its parent: that of number i is number (i - 1) / 2."""
    for root in range(count // 2 - 1, -1, -1):
        _sink(keys, count, root)


@inline
def take_best(keys, count):
    """The largest of a heap of ``count`` keys; the others are one of ``count - 1`` then."""
    best = keys[0]
    keys[0] = keys[count - 1]
    _sink(keys, count - 1, 0)
    return best


@inline
def _sink(keys, count, root):
    """Let a key change places with the larger of its children until none is larger."""
    key = keys[root]
    while True:
        child = 2 * root + 1
        if child >= count:
            break
        if child + 1 < count and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[root] = keys[child]
        root = child
    keys[root] = key
