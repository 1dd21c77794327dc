"""How files are changed so that most of what holds them together survives, and the change gets far into a reader."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterable
from random import Random

import numpy as np
from onnx_fields import MODEL, Content, Fields, Pool, fields_of, kind_of, pool_of, written

Mutate = Callable[[bytes, int], bytes]  # some bytes changed somehow, of at most so many
Change = Callable[[bytes, int, Mutate, Random], bytes]  # a file with something changed; now and then any bytes

NUMBERS = (0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 127, 128, 255, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
SIGNED = (*NUMBERS, -1, -2, -128, -(2**31), 2**62, 2**63 - 1, -(2**63))
OPTIONS = [str(number).encode() for number in (*NUMBERS, -1, -2, -233, -234, 0.5, 1e30, -0.0)]  # of ncnn's layers
JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
JSON_VALUES = (
    *(str(number).encode() for number in (*SIGNED, 2**64, 0.5, 1e300)),
    *(json.dumps(value).encode() for value in (None, True, [], {}, "", "x", [1], [[]])),
)
ANY_BYTES = 0.1  # how often no structure is kept


def any_bytes(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """Whatever the fuzzer thinks of."""
    return change(data, most)


def archive_member(first: str, change_first: Change = any_bytes) -> Change:
    """A zip archive with one member changed, past whose checksums no other change would get.

    Mostly it is the one whose name ends so.
    """

    def changed(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = {name: archive.read(name) for name in archive.namelist()[:100]}
        except Exception:  # whatever zipfile thinks of it
            return change(data, most)
        if not members or rng.random() < ANY_BYTES:
            return change(data, most)
        firsts = [name for name in members if name.endswith(first)]
        if firsts and rng.random() < 0.7:
            members[firsts[0]] = change_first(members[firsts[0]], most, change, rng)
        else:
            name = rng.choice(sorted(members))
            members[name] = change(members[name], most)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for key, content in members.items():
                archive.writestr(zipfile.ZipInfo(key), content)
        return file.getvalue()

    return changed


def document(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """JSON in an array of bytes, which stays whole."""
    if rng.random() < ANY_BYTES:
        return change(data, most)
    text = data[10 + int.from_bytes(data[8:10], "little") :]  # behind an .npy header of version 1
    file = io.BytesIO()
    np.save(file, np.frombuffer(json_token(text, most, change, rng), np.uint8))
    return file.getvalue()


def json_header(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """A safetensors file with its header changed, whose length fits; sometimes its data.  An index is all header."""
    if rng.random() < ANY_BYTES or len(data) < 8:
        return change(data, most)
    if data.startswith(b"{"):
        return json_token(data, most, change, rng)
    end = 8 + int.from_bytes(data[:8], "little")
    header, content = data[8:end], data[end:]
    if rng.random() < 0.2:
        content = content[: rng.randrange(len(content) + 1)] + bytes(rng.choice((0, 1, 4)))
    else:
        header = json_token(header, most, change, rng)
    return len(header).to_bytes(8, "little") + header + content


def json_token(text: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """JSON with one text or value in place of another."""
    tokens = list(JSON_TOKEN.finditer(text, 0, 4096))  # of escaped quotes it takes time with their square
    if not tokens or rng.random() < ANY_BYTES:
        return change(text, most)
    old = rng.choice(tokens)
    others = [token.group() for token in tokens if token.group().startswith(b'"')]
    if not text[old.end() :].lstrip().startswith(b":"):
        others = [token.group() for token in tokens] if rng.random() < 0.4 else [*JSON_VALUES]
    new = rng.choice(others or JSON_VALUES)
    return text[: old.start()] + new + text[old.end() :]


def numbers_in_place(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """A FlatBuffer with numbers of one to eight bytes written over others, seldom over what holds it together."""
    if rng.random() < ANY_BYTES or len(data) < 16:
        return change(data, most)
    changed, words = bytearray(data), range(8, len(data) - 7, 4)
    structure = _structure(data)
    values = [at for at in words if at not in structure]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.choice(values if values and rng.random() < 0.9 else words)
        size = rng.choice((1, 1, 2, 4, 4, 8))
        at += rng.randrange(4) if size == 1 else 0
        other = rng.randrange(len(data) - size)
        number = rng.choice(SIGNED).to_bytes(16, "little", signed=True)[:size]
        changed[at : at + size] = number if rng.random() < 0.7 else data[other : other + size]
    return bytes(changed)


def _structure(data: bytes) -> set[int]:
    """Where words of a FlatBuffer seem to be offsets, or in the table that says where the fields of another are."""
    found = set()
    for at in range(8, len(data) - 3, 4):
        forward, back = struct.unpack_from("<I", data, at)[0], struct.unpack_from("<i", data, at)[0]
        if 16 < forward < len(data) - at:
            found.add(at)
        if 8 <= at - back <= len(data) - 4:
            size, inside = struct.unpack_from("<HH", data, at - back)
            if size % 2 == 0 and 4 <= size <= 100 and 4 <= inside <= 200:
                found |= {at, *range((at - back) // 4 * 4, at - back + size, 4)}
    return found


class LayerWords:
    """An ncnn network with one word of a layer changed, or its weights; words are those of the seeds."""

    def __init__(self, seeds: Iterable[bytes]) -> None:
        layers = [line.split() for seed in seeds for line in seed.partition(b"\0")[0].splitlines()[2:]]
        self._kinds = sorted({layer[0] for layer in layers if layer})
        self._options = sorted({word for layer in layers for word in layer if b"=" in word and len(word) < 40})

    def __call__(self, data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
        text, _, weights = data.partition(b"\0")
        lines = text.strip().split(b"\n")
        if rng.random() < ANY_BYTES or len(lines) < 3:
            return change(data, most)
        if weights and rng.random() < 0.15:
            end = rng.choice((len(weights), rng.randrange(len(weights))))
            return text + b"\0" + numbers_in_place(weights, most, change, rng)[:end]
        at = rng.randrange(2, len(lines))
        words = lines[at].split() or [rng.choice(self._kinds)]
        place = rng.choice([0, *range(4, len(words)), *range(4, len(words)), rng.randrange(len(words))])
        if rng.random() < 0.2:
            words = [*words, rng.choice(self._options)]
            words = [*{word.partition(b"=")[0] if b"=" in word else i: word for i, word in enumerate(words)}.values()]
        elif place == 0:
            words[0] = rng.choice(self._kinds)
        elif b"=" in words[place]:
            words[place] = self._option(words[place], rng)
        else:
            words[place] = rng.choice([word for line in lines for word in line.split()])
        lines[at] = b" ".join(words)
        return b"\n".join(lines) + b"\n\0" + weights

    def _option(self, word: bytes, rng: Random) -> bytes:
        """A parameter with another number, or another parameter of the same number."""
        key, _, value = word.partition(b"=")
        if rng.random() < 0.3:
            same = [option for option in self._options if option.startswith(key + b"=")]
            return rng.choice(same or [word])
        numbers = value.split(b",")
        numbers[rng.randrange(len(numbers))] = rng.choice(OPTIONS)
        return key + b"=" + b",".join(numbers)


class MessageFields:
    """An ONNX file with one field changed, at any depth, and lengths that fit; other fields are those of the seeds."""

    def __init__(self, seeds: Iterable[bytes]) -> None:
        self._pool: Pool = {}
        for seed in seeds:
            pool_of(seed, MODEL, self._pool)
        self._choices = {key: sorted(found, key=repr) for key, found in self._pool.items()}

    def __call__(self, data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
        if rng.random() < ANY_BYTES:
            return change(data, most)
        return self._message(data, MODEL, most, change, rng)

    def _message(self, data: bytes, message: str, most: int, change: Mutate, rng: Random) -> bytes:
        fields = fields_of(data)
        if not fields:
            return change(data, most)
        at = self._place(fields, message, rng)
        tag, content = fields[at]
        inner = kind_of(message, tag)
        if inner and isinstance(content, bytes) and rng.random() < 0.8:
            fields[at] = tag, self._message(content, inner, most, change, rng)
        elif (kind := rng.random()) < 0.1:
            del fields[at]
        elif kind < 0.2:
            fields.insert(rng.randrange(len(fields)), fields[at])
        elif kind < 0.6:
            fields[at] = tag, rng.choice(self._choices.get((message, tag), [content]))
        elif kind < 0.7:
            fields.append(rng.choice(self._of_message(message) or [fields[at]]))
        else:
            fields[at] = tag, _leaf(content, most, change, rng)
        return written(fields)

    @staticmethod
    def _place(fields: Fields, message: str, rng: Random) -> int:
        """A field: mostly one of those that hold others, and rather one that holds more than next to nothing."""
        deep = {at: min(len(content), 50) for at, (tag, content) in enumerate(fields) if kind_of(message, tag)}
        if any(deep.values()) and rng.random() < 0.9:
            return rng.choices([*deep], [*deep.values()])[0]
        return rng.randrange(len(fields))

    def _of_message(self, message: str) -> list[tuple[int, Content]]:
        return [(tag, content) for (of, tag), found in self._choices.items() if of == message for content in found[:20]]


def _leaf(content: Content, most: int, change: Mutate, rng: Random) -> Content:
    """A number, or bytes of the same length: of eight and four bytes they may be a number."""
    if isinstance(content, int):
        return rng.choice(SIGNED) % 2**64
    if len(content) >= 4 and rng.random() < 0.7:
        size = 8 if len(content) % 8 == 0 else 4
        at = rng.randrange(len(content) // size) * size
        number = rng.choice(SIGNED).to_bytes(16, "little", signed=True)[:size]
        return content[:at] + number + content[at + size :]
    return change(content, len(content) + 8)
