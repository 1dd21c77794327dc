"""torch's checkpoints before 1.6: five pickles and the raw storages, one after the other.

A magic number, the protocol version, facts on the writing machine, the value, the storages' keys in file order;
then for each key the number of elements as int64 and the elements, little-endian on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.torch.pickle_reader import read_pickle, read_plain_pickle
from tinyinfer.formats.torch.stand_ins import make_globals
from tinyinfer.formats.torch.values import Storage, Storages

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


class LegacyCheckpoint:
    """An open file of this format."""

    def __init__(self, file: BinaryIO, where: str, limits: Limits) -> None:
        self._file = file
        self._where = where
        self._limits = limits
        self._size = file.seek(0, 2)
        self._storages = Storages(where, self._check)
        self._keys: list[str] = []

    def unpickle(self) -> Any:
        """The value, its storages still empty.  Raises ModelFormatError."""
        file, where, limits = self._file, self._where, self._limits
        file.seek(0)
        magic, protocol, _ = (read_plain_pickle(file, where, limits) for _ in range(3))
        if magic != MAGIC or protocol != PROTOCOL:
            raise ModelFormatError(
                f"{where}: expected torch's legacy format of protocol version {PROTOCOL}, found another"
            )
        value = read_pickle(file, where, limits, make_globals(where, limits), self._storages)
        keys = read_plain_pickle(file, where, limits)
        texts = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if not texts or sorted(keys) != sorted(self._storages):
            count = len(self._storages)
            raise ModelFormatError(f"{where}: the list of storages does not name the {count} that the tensors use")
        self._keys = keys
        return value

    def fill(self, storages: Iterable[Storage]) -> None:
        """Read the elements of these storages and skip the others, from where `unpickle` left off."""
        wanted = {storage.key for storage in storages}
        for key in self._keys:
            _read_storage(self._file, self._storages[key], key in wanted, self._size, self._where)
        if self._file.tell() != self._size:
            more = self._size - self._file.tell()
            raise ModelFormatError(f"{self._where}: {more} bytes after the last storage")

    def _check(self, storage: Storage) -> None:
        key, size = storage.key[:60], self._size
        if storage.nbytes > size:
            raise ModelFormatError(
                f"{self._where}: storage {key!r}: {storage.nbytes} bytes do not fit a file of {size}"
            )


def is_legacy(file: BinaryIO) -> bool:
    """Whether a file starts with the magic number."""
    file.seek(0)
    return MAGIC.to_bytes(10, "little") in file.read(32)


def _read_storage(file: BinaryIO, storage: Storage, wanted: bool, size: int, where: str) -> None:
    at = f"{where}: storage {storage.key[:60]!r}"
    count = int.from_bytes(file.read(8), "little", signed=True)
    if count != storage.count:
        raise ModelFormatError(f"{at}: expected {storage.count} elements, found {count}")
    left = size - file.tell()
    if storage.nbytes > left:
        raise ModelFormatError(f"{at}: expected {storage.nbytes} bytes, found {left}: the file is truncated")
    if not wanted:
        file.seek(storage.nbytes, 1)
        return
    data = bytearray(storage.nbytes)
    if file.readinto(data) != storage.nbytes:  # type: ignore[attr-defined]
        raise ModelFormatError(f"{at}: the file is truncated")
    storage.fill(data)
