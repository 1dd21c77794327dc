"""torch's checkpoints since 1.6: a zip archive of one pickle and one member per storage.

Members: <root>/data.pkl, <root>/data/<key>, and perhaps <root>/byteorder ("little" or "big").  TorchScript archives
have a program and its constants beside them, which are not looked at.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.npz.archive import Archive
from tinyinfer.formats.torch.pickle_reader import read_pickle
from tinyinfer.formats.torch.stand_ins import make_globals
from tinyinfer.formats.torch.values import Storage, Storages


class ZipCheckpoint:
    """An open archive, whose pickle is read first and whose storages are read when they are asked for."""

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._root = _find_root(archive)

    def unpickle(self) -> Any:
        """The value, its storages still empty.  Raises ModelFormatError, also for storages the archive lacks."""
        where, member, most = self._archive.where, f"{self._root}data.pkl", self._limits.pickle_bytes
        size = self._archive.size(member)
        if size > most:
            raise ModelFormatError(f"{where}: data.pkl: expected at most {most} bytes, found {size}")
        pickle = io.BytesIO(self._archive.read(member))
        storages = Storages(where, self._check)
        value = read_pickle(pickle, where, self._limits, make_globals(where, self._limits), storages)
        if pickle.tell() != size:
            raise ModelFormatError(f"{where}: data.pkl: {size - pickle.tell()} bytes after its end")
        return value

    def fill(self, storages: Iterable[Storage]) -> None:
        """Read the elements of these storages."""
        byteorder = _byteorder(self._archive, self._root)
        for storage in storages:
            storage.fill(self._archive.read(self._member(storage)), byteorder)

    def _member(self, storage: Storage) -> str:
        return f"{self._root}data/{storage.key}"

    def _check(self, storage: Storage) -> None:
        found = self._archive.size(self._member(storage))
        if found != storage.nbytes:
            where, key = self._archive.where, storage.key[:60]
            raise ModelFormatError(f"{where}: storage {key!r}: expected {storage.nbytes} bytes, found {found}")


def _find_root(archive: Archive) -> str:
    """The folder, with its slash, that everything lies in."""
    roots = [name[: -len("data.pkl")] for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    if not roots and any(name.endswith("/archive_format") for name in archive.names):
        raise UnsupportedOpError(
            f"{archive.where}: an archive of torch.export, which holds a program: expected a state dict "
            "(model.state_dict())"
        )
    if len(roots) != 1:
        found = f"{len(roots)} of them" if roots else f"none, but {_listed(archive.names)}"
        raise ModelFormatError(f"{archive.where}: not a torch checkpoint: expected one member data.pkl, found {found}")
    return roots[0]


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:3]) or "an empty archive"
    inside = [name for name in names if name.endswith((".pth", ".pt", ".th", ".tar", ".bin", ".ckpt"))]
    return shown + (f" (unpack {inside[0][:60]!r} and convert that)" if inside else "")


def _byteorder(archive: Archive, root: str) -> str:
    member = f"{root}byteorder"
    name = bytes(archive.read(member)) if member in archive.names and archive.size(member) < 16 else b"little"
    if name not in (b"little", b"big"):
        raise ModelFormatError(f"{archive.where}: byteorder: expected 'little' or 'big', found {name!r}")
    return "<" if name == b"little" else ">"
