"""What is fuzzed: for every reader the function that reads, small files to begin from, and how bytes become files."""

from __future__ import annotations

import importlib
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from onnx_wire import BYTES, EIGHT, FOUR, VARINT, varint

Files = Mapping[str, bytes]  # by name; the first is the one that is read
Mutate = Callable[[bytes, int], bytes]  # some bytes changed somehow, of at most so many


class Target(NamedTuple):
    """A reader; the fuzzer knows one row of bytes, which ``files`` takes apart."""

    load: str  # the full name of a function of a path
    seeds: Callable[[], Iterator[bytes]]
    files: Callable[[bytes], Files]
    mutate: Callable[[bytes, int, Mutate, Random], bytes] = lambda data, most, change, rng: change(data, most)


def reader(target: Target, folder: Path) -> Callable[[bytes], None]:
    """A function that writes the files and reads them; it raises what is no error of the package."""
    module, _, name = target.load.rpartition(".")
    load = getattr(importlib.import_module(module), name)
    from tinyinfer.errors import TinyInferError  # here, so that it is instrumented with all else

    def read(data: bytes) -> None:
        files = target.files(data)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        with suppress(TinyInferError):
            load(folder / next(iter(files)))

    return read


def one_file(suffix: str) -> Callable[[bytes], Files]:
    """The row of bytes is the file."""
    return lambda data: {f"fuzzed{suffix}": data}


def text_and_weights(data: bytes) -> Files:
    """ncnn's two files, with a zero byte between them."""
    text, _, weights = data.partition(b"\0")
    return {"fuzzed.param": text, "fuzzed.bin": weights}


def changed_member(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """A zip archive with one member changed, past whose checksums no other change would get; now and then any bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()[:100]}
    except Exception:  # whatever zipfile thinks of it
        return change(data, most)
    if not members or rng.random() < 0.1:
        return change(data, most)
    name = rng.choice(sorted(members))
    members[name] = change(members[name], most)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, content in members.items():
            archive.writestr(zipfile.ZipInfo(key), content)
    return file.getvalue()


def changed_field(data: bytes, most: int, change: Mutate, rng: Random) -> bytes:
    """A protobuf message with one field changed, at any depth, and lengths that fit; now and then any bytes."""
    fields = _fields(data)
    if not fields or rng.random() < 0.1:
        return change(data, most)
    at = rng.randrange(len(fields))
    tag, content = fields[at]
    kind = rng.randrange(8)
    if kind == 0:
        del fields[at]
    elif kind == 1:
        fields.insert(rng.randrange(len(fields)), fields[at])
    elif isinstance(content, int):
        fields[at] = tag, int.from_bytes(change(content.to_bytes(8, "little"), 8)[:8], "little")
    elif tag & 7 == BYTES:
        fields[at] = tag, changed_field(content, most, change, rng)
    else:
        fields[at] = tag, change(content, len(content)).ljust(len(content), b"\0")[: len(content)]
    return b"".join(_written(*field) for field in fields)


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """Tags and values of a message; none where it is no message."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(data):
        tag, at = _integer(data, at)
        size = {EIGHT: 8, FOUR: 4}.get(tag & 7)
        if tag & 7 == VARINT:
            value, at = _integer(data, at)
            found.append((tag, value & (2**64 - 1)))
            continue
        if tag & 7 == BYTES:
            size, at = _integer(data, at)
        if size is None or at + size > len(data):
            return []
        found.append((tag, data[at : at + size]))
        at += size
    return found


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            break
    return value, at


def _written(tag: int, content: int | bytes) -> bytes:
    if isinstance(content, int):
        return varint(tag) + varint(content)
    return varint(tag) + (varint(len(content)) if tag & 7 == BYTES else b"") + content


def npz_seeds() -> Iterator[bytes]:
    """Models of both versions of the format."""
    from sample_model import npz_bytes
    from typed_model import typed_bytes

    yield from (npz_bytes(), typed_bytes())


def torch_seeds() -> Iterator[bytes]:
    """Checkpoints of both containers, and a module of a TorchScript archive."""
    from checkpoints import Global, Raw, legacy_checkpoint, opcodes, zip_checkpoint

    def scripted(described: Raw) -> Raw:
        return Raw(opcodes(Global("__torch__.my", "Net")) + b")\x81" + described.code + b"b")

    state = {"conv.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "bn.num_batches_tracked": np.array(7)}
    yield from (zip_checkpoint(state), legacy_checkpoint(state), zip_checkpoint(state, scripted))


def onnx_seeds() -> Iterator[bytes]:
    """Networks that load, and those that are refused."""
    from malformed_onnx import good_onnx, malformed_onnx, rich_onnx

    yield from (good_onnx(), rich_onnx())
    yield from small(case.files for case in malformed_onnx())


def tflite_seeds() -> Iterator[bytes]:
    """Networks that load, and those that are refused."""
    from malformed_tflite import good, malformed_tflite, written

    yield bytes(written(good())[0])
    yield from small(case.files for case in malformed_tflite())


def ncnn_seeds() -> Iterator[bytes]:
    """Networks of each layer, and those that are refused."""
    from malformed_ncnn import CONV, INPUT, WEIGHTS, malformed_ncnn
    from ncnn_files import param
    from ncnn_layers import CASES

    yield param([INPUT, CONV]).encode() + b"\0" + WEIGHTS
    yield from (param(case.lines()).encode() + b"\0" + case.weights for case in CASES.values())
    for case in malformed_ncnn():
        if not isinstance(case.files, bytes) and len(case.files) == 2:
            yield from small([b"\0".join(part for part in case.files.values() if isinstance(part, bytes))])


def safetensors_seeds() -> Iterator[bytes]:
    """Tensors that load, and files that are refused."""
    from malformed_safetensors import GOOD, malformed_safetensors

    yield GOOD
    for case in malformed_safetensors():
        files = [case.files] if isinstance(case.files, bytes) else [*case.files.values()]
        yield from small(files[:1])


def small(files: Iterable[object]) -> Iterator[bytes]:
    """Those that are single files of a few kilobytes, which a fuzzer gets through quickly."""
    return (data for data in files if isinstance(data, bytes) and len(data) < 4096)


FORMATS = "tinyinfer.formats"
TARGETS = {
    "npz": Target(f"{FORMATS}.npz.model_file.load", npz_seeds, one_file(".npz"), changed_member),
    "torch": Target(f"{FORMATS}.torch.checkpoint.read_checkpoint", torch_seeds, one_file(".pth"), changed_member),
    "onnx": Target(f"{FORMATS}.onnx.load.load", onnx_seeds, one_file(".onnx"), changed_field),
    "tflite": Target(f"{FORMATS}.tflite.load.load", tflite_seeds, one_file(".tflite")),
    "ncnn": Target(f"{FORMATS}.ncnn.load.load", ncnn_seeds, text_and_weights),
    "safetensors": Target(
        f"{FORMATS}.safetensors.checkpoint.read_checkpoint", safetensors_seeds, one_file(".safetensors")
    ),
}
