"""Weights from torch checkpoints (.pth, .pt, .th, .pth.tar), without torch and without running what they hold."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.archive import is_zip
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.torch_legacy import read_legacy
from tinyinfer.formats.torch_values import Tensor
from tinyinfer.formats.torch_zip import read_zip

# where training scripts put the state dict; averaged weights first, for they are what gets published (as timm does)
WRAPPERS = (
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "params",
    "weights",
)
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and torch.compile


def read_checkpoint(path: str | os.PathLike[str], limits: Limits = DEFAULT) -> dict[str, np.ndarray]:
    """The state dict of a checkpoint, in its order, as writable C-contiguous arrays of their stored dtype.

    A state dict is found at the top or under one of `WRAPPERS`; a prefix all keys share (`PREFIXES`) is dropped.
    bfloat16 becomes float32.  Each storage is read once into memory of its own and tensors are views of it, so two
    keys of one storage share memory; storages of no use (an optimizer's) are not read.  Raises ModelFormatError for
    a damaged or hostile file, UnsupportedOpError for TorchScript and for sparse, quantized or complex tensors.
    """
    where = os.fspath(path)
    try:
        with open(path, "rb") as file:
            tensors = _read(file, where, limits)
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None
    return {key: tensor.array() for key, tensor in strip_prefixes(tensors).items()}


def _read(file: BinaryIO, where: str, limits: Limits) -> dict[str, Tensor]:
    def select(value: Any) -> dict[str, Tensor]:
        tensors = find_state_dict(value, where)
        stored = sum(storage.nbytes for storage in {tensor.storage for tensor in tensors.values()})
        total = sum(tensor.nbytes for tensor in tensors.values())
        most = min(limits.total_bytes, stored * limits.sharing)
        if total > most:
            raise ModelFormatError(f"{where}: expected tensors of at most {most} bytes in all, found {total}")
        return tensors

    if is_zip(file):
        return read_zip(file, where, limits, select)
    file.seek(257)
    if file.read(5) == b"ustar":
        raise UnsupportedOpError(f"{where}: a tar archive (torch 0.1): save it again with a newer torch")
    return read_legacy(file, where, limits, select)


def find_state_dict(value: Any, where: str) -> dict[str, Tensor]:
    """The tensors by key, at the top or under `WRAPPERS`, three deep at most; raises ModelFormatError if none are."""
    for _ in range(4):
        if not isinstance(value, dict):
            break
        wrapper = next((name for name in WRAPPERS if isinstance(value.get(name), dict) and value[name]), None)
        if wrapper is None:
            tensors = {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, Tensor)}
            if tensors:
                return tensors
            break
        value = value[wrapper]
    found = f"a {type(value).__name__}"
    if isinstance(value, dict):
        found = f"a dict of {', '.join(repr(str(key)[:40]) for key in list(value)[:8]) or 'nothing'}"
    raise ModelFormatError(f"{where}: expected a state dict (tensors by name), found {found}")


def strip_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the wrappers' prefixes that every key has."""
    for _ in PREFIXES * 2:
        for prefix in PREFIXES:
            if all(key.startswith(prefix) for key in state):
                state = {key[len(prefix) :]: tensor for key, tensor in state.items()}
    return state
