"""The header of a safetensors file: its length, a JSON object of arrays by name, and what must hold of both."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.json_reader import Cursor, parse_json
from tinyinfer.formats.limits import Limits
from tinyinfer.graph import Shape

LENGTH = 8  # bytes of the number that says how long the header is
METADATA = "__metadata__"
BFLOAT16 = "BF16"  # which NumPy does not have
LARGEST_OFFSET = 2**48

DTYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8",
    "U64": "<u8", "F16": "<f2", BFLOAT16: "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip

# bits of an element of those that are in the format and have no place here
UNSUPPORTED = {"C64": 64, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F6_E2M3": 6,
               "F6_E3M2": 6, "F4": 4}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """An array of the file: bytes ``begin`` to ``end`` of what follows the header."""

    name: str
    dtype: str
    shape: Shape
    begin: int
    end: int

    def array(self, data: bytearray) -> np.ndarray:
        """The elements, a view of ``data``, which is what follows the header; bfloat16 as float32."""
        found = np.frombuffer(data, DTYPES[self.dtype], math.prod(self.shape), self.begin)
        if self.dtype == BFLOAT16:  # the upper half of a float32
            found = (found.astype(np.uint32) << 16).view(np.float32)
        native = found.astype(found.dtype.newbyteorder("="), copy=False)
        return np.require(native, None, ["C", "A"]).reshape(self.shape)


@dataclass(frozen=True)
class Header:
    """All arrays in the order of their bytes, which follow at byte ``start``, and the texts that came along."""

    entries: tuple[Entry, ...]
    metadata: Mapping[str, str]
    start: int


def header_length(prefix: bytes, size: int, where: str, limits: Limits) -> int:
    """Length of the header of a file of ``size`` bytes that begins so.  Raises ModelFormatError."""
    if len(prefix) < LENGTH:
        raise ModelFormatError(f"{where}: not a safetensors file: expected {LENGTH} bytes or more, found {len(prefix)}")
    length = int.from_bytes(prefix[:LENGTH], "little")
    if length > limits.tensors_header_bytes:
        raise ModelFormatError(f"{where}: header: expected at most {limits.tensors_header_bytes} bytes, found {length}")
    if LENGTH + length > size:
        raise ModelFormatError(f"{where}: header: expected {length} bytes, found {size - LENGTH}: the file is cut off")
    return length


def parse_header(text: bytes, size: int, where: str, limits: Limits) -> Header:
    """What a header says, of a file of ``size`` bytes.

    Raises ModelFormatError for what breaks a rule of the format: the arrays must cover all that follows the header,
    each byte once.  Raises UnsupportedOpError for arrays of a dtype that has no place here.
    """
    if text[:1] != b"{":
        raise ModelFormatError(f"{where}: header: expected a JSON object, found {text[:8]!r}")
    root = Cursor(parse_json(text, f"{where}: header", replace(limits, document_bytes=len(text))), where, limits)
    members = root.members()
    metadata = _metadata(members.pop(METADATA)) if METADATA in members else {}
    if len(members) > limits.members:
        raise ModelFormatError(f"{where}: expected at most {limits.members} arrays, found {len(members)}")
    entries = [_entry(name, cursor, limits) for name, cursor in members.items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    start = LENGTH + len(text)
    for fault in _gaps(entries, size - start):
        raise ModelFormatError(f"{where}: {fault}")
    for entry in entries:
        if entry.dtype in UNSUPPORTED:
            raise UnsupportedOpError(f"{where}: {entry.name[:100]!r}: arrays of {entry.dtype} are not supported")
    return Header(tuple(entries), metadata, start)


def _metadata(cursor: Cursor) -> dict[str, str]:
    found = cursor.members()
    for text in found.values():
        if not isinstance(text.value, str):
            raise text.fail("a string")
    return {name: text.value for name, text in found.items()}


def _entry(name: str, cursor: Cursor, limits: Limits) -> Entry:
    if len(name) > limits.name_length:
        raise ModelFormatError(f"{cursor.where}: expected names of at most {limits.name_length} characters")
    fields = cursor.fields(("dtype", "shape", "data_offsets"))
    dtype = fields["dtype"].value
    if not isinstance(dtype, str) or not (dtype in DTYPES or dtype in UNSUPPORTED):
        raise fields["dtype"].fail(f"one of {', '.join(DTYPES)}")
    shape = fields["shape"].shape()
    offsets = [item.integer(0, LARGEST_OFFSET) for item in fields["data_offsets"].items(2)]
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise fields["data_offsets"].fail("where its bytes begin and end")
    bits = UNSUPPORTED[dtype] if dtype in UNSUPPORTED else 8 * np.dtype(DTYPES[dtype]).itemsize
    expected, found = math.prod(shape) * bits, 8 * (offsets[1] - offsets[0])
    if expected != found:
        sizes = "x".join(map(str, shape)) or "a single number"
        raise ModelFormatError(f"{cursor.where}: expected {expected} bits for {sizes} of {dtype}, found {found}")
    return Entry(name, dtype, shape, *offsets)


def _gaps(entries: list[Entry], size: int) -> Iterator[str]:
    """What is wrong with the places of arrays, which are given in their order."""
    at, last = 0, "the header"
    for entry in entries:
        if entry.begin != at:
            what = "overlaps" if entry.begin < at else "leaves a hole after"
            yield f"{entry.name[:80]!r}: expected its bytes to begin at {at}, found {entry.begin}: it {what} {last}"
        at, last = entry.end, repr(entry.name[:80])
    if at != size:
        yield f"expected {at} bytes after the header, as its arrays take, found {size}"
