"""FlatBuffers: tables whose fields are found through offsets (flatbuffers.dev, "FlatBuffer Internals").

    file      uint32: where the root table is; then four letters that name the format
    table     int32: how far before it its vtable is; then the fields
    vtable    uint16: its own size; uint16: the table's size; then for each field where it is in the table, 0 if absent
    vector    uint32: how many elements; then these.  Strings are vectors of bytes
    offset    uint32: how far after itself a table, vector or string begins

Whatever an offset points to is looked at before it is followed.  Nothing is copied: what has a length is a view.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits

_FORMATS = {"bool": "?", "int8": "b", "uint8": "B", "int32": "i", "uint32": "I", "uint64": "Q", "float32": "f"}


class FlatBuffer:
    """The bytes of one file, and how much of them may still be read: tables may share what they point to."""

    def __init__(self, data: memoryview, where: str, limits: Limits) -> None:
        self.data, self.where, self.limits, self._left = data, where, limits, limits.fields

    def root(self, identifier: bytes, what: str) -> Table:
        """The table that the file is; raises ModelFormatError unless its format has this identifier."""
        found = bytes(self.data[4:8])
        if found != identifier:
            raise ModelFormatError(
                f"{self.where}: not a {what}: expected {identifier!r} in bytes 4 to 8, found {found!r}"
            )
        return Table(self, self.follow(0, what), what)

    def spend(self, count: int, what: str) -> None:
        """Count what is read; raises ModelFormatError when it has become too much."""
        self._left -= count
        if self._left < 0:
            raise self.error(what, f"expected at most {self.limits.fields} fields in all")

    def error(self, what: str, message: str) -> ModelFormatError:
        """What to raise: where in which file, and what is wrong."""
        return ModelFormatError(f"{self.where}: {what}: {message}")

    def number(self, at: int, kind: str, what: str) -> int | float | bool:
        """The number at a place of the file, which is a multiple of its size."""
        layout = struct.Struct("<" + _FORMATS[kind])
        if at % layout.size:
            raise self.error(what, f"byte {at}: expected a multiple of {layout.size}")
        if not 0 <= at <= len(self.data) - layout.size:
            raise self.error(what, f"byte {at}: expected {layout.size} bytes of a file of {len(self.data)}")
        found: int | float | bool = layout.unpack_from(self.data, at)[0]
        return found

    def follow(self, at: int, what: str) -> int:
        """The place that the offset at a place points to."""
        offset = int(self.number(at, "uint32", what))
        if not 0 < offset < len(self.data) - at:
            raise self.error(what, f"byte {at}: an offset of {offset} points out of a file of {len(self.data)} bytes")
        return at + offset

    def vector(self, at: int, size: int, what: str) -> memoryview:
        """The bytes of a vector, of elements of this size."""
        count, begin = int(self.number(at, "uint32", what)), at + 4
        if count > (len(self.data) - begin) // size:
            raise self.error(what, f"byte {at}: {count} elements do not fit a file of {len(self.data)} bytes")
        if begin % min(size, 8):
            raise self.error(what, f"byte {begin}: expected a multiple of {size}")
        return self.data[begin : begin + count * size]


class Table:
    """The fields of one table by number.  Raises ModelFormatError for one that is not inside the file."""

    def __init__(self, buffer: FlatBuffer, at: int, what: str) -> None:
        self.buffer, self.what, self._at = buffer, what, at
        vtable = at - int(buffer.number(at, "int32", what))
        size = self._short(vtable)
        if size < 4 or size % 2 or vtable + size > len(buffer.data):
            raise self.error(f"byte {vtable}: expected an even number of bytes of a vtable in the file, found {size}")
        self._size = self._short(vtable + 2)
        if self._size < 4 or at + self._size > len(buffer.data):
            raise self.error(f"byte {at}: expected a table that ends in the file, found {self._size} bytes of it")
        self._fields: tuple[int, ...] = struct.unpack_from(f"<{size // 2 - 2}H", buffer.data, vtable + 4)
        buffer.spend(1 + len(self._fields), what)

    def _short(self, at: int) -> int:
        if at % 2 or not 0 <= at <= len(self.buffer.data) - 2:
            raise self.error(f"byte {at}: expected a vtable inside a file of {len(self.buffer.data)} bytes")
        (found,) = struct.unpack_from("<H", self.buffer.data, at)
        return int(found)

    def error(self, message: str) -> ModelFormatError:
        """What to raise: where in which file, and what is wrong."""
        return self.buffer.error(self.what, message)

    def __contains__(self, field: int) -> bool:
        return field < len(self._fields) and self._fields[field] > 0

    @property
    def present(self) -> list[int]:
        """The numbers of the fields that are there."""
        return [field for field, offset in enumerate(self._fields) if offset]

    def _place(self, field: int, size: int) -> int:
        """Where in the file a field is that is there."""
        offset = self._fields[field]
        if offset < 4 or offset + size > self._size:
            raise self.error(f"field {field}: expected it in the table's {self._size} bytes, found it at {offset}")
        return self._at + offset

    def number(self, field: int, kind: str, default: float = 0) -> int | float | bool:
        """A number; ``kind`` is its type."""
        if field not in self:
            return default
        place = self._place(field, struct.calcsize(_FORMATS[kind]))
        return self.buffer.number(place, kind, f"{self.what}: field {field}")

    def integer(self, field: int, kind: str = "int32", default: int = 0) -> int:
        """A number that is whole."""
        return int(self.number(field, kind, default))

    def _follow(self, field: int) -> int | None:
        if field not in self:
            return None
        return self.buffer.follow(self._place(field, 4), f"{self.what}: field {field}")

    def table(self, field: int, what: str) -> Table | None:
        """A table inside this one, or None."""
        at = self._follow(field)
        return None if at is None else Table(self.buffer, at, what)

    def tables(self, field: int, what: str) -> Iterator[Table]:
        """The tables of a vector; none if it is not there."""
        at = self._follow(field)
        if at is None:
            return
        offsets = self.buffer.vector(at, 4, f"{self.what}: field {field}")
        for index in range(len(offsets) // 4):
            name = f"{what} {index}"
            yield Table(self.buffer, self.buffer.follow(at + 4 + 4 * index, name), name)

    def numbers(self, field: int, kind: str) -> np.ndarray | None:
        """The numbers of a vector, a view of the file, or None."""
        at, dtype = self._follow(field), np.dtype(kind).newbyteorder("<")
        if at is None:
            return None
        return np.frombuffer(self.buffer.vector(at, dtype.itemsize, f"{self.what}: field {field}"), dtype)

    def integers(self, field: int, kind: str = "int32") -> tuple[int, ...]:
        """The integers of a vector; none if it is not there."""
        found = self.numbers(field, kind)
        if found is None:
            return ()
        self.buffer.spend(len(found), self.what)
        return tuple(found.tolist())

    def data(self, field: int) -> memoryview | None:
        """The bytes of a vector, or None."""
        at = self._follow(field)
        return None if at is None else self.buffer.vector(at, 1, f"{self.what}: field {field}")

    def text(self, field: int, most: int | None = None) -> str:
        """A string, "" if it is not there; raises ModelFormatError for one that is not UTF-8 or too long."""
        data, most = self.data(field), most or self.buffer.limits.name_length
        if data is None:
            return ""
        if len(data) > most:
            raise self.error(f"field {field}: expected at most {most} bytes of text, found {len(data)}")
        self.buffer.spend(len(data) // 16, self.what)
        try:
            return bytes(data).decode()
        except UnicodeDecodeError:
            raise self.error(f"field {field}: expected UTF-8 text, found {bytes(data[:20])!r}") from None
