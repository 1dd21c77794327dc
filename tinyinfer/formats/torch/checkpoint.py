"""Weights from torch checkpoints (.pth, .pt, .th, .pth.tar), without torch and without running what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, Protocol

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.npz.archive import Archive, is_zip
from tinyinfer.formats.regular_file import open_regular
from tinyinfer.formats.state_dict import Checkpoint
from tinyinfer.formats.torch.legacy import LegacyCheckpoint, is_legacy
from tinyinfer.formats.torch.mistaken import mistaken
from tinyinfer.formats.torch.numpy_values import Array
from tinyinfer.formats.torch.pickle_reader import read_pickle
from tinyinfer.formats.torch.stand_ins import make_globals
from tinyinfer.formats.torch.state import Found, Stored, Unneeded, find_state_dict
from tinyinfer.formats.torch.values import Storage, Tensor
from tinyinfer.formats.torch.zip_file import ZipCheckpoint


class Container(Protocol):
    """A file format: a pickle, and the storages it names."""

    def unpickle(self) -> Any: ...

    def fill(self, storages: Iterable[Storage]) -> None: ...


def read_checkpoint(
    path: str | os.PathLike[str], limits: Limits = DEFAULT, unneeded: Unneeded = lambda key: False
) -> Checkpoint:
    """The state dict of a checkpoint, wherever in it that is (see `state`), under the keys that it has there.

    bfloat16 becomes float32.  Each storage is read once into memory of its own and tensors are views of it, so two
    keys of one storage share memory; storages of no use (an optimizer's) are not read.  Raises ModelFormatError for
    a damaged or hostile file and for one that is no checkpoint, UnsupportedOpError for frozen TorchScript and for
    weights that are sparse, quantized or complex, unless their key is ``unneeded``.
    """
    where = os.fspath(path)
    try:
        with open_regular(path) as file:
            found = _read(file, where, limits, unneeded)
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
    return Checkpoint({key: tensor.array() for key, tensor in found.items()}, found.notes)


def _read(file: BinaryIO, where: str, limits: Limits, unneeded: Unneeded) -> Found:
    if is_zip(file):
        with Archive(file, where, limits) as archive:
            return _unpickle_select_fill(ZipCheckpoint(archive, limits), where, limits, unneeded)
    if is_legacy(file):
        return _unpickle_select_fill(LegacyCheckpoint(file, where, limits), where, limits, unneeded)
    if error := mistaken(file, where):
        raise error
    file.seek(0)
    head = file.read(8)
    if head[:1] != b"\x80":
        expected = "expected a zip, torch's magic number or a pickle"
        raise ModelFormatError(f"{where}: not a torch checkpoint: {expected}, found {head!r}")
    return _unpickle_select_fill(PlainPickle(file, where, limits), where, limits, unneeded)


def _unpickle_select_fill(container: Container, where: str, limits: Limits, unneeded: Unneeded) -> Found:
    found = find_state_dict(container.unpickle(), where, limits, unneeded)
    _check_size(found, where, limits)
    container.fill({id(t.storage): t.storage for t in found.values() if isinstance(t, Tensor)}.values())
    return found


def _check_size(state: Mapping[str, Stored], where: str, limits: Limits) -> None:
    """Bound what the tensors take when views of one storage become arrays of their own."""
    tensors = [tensor for tensor in state.values() if isinstance(tensor, Tensor)]
    arrays = [array for array in state.values() if isinstance(array, Array)]
    stored = sum(storage.nbytes for storage in {tensor.storage for tensor in tensors})
    stored += sum(len(data) for data in {id(array.data): array.data for array in arrays}.values())
    total = sum(tensor.nbytes for tensor in state.values())
    most = min(limits.total_bytes, stored * limits.sharing)
    if total > most:
        raise ModelFormatError(f"{where}: expected tensors of at most {most} bytes in all, found {total}")


class PlainPickle:
    """A pickle with nothing beside it, whose weights are NumPy arrays."""

    def __init__(self, file: BinaryIO, where: str, limits: Limits) -> None:
        self._file = file
        self._where = where
        self._limits = limits

    def unpickle(self) -> Any:
        """The value.  Raises ModelFormatError."""
        self._file.seek(0)
        value = read_pickle(
            self._file, self._where, self._limits, make_globals(self._where, self._limits), self._refuse
        )
        if more := len(self._file.read(1)):
            raise ModelFormatError(f"{self._where}: {more} or more bytes after the pickle's end")
        return value

    def fill(self, storages: Iterable[Storage]) -> None:
        """Nothing is left to be read."""

    def _refuse(self, pid: Any) -> Any:
        raise UnsupportedOpError(f"{self._where}: a pickle that names things outside itself: save it with torch.save")
