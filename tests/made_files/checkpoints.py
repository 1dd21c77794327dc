"""Writes torch checkpoints, well formed and hostile, without torch: a pickle assembler and the two containers."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


@dataclass(frozen=True)
class Global:
    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """target(*arguments); ``state``, if given, is then set with BUILD."""

    target: Any
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True)
class Persistent:
    pid: Any


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    code: bytes


def dump(value: Any) -> bytes:
    """A protocol 2 pickle of plain values and the classes above."""
    return b"\x80\x02" + opcodes(value) + b"."


def opcodes(value: Any) -> bytes:
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int() if 0 <= value < 256:
            return b"K" + bytes([value])
        case int() if abs(value) < 2**31:
            return b"J" + struct.pack("<i", value)
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            data = value.encode("utf-8", "surrogatepass")
            return b"X" + struct.pack("<I", len(data)) + data
        case tuple():
            return b"(" + b"".join(map(opcodes, value)) + b"t"
        case list():
            return b"](" + b"".join(map(opcodes, value)) + b"e"
        case dict():
            return b"}(" + b"".join(opcodes(key) + opcodes(item) for key, item in value.items()) + b"u"
        case Global(module, name):
            return f"c{module}\n{name}\n".encode()
        case Call(target, arguments, state):
            build = b"" if state is None else opcodes(state) + b"b"
            return opcodes(target) + opcodes(arguments) + b"R" + build
        case Persistent(pid):
            return opcodes(pid) + b"Q"
        case Raw(code):
            return code
    raise TypeError(type(value))


def storage(kind: str, key: str, count: int, *view: Any) -> Persistent:
    return Persistent(("storage", Global("torch", STORAGES[kind]), key, "cpu", count, *view))


def tensor(source: Any, offset: Any, shape: Any, stride: Any, rebuild: str = "_rebuild_tensor_v2") -> Call:
    extra = (False, Call(Global("collections", "OrderedDict"), ())) if rebuild.endswith("v2") else ()
    return Call(Global("torch._utils", rebuild), (source, offset, shape, stride, *extra))


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(np.prod(shape[i + 1 :], dtype=np.int64)) for i in range(len(shape)))


def ordered(items: Mapping[str, Any]) -> Call:
    """An OrderedDict filled by SETITEMS, and its ``_metadata``, as state_dict() gives it."""
    filled = b"".join(opcodes(key) + opcodes(item) for key, item in items.items())
    return Raw(
        opcodes(Call(Global("collections", "OrderedDict"), ()))
        + b"("
        + filled
        + b"u"
        + opcodes({"_metadata": {}})
        + b"b"
    )


def describe(state: Mapping[str, np.ndarray], legacy: bool = False) -> dict[str, Any]:
    """Every array as a tensor on a storage of its own, keyed "0", "1" ..."""
    view = (None,) if legacy else ()
    rebuild = "_rebuild_tensor" if legacy else "_rebuild_tensor_v2"
    return {
        key: tensor(storage(array.dtype.name, str(i), array.size, *view), 0, array.shape, strides(array.shape), rebuild)
        for i, (key, array) in enumerate(state.items())
    }


def zip_checkpoint(
    state: Mapping[str, np.ndarray],
    wrap: Callable[[Any], Any] = lambda state: state,
    order: str = "<",
    root: str = "archive",
) -> bytes:
    data = {str(i): array.astype(array.dtype.newbyteorder(order)).tobytes() for i, array in enumerate(state.values())}
    return zip_container(wrap(ordered(describe(state))), data, order, root)


def zip_container(
    value: Any, data: Mapping[str, bytes], order: str = "<", root: str = "archive", **members: bytes
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{root}/data.pkl", dump(value))
        archive.writestr(f"{root}/byteorder", "little" if order == "<" else "big")
        for key, content in data.items():
            archive.writestr(f"{root}/data/{key}", content)
        archive.writestr(f"{root}/version", "3\n")
        for name, content in members.items():
            archive.writestr(f"{root}/{name.replace('__', '.')}", content)
    return file.getvalue()


def legacy_checkpoint(state: Mapping[str, np.ndarray], wrap: Callable[[Any], Any] = lambda state: state) -> bytes:
    data = {str(i): (array.size, array.tobytes()) for i, array in enumerate(state.values())}
    return legacy_container(wrap(ordered(describe(state, legacy=True))), data)


def legacy_container(value: Any, data: Mapping[str, tuple[int, bytes]], keys: Any = None) -> bytes:
    head = dump(MAGIC) + dump(1001) + dump({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}})
    body = dump(value) + dump(sorted(data) if keys is None else keys)
    return head + body + b"".join(struct.pack("<q", count) + content for _, (count, content) in sorted(data.items()))
