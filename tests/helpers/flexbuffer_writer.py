"""FlexBuffers of one map, as options of custom operators are written."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

INT, FLOAT, MAP, INTS = 1, 3, 9, 11  # types, which are followed by 2 bits of width
FOUR = 2  # bytes as such bits


def flexible(entries: Mapping[str, int | float | Sequence[int]]) -> bytes:
    """Numbers and vectors of integers by name, all of them 4 bytes wide."""
    names, data, places = sorted(entries), bytearray(), []
    for name in names:
        places.append(len(data))
        data += name.encode() + b"\0"
    data += bytes(-len(data) % 4)
    vectors = {}
    for name in names:
        value = entries[name]
        if isinstance(value, Sequence):
            vectors[name] = len(data) + 4
            data += struct.pack(f"<{len(value) + 1}i", len(value), *value)
    data += struct.pack("<I", len(names))
    keys = len(data)
    for place in places:
        data += struct.pack("<I", len(data) - place)
    data += struct.pack("<III", len(data) - keys, 4, len(names))
    values = len(data)
    for name in names:
        if name in vectors:
            data += struct.pack("<I", len(data) - vectors[name])
        else:
            data += struct.pack("<f" if isinstance(entries[name], float) else "<i", entries[name])
    data += bytes(_kind(entries[name]) << 2 | FOUR for name in names)
    return bytes(data) + bytes([len(data) - values, MAP << 2 | FOUR, 1])


def _kind(value: int | float | Sequence[int]) -> int:
    return INTS if isinstance(value, Sequence) else FLOAT if isinstance(value, float) else INT
