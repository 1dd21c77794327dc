"""FlatBuffers written front to back, with the place of everything noted, so that tests can damage it.

A table is a dict from field numbers to what they hold: ``Number``s, strings, bytes, arrays, tables and lists of tables.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

Table = dict[int, Any]


class Number(NamedTuple):
    """A number stored in the table itself; ``kind`` is a letter of struct."""

    kind: str
    value: float


class FlatBufferWriter:
    """``data`` after `write`; ``places`` maps paths such as "2/0/3:vtable" to where that begins.

    A path is the numbers of fields and elements from the root on.  Each table has "...": its own place, "...:vtable",
    and for each field "...@number": the place in the table; vectors and strings have the path of their field.
    """

    def __init__(self, identifier: bytes) -> None:
        self.data = bytearray(4) + identifier
        self.places: dict[str, int] = {}

    def write(self, root: Table) -> bytes:
        """The file with this table as its root."""
        self._point(0, self._table(root, ""))
        return bytes(self.data)

    def _point(self, at: int, target: int) -> None:
        struct.pack_into("<I", self.data, at, target - at)

    def _align(self, size: int, ahead: int = 0) -> None:
        self.data += bytes(-(len(self.data) + ahead) % size)

    def _table(self, fields: Table, path: str) -> int:
        offsets, end = {}, 4
        for field, value in fields.items():
            size = struct.calcsize(value.kind) if isinstance(value, Number) else 4
            end += -end % size
            offsets[field], end = end, end + size
        entries = [offsets.get(field, 0) for field in range(max(fields, default=-1) + 1)]
        self._align(8, 4 + 2 * len(entries))
        vtable = len(self.data)
        self.data += struct.pack(f"<{2 + len(entries)}H", 4 + 2 * len(entries), end, *entries)
        at = len(self.data)
        self.data += struct.pack("<i", at - vtable) + bytes(end - 4)
        self.places |= {path: at, f"{path}:vtable": vtable}
        for field, value in fields.items():
            place = at + offsets[field]
            self.places[f"{path}@{field}"] = place
            if isinstance(value, Number):
                struct.pack_into("<" + value.kind, self.data, place, value.value)
            else:
                self._point(place, self._value(value, f"{path}/{field}" if path else str(field)))
        return at

    def _value(self, value: Any, path: str) -> int:
        if isinstance(value, dict):
            return self._table(value, path)
        if isinstance(value, list):
            return self._tables(value, path)
        if isinstance(value, str):
            return self._vector(value.encode(), len(value.encode()), 1, path, b"\0")
        if isinstance(value, bytes):
            return self._vector(value, len(value), 16, path)
        array = np.asarray(value)
        return self._vector(array.tobytes(), array.size, max(array.itemsize, 4), path)

    def _vector(self, data: bytes, count: int, size: int, path: str, end: bytes = b"") -> int:
        self._align(4)
        self._align(size, 4)
        at = len(self.data)
        self.data += struct.pack("<I", count) + data + end
        self.places[path] = at
        return at

    def _tables(self, tables: list[Table], path: str) -> int:
        at = self._vector(bytes(4 * len(tables)), len(tables), 4, path)
        for index, table in enumerate(tables):
            self._point(at + 4 + 4 * index, self._table(table, f"{path}/{index}"))
        return at
