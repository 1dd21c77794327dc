"""Stand-ins for what a torch checkpoint is made of: storages, tensors, and the globals that may name them.

Formats: torch.serialization and torch._utils; the allowed globals are the whole of `_find` and `_STORAGES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.pickle_reader import Globals, Inert, StandIn

BFLOAT16 = "bfloat16"  # which NumPy does not have

_STORAGES = {
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
}
_SCALARS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype", "_codecs.encode")
_UNSUPPORTED = ("sparse", "qtensor", "nested", "meta_tensor", "QInt", "QUInt", "Complex")


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


def make_globals(where: str, limits: Limits) -> Globals:
    """The lookup of globals for `read_pickle`: inert stand-ins for a fixed list of names, an error for every other."""

    def fail(message: str) -> ModelFormatError:
        return ModelFormatError(f"{where}: {message}")

    def rebuild_tensor(arguments: tuple[Any, ...]) -> Tensor:
        if len(arguments) < 4:
            raise fail(f"a tensor of {len(arguments)} arguments, expected storage, offset, shape and stride")
        storage, offset, shape, stride = arguments[:4]
        return _checked_tensor(storage, offset, shape, stride, where, limits)

    def rebuild_parameter(arguments: tuple[Any, ...]) -> Any:
        if not arguments or not isinstance(arguments[0], Tensor):
            raise fail("a parameter that is not a tensor")
        return arguments[0]

    def ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
        pairs = arguments[0] if arguments else []
        good = isinstance(pairs, list) and all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs)
        if not good or not all(isinstance(p[0], str | int) for p in pairs):
            raise fail("an OrderedDict of something other than keys and values")
        return dict(pairs)

    def size(arguments: tuple[Any, ...]) -> Any:
        return arguments[0] if arguments else ()

    def not_callable(arguments: tuple[Any, ...]) -> Any:
        raise fail("a storage made by a call")

    known: dict[str, Callable[[tuple[Any, ...]], Any]] = {
        "collections.OrderedDict": ordered_dict,
        "torch._utils._rebuild_tensor": rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": rebuild_tensor,
        "torch._utils._rebuild_parameter": rebuild_parameter,
        "torch.Size": size,
        **dict.fromkeys(_SCALARS, lambda arguments: Inert()),
    }
    storages = {f"torch.{name}": dtype for name, dtype in _STORAGES.items()}
    storages |= dict.fromkeys(("torch.UntypedStorage", "torch.storage.UntypedStorage"), "u1")

    def find(module: str, name: str) -> StandIn:
        full = f"{module}.{name}"
        if full in storages:
            return StorageType(full, not_callable, storages[full])
        if full in known:
            return StandIn(full, known[full])
        if module.startswith("torch") and any(word in name for word in _UNSUPPORTED):
            raise UnsupportedOpError(f"{where}: {full}: sparse, quantized and complex tensors are not supported")
        shown = full if full.isprintable() else repr(full)
        raise fail(f"it asks for {shown[:100]}, which is not run: expected a plain state dict (model.state_dict())")

    return find


def read_storage_id(pid: Any, where: str) -> tuple[StorageType, str, int, Any]:
    """Type, key, number of elements and view of the persistent id that stands for a storage.

    ("storage", type, key, location, count), and in old files a view: None or (key, offset, count).
    """
    if isinstance(pid, tuple) and pid[:1] == ("module",):
        raise ModelFormatError(f"{where}: it holds a whole module, expected a state dict (model.state_dict())")
    good = isinstance(pid, tuple) and len(pid) in (5, 6) and pid[0] == "storage" and isinstance(pid[1], StorageType)
    if not good or not isinstance(pid[2], str) or not _is_size(pid[4]):
        raise ModelFormatError(f"{where}: expected the id of a storage, found something else")
    return pid[1], pid[2], pid[4], pid[5] if len(pid) == 6 else None


def _checked_tensor(storage: Any, offset: Any, shape: Any, stride: Any, where: str, limits: Limits) -> Tensor:
    if not isinstance(storage, Storage | StorageView):
        raise ModelFormatError(f"{where}: a tensor without a storage")
    tuples = isinstance(shape, tuple) and isinstance(stride, tuple) and len(shape) == len(stride) <= limits.rank
    if not tuples or not all(_is_size(n) for n in (offset, *shape, *stride)):
        at = f"{where}: storage {_key(storage)}"
        raise ModelFormatError(f"{at}: expected offset, shape and stride of integers >= 0, rank <= {limits.rank}")
    count = math.prod(shape)
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True)) if count else 0
    if last >= max(storage.count, 1) or count > storage.count:  # the second: one element shown as many
        sizes, most = "x".join(map(str, shape))[:60] or "scalar", storage.count
        raise ModelFormatError(f"{where}: storage {_key(storage)}: a tensor {sizes} reaches beyond its {most} elements")
    if isinstance(storage, StorageView):
        return Tensor(storage.base, storage.offset + offset, shape, stride)
    return Tensor(storage, offset, shape, stride)


def _key(storage: Storage | StorageView) -> str:
    return repr((storage if isinstance(storage, Storage) else storage.base).key[:60])


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**48
