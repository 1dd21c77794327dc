"""The .bin file: the weights of all layers one after the other, some behind a word that says how they are stored."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import ModelFormatError

FLOAT16 = 0x01306B47
INT8 = 0x000D4B38
FLOAT32 = (0, 0x0002C056)  # the second meant that scales follow
TABLE = 256  # float32 numbers that bytes are indices of
ALIGNMENT = 4


class WeightReader:
    """Reads arrays in turn; nothing is taken that the file does not hold.  Raises ModelFormatError."""

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._where = where
        self._at = 0

    def plain(self, count: int) -> np.ndarray:
        """``count`` float32 numbers without a word before them."""
        return np.frombuffer(self._take(count, np.dtype("<f4")), "<f4").astype(np.float32)

    def tagged(self, count: int) -> np.ndarray:
        """``count`` numbers stored as the word before them says, in float32; those that are int8 stay so."""
        flag = int.from_bytes(self._take(1, np.dtype("<u4")), "little")
        if flag in FLOAT32:
            return self.plain(count)
        if flag == FLOAT16:
            return np.frombuffer(self._take(count, np.dtype("<f2")), "<f2").astype(np.float32)
        if flag == INT8:
            return np.frombuffer(self._take(count, np.dtype("i1")), np.int8)
        table = self.plain(TABLE)  # whatever else the word is
        return table[np.frombuffer(self._take(count, np.dtype("u1")), np.uint8)]

    def finish(self) -> None:
        """Raise ModelFormatError for bytes that no layer has asked for."""
        if left := len(self._data) - self._at:
            raise ModelFormatError(f"{self._where}: {left} bytes more than the layers' weights: another network's?")

    def _take(self, count: int, dtype: np.dtype) -> memoryview:
        size = count * dtype.itemsize
        if size > len(self._data) - self._at:
            raise ModelFormatError(
                f"{self._where}: expected {count} numbers of {dtype.itemsize} bytes at byte {self._at}, "
                f"found {len(self._data) - self._at} bytes"
            )
        found = memoryview(self._data)[self._at : self._at + size]
        end = self._at + -(-size // ALIGNMENT) * ALIGNMENT
        if end > len(self._data):
            raise ModelFormatError(f"{self._where}: expected {end - len(self._data)} bytes to fill the last word")
        self._at = end
        return found
