"""The text of a .param file: a magic number, two counts, and a layer a line.

    Convolution  conv1  1 1  data conv1  0=64 1=3 -23310=1,0.1

Type, name, how many blobs it reads and writes, their names, and parameters by number: integers, floats, strings in
quotes; a number of -23300 - n and below stands for an array, which begins with its length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits

Value = int | float | str | tuple[int | float, ...]

MAGIC = 7767517
ARRAY = -23300  # parameters of this number and below are arrays
LONGEST_NUMBER = 64  # characters
HINTS = (30, 31)  # of the shapes of a layer's blobs, and of features it shall use: nothing that changes a result

_TOKEN = re.compile(r'-?\d+="[^"]*"|\S+')
_PARAMETER = re.compile(r"(-?\d{1,9})=(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")


@dataclass(frozen=True)
class Layer:
    """A layer as its line has it; ``parameters`` by number."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[int, Value]


def read_param(data: bytes, where: str, limits: Limits) -> list[Layer]:
    """The layers in the file's order.  Raises ModelFormatError, and UnsupportedOpError for a relative of the format."""
    if data[:4] == MAGIC.to_bytes(4, "little"):
        raise UnsupportedOpError(f"{where}: a binary .param.bin, which can't be read: expected the text it was made of")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{where}: not an ncnn .param: not a text ({error.reason} at {error.start})") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or lines[0].strip() != str(MAGIC):
        found = lines[0].strip()[:40] if lines else ""
        raise ModelFormatError(f"{where}: not an ncnn .param: expected {MAGIC} in the first line, found {found!r}")
    layer_count, blob_count = _counts(lines[1] if len(lines) > 1 else "", where, limits)
    if len(lines) - 2 != layer_count:
        raise ModelFormatError(f"{where}: expected {layer_count} layers, found {len(lines) - 2}")
    layers = [_layer(line, f"{where}: layer {number}", limits) for number, line in enumerate(lines[2:])]
    blobs = len({name for layer in layers for name in layer.outputs})
    if blobs > blob_count:
        raise ModelFormatError(f"{where}: expected at most {blob_count} blobs, found {blobs}")
    return layers


def _counts(line: str, where: str, limits: Limits) -> tuple[int, int]:
    tokens = line.split()
    if len(tokens) != 2 or not all(len(t) <= LONGEST_NUMBER and _INTEGER.fullmatch(t) for t in tokens):
        raise ModelFormatError(f"{where}: expected the counts of layers and blobs, found {line[:40]!r}")
    layers, blobs = map(int, tokens)
    if not 1 <= layers <= limits.nodes or not 1 <= blobs <= limits.nodes * 2:
        most = f"1 to {limits.nodes} layers and 1 to {limits.nodes * 2} blobs"
        raise ModelFormatError(f"{where}: expected {most}, found {layers} and {blobs}")
    return layers, blobs


def _layer(line: str, where: str, limits: Limits) -> Layer:
    if len(line) > limits.line_length:
        raise ModelFormatError(f"{where}: expected a line of at most {limits.line_length} characters")
    tokens = _TOKEN.findall(line)
    if len(tokens) < 4 or not all(re.fullmatch(r"\d{1,6}", token) for token in tokens[2:4]):
        raise ModelFormatError(f"{where}: expected type, name and the numbers of blobs, found {line.strip()[:60]!r}")
    kind, name, (reads, writes) = tokens[0], tokens[1], map(int, tokens[2:4])
    blobs, parameters = tokens[4 : 4 + reads + writes], tokens[4 + reads + writes :]
    if len(blobs) < reads + writes:
        raise ModelFormatError(f"{where}: expected {reads} + {writes} names of blobs, found {len(blobs)}")
    for text in (kind, name, *blobs):
        if len(text) > limits.name_length or not text.isprintable():
            raise ModelFormatError(f"{where}: expected names of at most {limits.name_length} printable characters")
    if "." in kind:
        raise UnsupportedOpError(f"{where}: {kind[:60]!r}: a PNNX file; expected the .ncnn.param that pnnx writes too")
    found: dict[int, Value] = {}
    for token in parameters:
        number, value = _parameter(token, where)
        if number in found:
            raise ModelFormatError(f"{where}: parameter {number} stands twice")
        found[number] = value
    for number in HINTS:
        found.pop(number, None)
    return Layer(kind, name, tuple(blobs[:reads]), tuple(blobs[reads:]), found)


def _parameter(token: str, where: str) -> tuple[int, Value]:
    match = _PARAMETER.fullmatch(token)
    if match is None:
        raise ModelFormatError(f"{where}: expected number=value, found {token[:40]!r}")
    number, text = int(match[1]), match[2]
    if number <= ARRAY:
        return ARRAY - number, _array(text, where)
    if number < 0:
        raise ModelFormatError(f"{where}: expected parameters of 0 and above, or {ARRAY} and below, found {number}")
    if text.startswith('"') or text[:1].isalpha():
        return number, text.strip('"')
    return number, _number(text, where)


def _array(text: str, where: str) -> tuple[int | float, ...]:
    count, *items = text.split(",")
    if not re.fullmatch(r"\d{1,9}", count) or int(count) != len(items):
        raise ModelFormatError(f"{where}: expected an array of {count[:20]!r} numbers, found {len(items)}")
    return tuple(_number(item, where) for item in items)


def _number(text: str, where: str) -> int | float:
    """An integer of 32 bits, or a float32."""
    if len(text) <= LONGEST_NUMBER and _INTEGER.fullmatch(text):
        if abs(int(text)) < 2**31:
            return int(text)
    elif len(text) <= LONGEST_NUMBER and _FLOAT.fullmatch(text) and abs(float(text)) <= np.finfo(np.float32).max:
        return float(text)
    raise ModelFormatError(f"{where}: expected an integer of 32 bits or a float32, found {text[:40]!r}")
