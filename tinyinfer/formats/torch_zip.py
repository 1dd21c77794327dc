"""torch's checkpoints since 1.6: a zip archive of one pickle and one member per storage.

Members: <root>/data.pkl, <root>/data/<key>, and perhaps <root>/byteorder ("little" or "big").
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.archive import Archive
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.pickle_reader import read_pickle
from tinyinfer.formats.torch_values import Storage, Tensor, make_globals, read_storage_id

Select = Callable[[Any], dict[str, Tensor]]


def read_zip(file: BinaryIO, where: str, limits: Limits, select: Select) -> dict[str, Tensor]:
    """The tensors that ``select`` picks from the unpickled value, their storages read (and no others)."""
    with Archive(file, where, limits) as archive:
        root = _find_root(archive)
        storages: dict[str, Storage] = {}

        def find_storage(pid: Any) -> Storage:
            kind, key, count, view = read_storage_id(pid, where)
            storage = storages.setdefault(key, Storage(key, kind, count))
            if (storage.kind.dtype, storage.count, view) != (kind.dtype, count, None):
                raise ModelFormatError(f"{where}: storage {key[:60]!r} is described in two ways")
            found = archive.size(f"{root}data/{key}")
            if found != storage.nbytes:
                raise ModelFormatError(f"{where}: storage {key[:60]!r}: expected {storage.nbytes} bytes, found {found}")
            return storage

        size = archive.size(f"{root}data.pkl")
        if size > limits.pickle_bytes:
            raise ModelFormatError(f"{where}: data.pkl: expected at most {limits.pickle_bytes} bytes, found {size}")
        pickle = io.BytesIO(archive.read(f"{root}data.pkl"))
        value = read_pickle(pickle, where, limits, make_globals(where, limits), find_storage)
        if pickle.tell() != size:
            raise ModelFormatError(f"{where}: data.pkl: {size - pickle.tell()} bytes after its end")
        tensors = select(value)
        byteorder = _byteorder(archive, root)
        for storage in {id(tensor.storage): tensor.storage for tensor in tensors.values()}.values():
            storage.fill(archive.read(f"{root}data/{storage.key}"), byteorder)
        return tensors


def _find_root(archive: Archive) -> str:
    """The folder, with its slash, that everything lies in."""
    roots = [name[: -len("data.pkl")] for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(roots) != 1:
        found = f"{len(roots)} of them" if roots else "none"
        raise ModelFormatError(f"{archive.where}: not a torch checkpoint: expected one member data.pkl, found {found}")
    if f"{roots[0]}constants.pkl" in archive.names:
        raise UnsupportedOpError(
            f"{archive.where}: a TorchScript archive, which holds a program: expected a state dict (model.state_dict())"
        )
    return roots[0]


def _byteorder(archive: Archive, root: str) -> str:
    member = f"{root}byteorder"
    name = bytes(archive.read(member)) if member in archive.names and archive.size(member) < 16 else b"little"
    if name not in (b"little", b"big"):
        raise ModelFormatError(f"{archive.where}: byteorder: expected 'little' or 'big', found {name!r}")
    return "<" if name == b"little" else ">"
