"""Fields of ONNX's messages, taken apart and put together without checks."""

from __future__ import annotations

from onnx_wire import BYTES, EIGHT, FOUR, VARINT, varint

Content = int | bytes
Fields = list[tuple[int, Content]]  # tag and content of each
Pool = dict[tuple[str, int], set[Content]]  # contents by message and tag

MODEL = "model"
MESSAGES = {
    MODEL: {7: "graph", 8: "opset", 14: "entry", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {13: "entry"},
    "value": {2: "type"},
    "type": {1: "tensor type"},
    "tensor type": {2: "shape"},
    "shape": {1: "dimension"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
}
LONGEST = 4096  # bytes of contents that are kept


def kind_of(message: str, tag: int) -> str:
    """Which message a field of another holds; nothing where it holds none."""
    return MESSAGES.get(message, {}).get(tag >> 3, "") if tag & 7 == BYTES else ""


def fields_of(data: bytes) -> Fields:
    """Tags and contents of a message; none where it is no message."""
    found: Fields = []
    at = 0
    while at < len(data):
        tag, at = _integer(data, at)
        size = {EIGHT: 8, FOUR: 4}.get(tag & 7)
        if tag & 7 == VARINT:
            value, at = _integer(data, at)
            found.append((tag, value & (2**64 - 1)))
            continue
        if tag & 7 == BYTES:
            size, at = _integer(data, at)
        if size is None or at + size > len(data):
            return []
        found.append((tag, data[at : at + size]))
        at += size
    return found


def written(fields: Fields) -> bytes:
    """The message of these fields; contents of a fixed size are cut or filled to it."""
    return b"".join(map(_field, fields))


def pool_of(data: bytes, message: str, pool: Pool) -> None:
    """Add all contents of a message, at any depth."""
    for tag, content in fields_of(data):
        if isinstance(content, int) or len(content) <= LONGEST:
            pool.setdefault((message, tag), set()).add(content)
        inner = kind_of(message, tag)
        if inner and isinstance(content, bytes):
            pool_of(content, inner, pool)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            break
    return value, at


def _field(field: tuple[int, Content]) -> bytes:
    tag, content = field
    if isinstance(content, int):
        return varint(tag) + varint(content)
    size = {EIGHT: 8, FOUR: 4}.get(tag & 7)
    if size is not None:
        return varint(tag) + content[:size].ljust(size, b"\0")
    return varint(tag) + varint(len(content)) + content
