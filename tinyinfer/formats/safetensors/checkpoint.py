"""Weights from .safetensors files, whole or in shards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.json_reader import Cursor, parse_json
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.regular_file import open_regular, read_whole
from tinyinfer.formats.safetensors.header import LENGTH, header_length, parse_header
from tinyinfer.formats.state_dict import Checkpoint

INDEX = ".safetensors.index.json"


def read_checkpoint(path: str | os.PathLike[str], limits: Limits = DEFAULT) -> Checkpoint:
    """The state dict of a .safetensors file, or of all shards that a .safetensors.index.json names.

    bfloat16 becomes float32; all other arrays keep their dtype.  Raises ModelFormatError for files that are damaged
    or break a rule of the format, UnsupportedOpError for arrays of 8 bits and fewer and for complex ones.
    """
    file = Path(path)
    return _read_index(file, limits) if file.name.lower().endswith(INDEX) else _read_file(file, limits)


def _read_file(file: Path, limits: Limits) -> Checkpoint:
    where = str(file)
    try:
        with open_regular(file) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limits.total_bytes:
                raise ModelFormatError(f"{where}: expected at most {limits.total_bytes} bytes, found {size}")
            length = header_length(stream.read(LENGTH), size, where, limits)
            header = parse_header(stream.read(length), size, where, limits)
            data = bytearray(size - header.start)
            if (found := stream.readinto(data)) != len(data):
                raise ModelFormatError(f"{where}: expected {len(data)} bytes after the header, found {found}")
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
    state = {entry.name: entry.array(data) for entry in header.entries}
    return Checkpoint(state, metadata=header.metadata)


def _read_index(file: Path, limits: Limits) -> Checkpoint:
    """The arrays of all shards; each is looked for where the index says, which is beside it."""
    where = str(file)
    keys = _keys_by_shard(file, where, limits)
    state: dict[str, np.ndarray] = {}
    metadata: dict[str, str] = {}
    left = limits.total_bytes
    for name, expected in keys.items():
        shard = _read_file(_beside(file, name), limits)
        missing = [key for key in expected if key not in shard.state]
        if missing:
            shown = ", ".join(repr(key[:80]) for key in missing[:3])
            raise ModelFormatError(f"{where}: expected {len(missing)} more arrays in {name!r}: {shown}")
        state |= {key: shard.state[key] for key in expected}
        metadata |= shard.metadata
        left -= sum(array.nbytes for array in shard.state.values())
        if left < 0:
            raise ModelFormatError(f"{where}: expected shards of at most {limits.total_bytes} bytes in all")
    return Checkpoint(state, metadata=metadata)


def _beside(file: Path, name: str) -> Path:
    """A shard where the index lies: in its folder, or where a cache of downloads has the file that it is a link to."""
    shard = file.with_name(name)
    if shard.is_symlink() and shard.resolve().parent not in (file.parent.resolve(), file.resolve().parent):
        raise ModelFormatError(f"{file}: shard {name!r}: expected a file beside it, found a link that leads elsewhere")
    return shard


def _keys_by_shard(file: Path, where: str, limits: Limits) -> Mapping[str, list[str]]:
    fields = Cursor(parse_json(read_whole(file, limits.document_bytes), where, limits), where, limits).fields(
        ("weight_map",), ("metadata",)
    )
    members = fields["weight_map"].members()
    if not 0 < len(members) <= limits.members:
        raise ModelFormatError(f"{where}: weight_map: expected 1 to {limits.members} arrays, found {len(members)}")
    found: dict[str, list[str]] = {}
    for key, cursor in members.items():
        found.setdefault(_shard_name(cursor), []).append(key)
    return found


def _shard_name(cursor: Cursor) -> str:
    """The name of a file beside the index: no path, nothing hidden."""
    name = cursor.name()
    if not name.endswith(".safetensors") or name.startswith(".") or any(c in name for c in "/\\:"):
        raise cursor.fail("the name of a .safetensors file beside the index")
    return name
