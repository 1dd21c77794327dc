"""torch's checkpoints before 1.6: five pickles and the raw storages, one after the other.

A magic number, the protocol version, facts on the writing machine, the value, the storages' keys in file order;
then for each key the number of elements as int64 and the elements, little-endian on every machine.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.pickle_reader import read_pickle, read_plain_pickle
from tinyinfer.formats.torch_values import Storage, StorageView, Tensor, make_globals, read_storage_id
from tinyinfer.formats.torch_zip import Select

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


def read_legacy(file: BinaryIO, where: str, limits: Limits, select: Select) -> dict[str, Tensor]:
    """The tensors that ``select`` picks from the unpickled value, their storages read (and the others skipped)."""
    size = file.seek(0, 2)
    file.seek(0)
    _check_start(file, where, limits)
    storages: dict[str, Storage] = {}

    def find_storage(pid: Any) -> Storage | StorageView:
        kind, key, count, view = read_storage_id(pid, where)
        storage = storages.setdefault(key, Storage(key, kind, count))
        if (storage.kind.dtype, storage.count) != (kind.dtype, count):
            raise ModelFormatError(f"{where}: storage {key[:60]!r} is described in two ways")
        if storage.nbytes > size:
            raise ModelFormatError(f"{where}: storage {key[:60]!r}: {storage.nbytes} bytes do not fit a file of {size}")
        return storage if view is None else _view(storage, view, where)

    value = read_pickle(file, where, limits, make_globals(where, limits), find_storage)
    keys = read_plain_pickle(file, where, limits)
    texts = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not texts or sorted(keys) != sorted(storages):
        raise ModelFormatError(f"{where}: the list of storages does not name the {len(storages)} that the tensors use")
    tensors = select(value)
    wanted = {tensor.storage.key for tensor in tensors.values()}
    for key in keys:
        _read_storage(file, storages[key], key in wanted, size, where)
    if file.tell() != size:
        raise ModelFormatError(f"{where}: {size - file.tell()} bytes after the last storage")
    return tensors


def _check_start(file: BinaryIO, where: str, limits: Limits) -> None:
    head = file.read(32)
    if MAGIC.to_bytes(10, "little") not in head:
        found = "an empty file" if not head else "another pickle" if head[:1] == b"\x80" else repr(head[:8])
        raise ModelFormatError(f"{where}: not a torch checkpoint: expected a zip or its magic number, found {found}")
    file.seek(0)
    magic, protocol, _ = (read_plain_pickle(file, where, limits) for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL:
        raise ModelFormatError(f"{where}: expected torch's legacy format of protocol version {PROTOCOL}, found another")


def _view(storage: Storage, view: Any, where: str) -> StorageView:
    good = isinstance(view, tuple) and len(view) == 3 and all(type(n) is int and n >= 0 for n in view[1:])
    if not good or view[1] + view[2] > storage.count:
        key, count = storage.key[:60], storage.count
        raise ModelFormatError(f"{where}: storage {key!r}: a view that reaches beyond its {count} elements")
    return StorageView(storage, view[1], view[2])


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
