"""What a torch checkpoint is made of: storages and the tensors that are views of them.

Formats: torch.serialization and torch._utils.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.torch.pickle_reader import StandIn

BFLOAT16 = "bfloat16"  # which NumPy does not have

QUANTIZED = (
    "a quantized tensor; quantized checkpoints can't be read: save the float32 model's state dict, from before "
    "torch.ao.quantization.convert"
)

STORAGES = {
    **{
        f"torch.{name}": dtype
        for name, dtype in {
            "FloatStorage": "f4",
            "DoubleStorage": "f8",
            "HalfStorage": "f2",
            "BFloat16Storage": BFLOAT16,
            "LongStorage": "i8",
            "IntStorage": "i4",
            "ShortStorage": "i2",
            "CharStorage": "i1",
            "ByteStorage": "u1",
            "BoolStorage": "?",
            "ComplexFloatStorage": "c8",
            "ComplexDoubleStorage": "c16",
            "QInt8Storage": "i1",
            "QUInt8Storage": "u1",
            "QInt32Storage": "i4",
            "QUInt4x2Storage": "u1",
            "QUInt2x4Storage": "u1",
        }.items()
    },
    "torch.UntypedStorage": "u1",
    "torch.storage.UntypedStorage": "u1",
}


@dataclass(frozen=True)
class StorageType(StandIn):
    """A class of storages, by the dtype of its elements."""

    dtype: str = ""

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return 2 if self.dtype == BFLOAT16 else np.dtype(self.dtype).itemsize


@dataclass(eq=False)
class Storage:
    """A flat run of elements in the file; ``array`` is there once it has been read."""

    key: str
    kind: StorageType
    count: int
    array: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return self.count * self.kind.itemsize

    def fill(self, data: bytearray, byteorder: str = "<") -> None:
        """Take over the elements' bytes: a view of ``data`` unless they are bfloat16 or of foreign byte order."""
        if self.kind.dtype == BFLOAT16:  # the upper half of a float32
            self.array = (np.frombuffer(data, f"{byteorder}u2").astype(np.uint32) << 16).view(np.float32)
            return
        stored = np.frombuffer(data, f"{byteorder}{self.kind.dtype}")
        self.array = stored.astype(stored.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True)
class StorageView:
    """A part of a storage, which files of old versions can name."""

    base: Storage
    offset: int
    count: int


@dataclass(frozen=True)
class Unreadable:
    """A tensor of a kind that can't be read, which does no harm beside the weights; ``why`` is for one among them."""

    why: str


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage, known to lie inside it."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the elements as stored."""
        return math.prod(self.shape) * self.storage.kind.itemsize

    def array(self) -> np.ndarray:
        """The elements, C-contiguous: a view of the storage if they are so there."""
        flat = self.storage.array
        if flat is None:
            raise ModelFormatError(f"storage {self.storage.key!r} was not read")
        if not math.prod(self.shape):
            return np.zeros(self.shape, flat.dtype)
        strides = tuple(s * flat.itemsize for s in self.stride)
        return np.require(np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, strides), None, ["C"])


def read_storage_id(pid: Any, where: str) -> tuple[StorageType, str, int, Any]:
    """Type, key, number of elements and view of the persistent id that stands for a storage.

    ("storage", type, key, location, count), and in old files a view: None or (key, offset, count).
    """
    good = isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage" and isinstance(pid[1], StorageType)
    if not good or not isinstance(pid[2], str) or not _is_size(pid[4]):
        raise ModelFormatError(f"{where}: expected the id of a storage, found something else")
    return pid[1], pid[2], pid[4], pid[5] if len(pid) == 6 else None


def checked_tensor(storage: Any, offset: Any, shape: Any, stride: Any, where: str, limits: Limits) -> Tensor:
    """A view of a storage; raises ModelFormatError for one that reaches beyond it."""
    if not isinstance(storage, Storage | StorageView):
        raise ModelFormatError(f"{where}: a tensor without a storage")
    tuples = isinstance(shape, tuple) and isinstance(stride, tuple) and len(shape) == len(stride) <= limits.rank
    if not tuples or not all(_is_size(n) for n in (offset, *shape, *stride)):
        at = f"{where}: storage {_key(storage)}"
        raise ModelFormatError(f"{at}: expected offset, shape and stride of integers >= 0, rank <= {limits.rank}")
    count = math.prod(shape)
    if not count and (wrong := limits.oversized(shape)):
        raise ModelFormatError(f"{where}: storage {_key(storage)}: {wrong}")
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True)) if count else 0
    if last >= max(storage.count, 1) or count > storage.count:  # the second: one element shown as many
        sizes, most = "x".join(map(str, shape))[:60] or "scalar", storage.count
        raise ModelFormatError(f"{where}: storage {_key(storage)}: a tensor {sizes} reaches beyond its {most} elements")
    if isinstance(storage, StorageView):
        return Tensor(storage.base, storage.offset + offset, shape, stride)
    return Tensor(storage, offset, shape, stride)


class Storages(dict[str, Storage]):
    """The storages that a pickle names, by key; called with a persistent id, it gives what that stands for.

    ``check`` is asked once for each storage whether the file can hold it.
    """

    def __init__(self, where: str, check: Callable[[Storage], None]) -> None:
        super().__init__()
        self._where = where
        self._check = check

    def __call__(self, pid: Any) -> Any:
        """A storage or a view of one; the class of a module for the id of its source text.  Raises ModelFormatError."""
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == "module":
            return pid[1]
        kind, key, count, view = read_storage_id(pid, self._where)
        storage = self.get(key)
        if storage is None:
            storage = self[key] = Storage(key, kind, count)
            self._check(storage)
        if (storage.kind.dtype, storage.count) != (kind.dtype, count):
            raise ModelFormatError(f"{self._where}: storage {key[:60]!r} is described in two ways")
        return storage if view is None else _view(storage, view, self._where)


def _view(storage: Storage, view: Any, where: str) -> StorageView:
    good = isinstance(view, tuple) and len(view) == 3 and all(_is_size(n) for n in view[1:])
    if not good or view[1] + view[2] > storage.count:
        raise ModelFormatError(
            f"{where}: storage {_key(storage)}: a view that reaches beyond its {storage.count} elements"
        )
    return StorageView(storage, view[1], view[2])


def _key(storage: Storage | StorageView) -> str:
    return repr((storage if isinstance(storage, Storage) else storage.base).key[:60])


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**48
