"""FlexBuffers, as far as options of custom operators use them: a map of names to numbers and rows of numbers.

Everything is found from the end (google.github.io/flatbuffers/flexbuffers.html): the last byte is how wide the root
is, the byte before it its type, before these stands the root itself, for a map the distance back to its values.
Before the values: the distance back to the vector of keys, the width of that, and how many there are; behind the
values one byte of type for each.
"""

from __future__ import annotations

import struct

from tinyinfer.errors import ModelFormatError

_INT, _UINT, _FLOAT, _MAP, _BOOL = 1, 2, 3, 9, 26
_LAYOUTS = {
    _INT: {1: "<b", 2: "<h", 4: "<i", 8: "<q"},
    _UINT: {1: "<B", 2: "<H", 4: "<I", 8: "<Q"},
    _BOOL: {1: "<B", 2: "<H", 4: "<I", 8: "<Q"},
    _FLOAT: {2: "<e", 4: "<f", 8: "<d"},
}
_VECTORS = {11: _INT, 12: _UINT, 13: _FLOAT}
MOST_ENTRIES = 1000  # of a map
MOST_NUMBERS = 100_000  # of a vector

Value = int | float | bool | list[int | float]


def read_map(data: memoryview, where: str) -> dict[str, Value]:
    """The numbers, truth values and vectors of numbers of a map; entries of other kinds are left out.

    Raises ModelFormatError where there is no map inside the data.
    """
    return _Reader(data, where).root()


class _Reader:
    def __init__(self, data: memoryview, where: str) -> None:
        self._data, self._where = data, where

    def root(self) -> dict[str, Value]:
        if len(self._data) < 3:
            raise self._error(f"expected a map, found {len(self._data)} bytes")
        width, kind = self._data[-1], self._data[-2]
        if width not in (1, 2, 4, 8) or kind >> 2 != _MAP:
            raise self._error("expected a map as options")
        return self._map(self._back(len(self._data) - 2 - width, width), 1 << (kind & 3))

    def _map(self, at: int, width: int) -> dict[str, Value]:
        count = self._unsigned(at - width, width)
        if count > MOST_ENTRIES:
            raise self._error(f"expected at most {MOST_ENTRIES} options, found {count}")
        key_width = self._unsigned(at - 2 * width, width)
        if key_width not in (1, 2, 4, 8):
            raise self._error(f"expected keys of 1, 2, 4 or 8 bytes, found {key_width}")
        keys = self._back(at - 3 * width, width)
        types = at + count * width
        found: dict[str, Value] = {}
        for index in range(count):
            name = self._key(self._back(keys + index * key_width, key_width))
            kind, place = self._unsigned(types + index, 1), at + index * width
            if kind >> 2 in _VECTORS:
                found[name] = self._vector(self._back(place, width), 1 << (kind & 3), _VECTORS[kind >> 2])
            elif width in _LAYOUTS.get(kind >> 2, ()):
                value = self._number(place, width, kind >> 2)
                found[name] = bool(value) if kind >> 2 == _BOOL else value
        return found

    def _vector(self, at: int, width: int, kind: int) -> list[int | float]:
        """Numbers of one type and width, which begin here and have their count before."""
        count = self._unsigned(at - width, width)
        if count > MOST_NUMBERS or width not in _LAYOUTS[kind]:
            raise self._error(f"byte {at}: expected at most {MOST_NUMBERS} numbers, found {count} of {width} bytes")
        return [self._number(at + index * width, width, kind) for index in range(count)]

    def _number(self, at: int, width: int, kind: int) -> int | float:
        (found,) = struct.unpack(_LAYOUTS[kind][width], self._bytes(at, width))
        number: int | float = found
        return number

    def _key(self, at: int) -> str:
        end = at
        while self._unsigned(end, 1):
            end += 1
        try:
            return bytes(self._data[at:end]).decode()
        except UnicodeDecodeError:
            raise self._error(f"byte {at}: expected a name in UTF-8") from None

    def _back(self, at: int, width: int) -> int:
        """The place so far before this one as the number in it says."""
        target = at - self._unsigned(at, width)
        if not 0 <= target < at:
            raise self._error(f"byte {at}: expected a distance back that stays inside of {len(self._data)} bytes")
        return target

    def _unsigned(self, at: int, width: int) -> int:
        return int.from_bytes(self._bytes(at, width), "little")

    def _bytes(self, at: int, width: int) -> bytes:
        if not 0 <= at <= len(self._data) - width:
            raise self._error(f"byte {at}: expected {width} bytes of {len(self._data)}")
        return bytes(self._data[at : at + width])

    def _error(self, message: str) -> ModelFormatError:
        return ModelFormatError(f"{self._where}: options: {message}")
