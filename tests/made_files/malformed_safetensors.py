"""safetensors files, and indices of shards, that break a rule of the format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from malformed import Malformed
from safetensors_files import entry, file, index, of_arrays

from tinyinfer.errors import ModelFormatError, TinyInferError, UnsupportedOpError

ONES = np.ones((2, 3), np.float32)
GOOD = of_arrays({"w": ONES, "b": ONES[0]}, {"format": "pt"})
DATA = bytes(24)
SHARD = of_arrays({"w": ONES})
BAD = "bad.safetensors"
INDEX = "bad.safetensors.index.json"


def _file(name: str, data: bytes, says: str, error: type[TinyInferError] = ModelFormatError) -> Malformed:
    return Malformed(name, {BAD: data}, error, says)


def _header(
    name: str, header: Any, says: str, data: bytes = DATA, error: type[TinyInferError] = ModelFormatError
) -> Malformed:
    return _file(name, file(header, data), says, error)


def lengths() -> Iterator[Malformed]:
    """Files that end early or late, and headers longer than they are."""
    begin = 8 + int.from_bytes(GOOD[:8], "little")
    yield _file("empty", b"", "expected 8 bytes or more, found 0")
    for cut in (1, 7):
        yield _file(f"cut at {cut}", GOOD[:cut], f"expected 8 bytes or more, found {cut}")
    for cut in (8, 9, begin - 1):
        yield _file(f"cut in the header at {cut}", GOOD[:cut], "the file is cut off")
    for cut in (begin, begin + 1, len(GOOD) - 1):
        yield _file(f"cut in the arrays at {cut}", GOOD[:cut], "as its arrays take")
    yield _file("bytes after the arrays", GOOD + b"PK\x03\x04", "expected 36 bytes after the header.*found 40")
    yield _file("a header of 2^63", (2**63).to_bytes(8, "little") + GOOD[8:], "header: expected at most")
    yield _file("a header of 100 MB", file("{}", b"", 100_000_001), "header: expected at most 16777216 bytes")
    yield _file("a header longer than the file", file("{}", b"", 5000), "expected 5000 bytes, found 2")
    yield _file("no header", bytes(8), "expected a JSON object")


def texts() -> Iterator[Malformed]:
    """Headers that are no JSON objects of arrays."""
    yield _header("not JSON", "{w: 1}", "not valid JSON")
    yield _header("a list", "[]", "expected a JSON object")
    yield _header("blanks first", ' {"a": {}}', "expected a JSON object")
    yield _header("not UTF-8", b'{"\xff": 1}', "not valid JSON")
    yield _header("more than JSON", '{} {"a": 1}', "not valid JSON")
    deep = '{"w":' + "[" * 100_000 + "]" * 100_000 + "}"
    yield _header("deep", deep, "nested deeper")
    one = json.dumps(entry("F32", (2, 3), 0, 24))
    yield _header("twice", f'{{"w": {one}, "w": {one}}}', "key 'w' stands twice")
    yield _header("a field twice", '{"w": {"dtype": "F32", "dtype": "F32"}}', "key 'dtype' stands twice")
    yield _header("metadata twice", '{"__metadata__": {}, "__metadata__": {}}', "stands twice")
    yield _header("metadata of numbers", {"__metadata__": {"a": 1}}, "__metadata__: a: expected a string", b"")
    yield _header("metadata of a list", {"__metadata__": ["a"]}, "__metadata__: expected an object", b"")
    yield _header("a number", {"w": 1}, "w: expected an object")
    yield _header("no shape", {"w": {"dtype": "F32", "data_offsets": [0, 24]}}, "shape missing")
    yield _header("more fields", {"w": entry("F32", (2, 3), 0, 24) | {"code": "x"}}, "unknown")
    yield _header("a long name", {"w" * 5000: entry("F32", (2, 3), 0, 24)}, "names of at most 1024")
    many = {f"w{i}": entry("F32", (0,), 0, 0) for i in range(20_001)}
    yield _header("too many arrays", many, "expected at most 20000 arrays", b"")


def arrays() -> Iterator[Malformed]:
    """Arrays that do not cover the bytes as they must."""

    def one(name: str, says: str, dtype: Any, shape: Any, offsets: Any, **more: Any) -> Malformed:
        header = {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}
        return _header(name, header, says, **more)

    yield one("shape too large", "expected 224 bits for 7 of F32, found 192", "F32", [7], [0, 24])
    yield one("shape too small", "expected 160 bits", "F32", [5], [0, 24])
    yield one("2^60 numbers", "shape", "F32", [2**60], [0, 24])
    yield one("sizes whose product wraps", "a shape of at most", "F32", [2**24] * 8, [0, 0], data=b"")
    yield one("sizes of 0 x 2^72", "along all sizes but 0", "F32", [0, *[2**24] * 3], [0, 0], data=b"")
    yield one("a negative size", "shape.*expected an integer from 0", "F32", [-2, -3], [0, 24])
    yield one("a fraction of a size", "expected an integer", "F32", [2.0, 3], [0, 24])
    yield one("a size of truth", "expected an integer", "F32", [True, 6], [0, 24])
    yield one("rank 9", "a list of at most 8", "F32", [1] * 9, [0, 4])
    yield one("a shape of text", "a list of at most", "F32", "6", [0, 24])
    yield one("offsets reversed", "where its bytes begin and end", "F32", [2, 3], [24, 0])
    yield one("negative offsets", "expected an integer from 0", "F32", [2, 3], [-24, 0])
    yield one("one offset", "where its bytes begin and end", "F32", [2, 3], [24])
    yield one("three offsets", "a list of at most 2", "F32", [2, 3], [0, 24, 48])
    yield one("offsets beyond 64 bits", "expected an integer from 0", "F32", [2, 3], [0, 2**70])
    yield one("beyond the file", "expected 48 bytes after the header", "F32", [12], [0, 48])
    yield one("unknown dtype", "dtype: expected one of", "F128", [2, 3], [0, 24])
    yield one("a dtype of a number", "dtype: expected one of", 4, [2, 3], [0, 24])
    for dtype, count in (("F8_E4M3", 24), ("F8_E5M2", 24), ("C64", 3), ("F4", 48)):
        yield one(dtype, f"'w': arrays of {dtype} are not supported", dtype, [count], [0, 24], error=UnsupportedOpError)
    pairs = {
        "overlap": ((0, 24), (12, 24), "overlaps"),
        "the same bytes": ((0, 24), (0, 24), "overlaps"),
        "a hole": ((0, 8), (16, 24), "leaves a hole after 'a'"),
        "a hole first": ((8, 16), (16, 24), "leaves a hole after the header"),
        "a hole last": ((0, 8), (8, 16), "expected 16 bytes after the header.*found 24"),
        "an empty one inside": ((0, 24), (8, 8), "overlaps"),
    }
    for name, (first, second, says) in pairs.items():
        header = {
            key: entry("F32", ((end - begin) // 4,), begin, end)
            for key, (begin, end) in zip("ab", (first, second), strict=True)
        }
        yield _header(name, header, says)


def shards() -> Iterator[Malformed]:
    """Indices that name what is not there, or lies elsewhere."""

    def of(name: str, weight_map: Any, says: str, **files: bytes | Path) -> Malformed:
        return Malformed(name, {INDEX: index(weight_map), "a.safetensors": SHARD, **files}, ModelFormatError, says)

    for name in ("../a.safetensors", "/etc/a.safetensors", "x/a.safetensors", "..", ".a.safetensors", "c:a.safetensors",
                 "x\\a.safetensors", "a.pth", "", "a\x00.safetensors"):  # fmt: skip
        yield of(f"the shard {name!r}", {"w": name}, "beside the index|a name of 1 to")
    yield of("a shard that is missing", {"w": "b.safetensors"}, "b.safetensors: can't be read")
    yield of("a key that is missing", {"w": "a.safetensors", "v": "a.safetensors"}, "1 more arrays in 'a.saf.*'v'")
    link = {"a.safetensors": Path("../elsewhere"), "../elsewhere": SHARD}
    yield of("a shard that is a link elsewhere", {"w": "a.safetensors"}, "a link that leads elsewhere", **link)
    device = {"a.safetensors": Path("/dev/zero")}
    yield of("a shard that is a device", {"w": "a.safetensors"}, "a link that leads elsewhere", **device)
    yield of("no keys", {}, "expected 1 to 20000 arrays, found 0")
    yield of("a number for a shard", {"w": 7}, "a name of 1 to")
    for name, text, says in (
        ("no map", b'{"metadata": {}}', "weight_map missing"),
        ("a list for a map", b'{"weight_map": []}', "weight_map: expected an object"),
        ("a key twice", b'{"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}}', "stands twice"),
        ("no JSON", b"weights", "not valid JSON"),
        ("an empty index", b"", "not valid JSON"),
    ):
        yield Malformed(name, {INDEX: text, "a.safetensors": SHARD}, ModelFormatError, says)


def malformed_safetensors() -> Iterator[Malformed]:
    """All of them."""
    yield from lengths()
    yield from texts()
    yield from arrays()
    yield from shards()
