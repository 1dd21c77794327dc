"""Zip files read with every declared size checked before it is believed."""

from __future__ import annotations

import struct
import zipfile
import zlib
from types import TracebackType
from typing import BinaryIO

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, MIB, Limits
from tinyinfer.formats.npz.extent import Extent

_END = b"PK\x05\x06"  # end of central directory record, 22 bytes and a comment
_END64_LOCATOR = b"PK\x06\x07"  # 20 bytes right before it, after the 56 bytes of the zip64 record
_LOCAL_HEADER = 30  # bytes before a member's name; the last four are the lengths of that and of an extra field
# what zipfile raises for damage; NotImplementedError is a RuntimeError
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError, OSError)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """A zip file whose members are read whole, by name, with their CRC verified.

    Names are dictionary keys only and never become paths.  Opening raises ModelFormatError for a damaged or
    truncated archive, too many members, two of one name, encryption, compression other than deflate, and sizes
    that exceed ``limits`` or do not fit the file.
    """

    def __init__(self, file: BinaryIO, where: str, limits: Limits = DEFAULT) -> None:
        self.where = where
        self._limits = limits
        self._file = file
        size = file.seek(0, 2)
        _check_directory(file, size, where, limits)
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise ModelFormatError(f"{where}: damaged zip archive: {error}") from None
        self._members = self._check_members(size)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Member names in the order of the directory."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Unpacked size of a member in bytes; raises ModelFormatError if there is none."""
        return self._member(name).file_size

    def read(self, name: str) -> bytearray:
        """A member's bytes, in memory of their own; raises ModelFormatError if they are damaged."""
        member = self._member(name)
        data = bytearray(member.file_size)
        view = memoryview(data)
        filled = 0
        try:
            with self._zip.open(member) as stream:
                while part := stream.read(min(len(data) - filled, MIB) or 1):  # zipfile compares the CRC at the end
                    view[filled : filled + len(part)] = part
                    filled += len(part)
        except _DAMAGE as error:
            raise ModelFormatError(f"{self.where}: member {name!r} is damaged: {error}") from None
        if filled < len(data):
            raise ModelFormatError(f"{self.where}: member {name!r}: expected {len(data)} bytes, found {filled}")
        return data

    def extent(self, name: str, path: str) -> Extent:
        """Where a member that has been read lies in the archive's file, which is found under ``path``."""
        member = self._member(name)
        self._file.seek(member.header_offset)
        name_length, extra_length = struct.unpack_from("<HH", self._file.read(_LOCAL_HEADER), _LOCAL_HEADER - 4)
        offset = member.header_offset + _LOCAL_HEADER + name_length + extra_length
        deflated = member.compress_type == zipfile.ZIP_DEFLATED
        return Extent(path, offset, member.compress_size, member.file_size, member.CRC, deflated)

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise ModelFormatError(f"{self.where}: expected a member {name!r}, found none")
        return self._members[name]

    def _check_members(self, archive_size: int) -> dict[str, zipfile.ZipInfo]:
        members, most = self._zip.infolist(), self._limits.members
        self._require(len(members) <= most, f"expected at most {most} members, found {len(members)}")
        found: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            self._check_member(member, archive_size)
            self._require(member.filename not in found, f"member {member.filename!r} stands twice")
            found[member.filename] = member
        total = sum(member.file_size for member in members)
        most = self._limits.total_bytes
        self._require(total <= most, f"expected at most {most} bytes in all, found {total} declared")
        packed = sum(member.compress_size for member in members)
        self._require(packed <= archive_size, f"members declare {packed} packed bytes, the file has {archive_size}")
        return found

    def _check_member(self, member: zipfile.ZipInfo, archive_size: int) -> None:
        limits, unpacked, packed = self._limits, member.file_size, member.compress_size
        longest, kind = limits.name_length, member.compress_type
        at = f"member {member.filename[:100]!r}"
        self._require(len(member.filename) <= longest, f"{at}...: expected a name of at most {longest} characters")
        self._require(not member.flag_bits & 0x1, f"{at} is encrypted")
        self._require(kind in _COMPRESSIONS, f"{at}: expected it stored or deflated, found compression {kind}")
        self._require(packed <= archive_size, f"{at} declares {packed} packed bytes, the file has {archive_size}")
        if kind == zipfile.ZIP_STORED:
            self._require(packed == unpacked, f"{at}: expected {packed} bytes as stored, found {unpacked} declared")
        elif unpacked > limits.ratio_floor:
            fits = unpacked <= packed * limits.ratio
            self._require(fits, f"{at}: {packed} bytes unpack to {unpacked}, expected at most {limits.ratio} times")

    def _require(self, condition: bool, message: str) -> None:
        if not condition:
            raise ModelFormatError(f"{self.where}: {message}")


def is_zip(file: BinaryIO) -> bool:
    """Whether a file starts as a zip archive does (an empty one included)."""
    file.seek(0)
    return file.read(4) in (b"PK\x03\x04", _END)


def _check_directory(file: BinaryIO, size: int, where: str, limits: Limits) -> None:
    """Bound the directory before zipfile makes an object of every entry in it."""
    start = max(size - (22 + 0xFFFF) - 76, 0)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        raise ModelFormatError(f"{where}: truncated zip archive: no end of its directory found in {size} bytes")
    declared = [struct.unpack_from("<L", tail, at + 12)[0]]
    if at >= 76 and tail[at - 20 : at - 16] == _END64_LOCATOR:
        declared.append(struct.unpack_from("<Q", tail, at - 36)[0])
    for length in declared:
        if length > limits.directory_bytes and not (length == 0xFFFFFFFF and len(declared) > 1):
            raise ModelFormatError(
                f"{where}: expected a zip directory of at most {limits.directory_bytes} bytes, found {length} declared"
            )
