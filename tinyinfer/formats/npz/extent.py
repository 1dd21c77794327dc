"""Where a zip member's bytes lie in a file, so that they can be read again with nothing kept open in between.

An open file would be one descriptor for each loaded model, on Windows a file that nobody can replace, and in forked
processes one position that they all move.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from tinyinfer.errors import ModelFormatError


@dataclass(frozen=True)
class Extent:
    """``packed`` bytes from ``offset`` on, which unpack to ``size`` bytes of this CRC-32."""

    path: str
    offset: int
    packed: int
    size: int
    crc: int
    deflated: bool

    def read(self, what: str) -> bytearray:
        """The member's bytes, in memory of their own; ``what`` they are is for the error.

        Raises ModelFormatError when the file is gone or these are not the bytes that were there before.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = bytearray(self.packed)
                complete = file.readinto(data) == self.packed
            if self.deflated:
                data = bytearray(zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size))
        except OSError as error:
            raise ModelFormatError(f"{self.path}: {what} can't be read again: {error.strerror or error}") from None
        except zlib.error:
            complete = False
        if not complete or len(data) != self.size or zlib.crc32(data) != self.crc:
            why = "the file has changed since the model was loaded from it; load it anew"
            raise ModelFormatError(f"{self.path}: {what} can't be read again: {why}")
        return data
