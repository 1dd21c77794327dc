"""Protobuf's wire format, as far as ONNX uses it: a message is a row of fields, each a number and a value.

    tag       varint: field number * 8 + wire type
    value     0: varint    1: 8 bytes    2: varint, then so many bytes    5: 4 bytes

(protobuf.dev, "Encoding".)  Large messages stay in the file: what has a length in them is a part of it, which is read
when it is asked for.  Small ones are read whole.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.onnx.reading.file_part import FilePart

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

SMALL = 2**16  # bytes up to which a message is read whole
CHUNK = 2**20  # bytes of packed integers that are decoded at a time

Bytes = memoryview | FilePart
Value = int | Bytes  # of wire types 0, 1 and 5 the number, unsigned; of 2 the bytes


class Budget:
    """How many fields and packed integers may still be read in one file, so that none takes long."""

    def __init__(self, where: str, limits: Limits) -> None:
        self.where, self.limits = where, limits
        self.fields, self.packed = limits.fields, limits.packed_bytes

    def spend_field(self, what: str) -> None:
        """Count one field; raises ModelFormatError when there have been too many."""
        self.fields -= 1
        if self.fields < 0:
            raise ModelFormatError(f"{self.where}: {what}: expected at most {self.limits.fields} fields in all")

    def spend_packed(self, size: int, what: str) -> None:
        """Count bytes of packed integers; raises ModelFormatError when there have been too many."""
        self.packed -= size
        if self.packed < 0:
            most = self.limits.packed_bytes
            raise ModelFormatError(f"{self.where}: {what}: expected at most {most} bytes of packed integers in all")


class Message:
    """The fields of one message by number.  Raises ModelFormatError for bytes that are no message."""

    def __init__(self, data: Bytes, what: str, budget: Budget, depth: int = 0) -> None:
        self.what, self.limits, self._budget, self._depth = what, budget.limits, budget, depth
        if depth > self.limits.depth:
            raise self.error(f"expected messages at most {self.limits.depth} deep")
        if isinstance(data, FilePart) and len(data) <= SMALL:
            data = data.read()
        self._fields: dict[int, list[tuple[int, Value]]] = {}
        for number, wire_type, value in self._parse(data):
            self._fields.setdefault(number, []).append((wire_type, value))

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def error(self, message: str) -> ModelFormatError:
        """What to raise: where in which file, and what is wrong."""
        return ModelFormatError(f"{self._budget.where}: {self.what}: {message}")

    def unsupported(self, message: str) -> UnsupportedOpError:
        """What to raise where the file is right and asks for what is not here."""
        return UnsupportedOpError(str(self.error(message)))

    def require_one(self, *numbers: int) -> None:
        """Raise ModelFormatError if there are several of these fields."""
        found = [number for number in numbers if number in self._fields]
        if len(found) > 1:
            raise self.error(f"expected one of the fields {numbers}, found {', '.join(map(str, found))}")

    def _parse(self, data: Bytes) -> Iterator[tuple[int, int, Value]]:
        at, end = 0, len(data)
        while at < end:
            self._budget.spend_field(self.what)
            tag, at = self._varint(data, at)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise self.error(f"byte {at}: expected a field number from 1 to {2**29 - 1}, found {number}")
            if wire_type == VARINT:
                value: Value
                value, at = self._varint(data, at)
            elif wire_type in (EIGHT, FOUR):
                size = 8 if wire_type == EIGHT else 4
                value, at = int.from_bytes(_in_memory(self._take(data, at, size, number)), "little"), at + size
            elif wire_type == BYTES:
                size, at = self._varint(data, at)
                value, at = self._take(data, at, size, number), at + size
            else:
                raise self.error(f"field {number}: expected wire type 0, 1, 2 or 5, found {wire_type}")
            yield number, wire_type, value

    def _varint(self, data: Bytes, at: int) -> tuple[int, int]:
        """An unsigned integer in groups of 7 bits, lowest first, and the place after it."""
        result = shift = 0
        for place in range(at, min(at + 10, len(data))):
            group = data[place]
            result |= (group & 127) << shift
            if group < 128:
                return result & (2**64 - 1), place + 1
            shift += 7
        wrong = " of at most 10 bytes" if at + 10 <= len(data) else ", found the end"
        raise self.error(f"byte {at}: expected an integer{wrong}")

    def _take(self, data: Bytes, at: int, size: int, number: int) -> Bytes:
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
        return default if value is None else _signed(_number(value))

    def single(self, number: int, default: float = 0.0) -> float:
        """A 32-bit float."""
        value = self._last(number, FOUR)
        return default if value is None else float(struct.unpack("<f", struct.pack("<I", value))[0])

    def data(self, number: int) -> Bytes:
        """The bytes of a field, where they are; none if it is not there."""
        value = self._last(number, BYTES)
        return memoryview(b"") if value is None else _bytes(value)

    def text(self, number: int) -> str:
        """A string; raises ModelFormatError for one that is not UTF-8 or too long."""
        return self._decode(self.data(number), number)

    def texts(self, number: int) -> list[str]:
        """The strings of a repeated field."""
        return [self._decode(data, number) for data in self.all_data(number)]

    def name(self, number: int) -> str:
        """A string fit to be a name, or none; raises ModelFormatError for control characters in it."""
        return self._checked(self.text(number), number)

    def names(self, number: int) -> tuple[str, ...]:
        """The names of a repeated field."""
        return tuple(self._checked(text, number) for text in self.texts(number))

    def _checked(self, name: str, number: int) -> str:
        longest = self.limits.name_length
        if len(name) > longest or not name.isprintable():
            raise self.error(
                f"field {number}: expected a name of at most {longest} printable characters, found {name[:80]!r}"
            )
        return name

    def _decode(self, data: Bytes, number: int) -> str:
        most = self.limits.text_length
        if len(data) > most:
            raise self.error(f"field {number}: expected at most {most} bytes of text, found {len(data)}")
        content = bytes(_in_memory(data))
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise self.error(f"field {number}: expected UTF-8 text, found {content[:20]!r}") from None

    def all_data(self, number: int) -> list[Bytes]:
        """The values of a repeated field of bytes, strings or messages."""
        found = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type != BYTES:
                raise self.error(f"field {number}: expected wire type {BYTES}, found {wire_type}")
            found.append(_bytes(value))
        return found

    def message(self, number: int, what: str) -> Message | None:
        """A message inside this one, or None."""
        value = self._last(number, BYTES)
        return None if value is None else Message(_bytes(value), what, self._budget, self._depth + 1)

    def messages(self, number: int, what: str) -> Iterator[Message]:
        """The messages of a repeated field."""
        for index, data in enumerate(self.all_data(number)):
            yield Message(data, f"{what} {index}", self._budget, self._depth + 1)

    def integers(self, number: int) -> np.ndarray:
        """A repeated field of integers, packed or not, as int64."""
        parts: list[np.ndarray] = []
        single: list[int] = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type == VARINT:
                single.append(_signed(_number(value)))
            elif wire_type == BYTES:
                parts += [np.array(single, np.int64), self._unpack(_bytes(value))]
                single = []
            else:
                raise self.error(f"field {number}: expected integers, found wire type {wire_type}")
        return np.concatenate([*parts, np.array(single, np.int64)]) if parts else np.array(single, np.int64)

    def _unpack(self, data: Bytes) -> np.ndarray:
        """Packed integers, decoded in chunks so that what is worked out on the way stays small."""
        self._budget.spend_packed(len(data), self.what)
        groups = np.frombuffer(_in_memory(data), np.uint8)
        if groups.size and groups[-1] >= 128:
            raise self.error("packed integers: expected another byte, found the end")
        found = np.empty(np.count_nonzero(groups < 128), np.int64)
        start = filled = 0
        while start < len(groups):
            ends = np.flatnonzero(groups[start : start + CHUNK] < 128)
            if not ends.size:
                raise self.error("packed integers: expected integers of at most 10 bytes")
            stop = start + int(ends[-1]) + 1
            found[filled : filled + len(ends)] = self._decode_varints(groups[start:stop], ends)
            start, filled = stop, filled + len(ends)
        return found

    def _decode_varints(self, groups: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The integers of whole varints; ``ends`` are the places of their last bytes."""
        first = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - first + 1
        if lengths.max() > 10:
            raise self.error("packed integers: expected integers of at most 10 bytes")
        found = np.zeros(len(ends), np.uint64)
        for index in range(int(lengths.max())):
            longer = lengths > index
            bits = groups[first[longer] + index].astype(np.uint64) & np.uint64(127)
            found[longer] |= bits << np.uint64(7 * index)  # bits beyond the 64th are lost
        return found.view(np.int64)

    def numbers(self, number: int, dtype: str) -> np.ndarray:
        """A repeated field of 32-bit or 64-bit floats ("<f4" or "<f8"), packed or not."""
        kind = np.dtype(dtype)
        single = FOUR if kind.itemsize == 4 else EIGHT
        parts = []
        for wire_type, value in self._fields.get(number, ()):
            if wire_type == single:
                parts.append(np.frombuffer(_number(value).to_bytes(kind.itemsize, "little"), kind))
            elif wire_type == BYTES and len(_bytes(value)) % kind.itemsize == 0:
                parts.append(np.frombuffer(_in_memory(_bytes(value)), kind))
            else:
                raise self.error(f"field {number}: expected numbers of {kind.itemsize} bytes")
        return np.concatenate(parts) if parts else np.zeros(0, kind)


def _number(value: Value) -> int:
    """The value of a field whose wire type says that it is an integer."""
    assert isinstance(value, int)
    return value


def _bytes(value: Value) -> Bytes:
    """The value of a field whose wire type says that it is bytes."""
    assert not isinstance(value, int)
    return value


def _in_memory(data: Bytes) -> memoryview:
    return data.read() if isinstance(data, FilePart) else data


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
