"""Protobuf's wire format, as far as ONNX uses it: a message is a row of fields, each a number and a value.

    tag       varint: field number * 8 + wire type
    value     0: varint    1: 8 bytes    2: varint, then so many bytes    5: 4 bytes

(protobuf.dev, "Encoding".)  Nothing is copied: what has a length is a view of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

Value = int | memoryview  # of wire types 0, 1 and 5 the number, unsigned; of 2 the bytes


class Budget:
    """How many fields may still be read in one file, so that none takes long."""

    def __init__(self, where: str, limits: Limits) -> None:
        self.where, self.limits, self.left = where, limits, limits.fields

    def spend(self, what: str) -> None:
        """Count one field; raises ModelFormatError when there have been too many."""
        self.left -= 1
        if self.left < 0:
            raise ModelFormatError(f"{self.where}: {what}: expected at most {self.limits.fields} fields in all")


class Message:
    """The fields of one message by number.  Raises ModelFormatError for bytes that are no message."""

    def __init__(self, data: memoryview, what: str, budget: Budget, depth: int = 0) -> None:
        self.what, self._budget, self._depth = what, budget, depth
        if depth > budget.limits.depth:
            raise self.error(f"expected messages at most {budget.limits.depth} deep")
        self._fields: dict[int, list[tuple[int, Value]]] = {}
        for number, wire_type, value in self._parse(data):
            self._fields.setdefault(number, []).append((wire_type, value))

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def error(self, message: str) -> ModelFormatError:
        """What to raise: where in which file, and what is wrong."""
        return ModelFormatError(f"{self._budget.where}: {self.what}: {message}")

    def _parse(self, data: memoryview) -> Iterator[tuple[int, int, Value]]:
        at, end = 0, len(data)
        while at < end:
            self._budget.spend(self.what)
            tag, at = self._varint(data, at)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise self.error(f"byte {at}: expected a field number from 1 to {2**29 - 1}, found {number}")
            if wire_type == VARINT:
                value: Value
                value, at = self._varint(data, at)
            elif wire_type in (EIGHT, FOUR):
                size = 8 if wire_type == EIGHT else 4
                value, at = int.from_bytes(self._take(data, at, size, number), "little"), at + size
            elif wire_type == BYTES:
                size, at = self._varint(data, at)
                value, at = self._take(data, at, size, number), at + size
            else:
                raise self.error(f"field {number}: expected wire type 0, 1, 2 or 5, found {wire_type}")
            yield number, wire_type, value

    def _varint(self, data: memoryview, at: int) -> tuple[int, int]:
        """An unsigned integer in groups of 7 bits, lowest first, and the place after it."""
        result = 0
        for index in range(10):
            if at + index >= len(data):
                raise self.error(f"byte {at}: expected an integer, found the end")
            byte = data[at + index]
            result |= (byte & 127) << (7 * index)
            if byte < 128:
                return result & (2**64 - 1), at + index + 1
        raise self.error(f"byte {at}: expected an integer of at most 10 bytes")

    def _take(self, data: memoryview, at: int, size: int, number: int) -> memoryview:
        if size > len(data) - at:
            raise self.error(f"field {number}: expected {size} bytes, found {len(data) - at}")
        return data[at : at + size]

    # -- fields as what they hold --------------------------------------------------------------

    def _last(self, number: int, *wire_types: int) -> Value | None:
        """The value of a field that comes once; of several the last counts, as protobuf has it."""
        if number not in self._fields:
            return None
        wire_type, value = self._fields[number][-1]
        if wire_type not in wire_types:
            raise self.error(f"field {number}: expected wire type {wire_types[0]}, found {wire_type}")
        return value

    def integer(self, number: int, default: int = 0) -> int:
        """A signed 64-bit integer."""
        value = self._last(number, VARINT)
        return default if value is None else _signed(value)  # type: ignore[arg-type]

    def single(self, number: int, default: float = 0.0) -> float:
        """A 32-bit float."""
        value = self._last(number, FOUR)
        return default if value is None else float(struct.unpack("<f", struct.pack("<I", value))[0])

    def data(self, number: int) -> memoryview:
        """The bytes of a field; none if it is not there."""
        value = self._last(number, BYTES)
        return memoryview(b"") if value is None else value  # type: ignore[return-value]

    def text(self, number: int) -> str:
        """A string; raises ModelFormatError for one that is not UTF-8 or too long."""
        return self._decode(self.data(number), number)

    def texts(self, number: int) -> list[str]:
        """The strings of a repeated field."""
        return [self._decode(data, number) for data in self.all_data(number)]

    def _decode(self, data: memoryview, number: int) -> str:
        most = self._budget.limits.text_length
        if len(data) > most:
            raise self.error(f"field {number}: expected at most {most} bytes of text, found {len(data)}")
        try:
            return bytes(data).decode()
        except UnicodeDecodeError:
            raise self.error(f"field {number}: expected UTF-8 text, found {bytes(data[:20])!r}") from None

    def all_data(self, number: int) -> list[memoryview]:
        """The values of a repeated field of bytes, strings or messages."""
        found = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type != BYTES:
                raise self.error(f"field {number}: expected wire type {BYTES}, found {wire_type}")
            found.append(value)
        return found  # type: ignore[return-value]

    def message(self, number: int, what: str) -> Message | None:
        """A message inside this one, or None."""
        value = self._last(number, BYTES)
        return None if value is None else Message(value, what, self._budget, self._depth + 1)  # type: ignore[arg-type]

    def messages(self, number: int, what: str) -> Iterator[Message]:
        """The messages of a repeated field."""
        for index, data in enumerate(self.all_data(number)):
            yield Message(data, f"{what} {index}", self._budget, self._depth + 1)

    def integers(self, number: int) -> np.ndarray:
        """A repeated field of integers, packed or not, as int64."""
        found: list[int] = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type == VARINT:
                found.append(_signed(value))  # type: ignore[arg-type]
            elif wire_type == BYTES:
                self._unpack(value, found)  # type: ignore[arg-type]
            else:
                raise self.error(f"field {number}: expected integers, found wire type {wire_type}")
        return np.array(found, np.int64)

    def _unpack(self, data: memoryview, found: list[int]) -> None:
        if len(data) > self._budget.limits.packed_bytes:
            raise self.error(f"expected at most {self._budget.limits.packed_bytes} bytes of packed integers")
        at = 0
        while at < len(data):
            value, at = self._varint(data, at)
            found.append(_signed(value))

    def numbers(self, number: int, dtype: str) -> np.ndarray:
        """A repeated field of 32-bit or 64-bit floats ("<f4" or "<f8"), packed or not."""
        kind = np.dtype(dtype)
        single = FOUR if kind.itemsize == 4 else EIGHT
        parts = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type == single:
                parts.append(np.frombuffer(value.to_bytes(kind.itemsize, "little"), kind))  # type: ignore[union-attr]
            elif wire_type == BYTES and len(value) % kind.itemsize == 0:  # type: ignore[arg-type]
                parts.append(np.frombuffer(value, kind))  # type: ignore[arg-type]
            else:
                raise self.error(f"field {number}: expected numbers of {kind.itemsize} bytes")
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, kind)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
