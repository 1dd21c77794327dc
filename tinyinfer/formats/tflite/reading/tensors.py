"""The arrays of a file as the numbers that they stand for: dense, whole numbers as int64, all others as float32."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.tflite.reading.messages import Quantization, TfliteTensor
from tinyinfer.formats.tflite.reading.sparsity import densify

WHOLE = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
_STORED = {name: f"<{np.dtype(name).str[1:]}" for name in (*WHOLE, "float16", "float32", "float64")}
_STORED |= {"bool": "<u1", "bfloat16": "<u2", "int4": "<u1"}
INTEGERS = (*WHOLE, "int4")  # what real numbers may be quantised to
_HALF_BYTES = 2  # of int4 in one byte


class Stored(NamedTuple):
    """The real numbers of a tensor, and the integers that stand for them where it has such."""

    real: np.ndarray
    integers: np.ndarray | None


class Arrays:
    """Makes arrays of tensors; tensors may share bytes, so what they unpack to is counted for the whole file.

    Raises ModelFormatError where bytes and shape do not fit or there is too much of it, UnsupportedOpError for
    strings and the like.
    """

    def __init__(self, where: str, limits: Limits) -> None:
        self._where, self._most, self._left = where, limits.total_bytes, limits.total_bytes

    def array(self, tensor: TfliteTensor) -> Stored:
        """The array of a tensor that has data: a view of the file where nothing has to be worked out."""
        where, shape = f"{self._where}: tensor {tensor.label}", tensor.nominal
        if tensor.dtype not in _STORED:
            raise UnsupportedOpError(f"{where}: elements of type {tensor.dtype} are not supported")
        values = self._stored(tensor, where)
        if tensor.sparsity is not None:
            self._count(math.prod(shape) * 4)
            values = densify(values, shape, tensor.sparsity, where)
        self._count(values.size * 4)
        integers = values.reshape(shape)
        quantised = tensor.quantization is not None and tensor.dtype in ("uint8", "int8", "int4", "int32")
        return Stored(_real(integers, tensor), integers if quantised else None)

    def _stored(self, tensor: TfliteTensor, where: str) -> np.ndarray:
        """The elements as they stand in the file."""
        stored, count = np.dtype(_STORED[tensor.dtype]), math.prod(tensor.nominal)
        data = tensor.data if tensor.data is not None else memoryview(b"")
        wanted = count * stored.itemsize if tensor.dtype != "int4" else -(-count // _HALF_BYTES)
        if tensor.sparsity is None and len(data) != wanted:
            raise ModelFormatError(f"{where}: expected {wanted} bytes for shape {tensor.nominal}, found {len(data)}")
        if len(data) % stored.itemsize:
            raise ModelFormatError(f"{where}: expected elements of {stored.itemsize} bytes, found {len(data)} bytes")
        values = np.frombuffer(data, stored)
        if tensor.dtype == "int4":
            halves = np.stack([values & 15, values >> 4], axis=1).reshape(-1)
            signed = (halves.astype(np.int8) ^ 8) - 8
            return np.asarray(signed if tensor.sparsity is not None else signed[:count])
        return values

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ModelFormatError(f"{self._where}: expected constants of at most {self._most} bytes in all")


def _real(values: np.ndarray, tensor: TfliteTensor) -> np.ndarray:
    """What the stored elements stand for."""
    if tensor.quantization is not None and tensor.dtype in INTEGERS:
        return dequantized(values, tensor.quantization)
    if tensor.dtype == "bool":
        return np.asarray(values != 0)
    if tensor.dtype == "bfloat16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int64, copy=False)


def dequantized(values: np.ndarray, quantization: Quantization) -> np.ndarray:
    """scale * (integer - zero_point) in float32."""
    across = [1] * values.ndim
    if quantization.scale.size > 1:
        across[quantization.axis] = -1
    scale = quantization.scale.astype(np.float32).reshape(across)
    zero_point = quantization.zero_point.astype(np.float32).reshape(across)
    return np.asarray((values.astype(np.float32) - zero_point) * scale, np.float32).reshape(values.shape)
