"""What is fuzzed: for every reader the function that reads, small files to begin from, and how bytes become files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

Files = Mapping[str, bytes]  # by name; the first is the one that is read
Mutate = Callable[[bytes, int], bytes]  # some bytes changed somehow, of at most so many


class Target(NamedTuple):
    """A reader; the fuzzer knows one row of bytes, which ``files`` takes apart."""

    load: str  # the full name of a function of a path
    seeds: Callable[[], Iterator[bytes]]
    files: Callable[[bytes], Files]
    mutate: Callable[[bytes, int, Mutate], bytes] = lambda data, most, change: change(data, most)


def one_file(suffix: str) -> Callable[[bytes], Files]:
    """The row of bytes is the file."""
    return lambda data: {f"fuzzed{suffix}": data}


def text_and_weights(data: bytes) -> Files:
    """ncnn's two files, with a zero byte between them."""
    text, _, weights = data.partition(b"\0")
    return {"fuzzed.param": text, "fuzzed.bin": weights}


def changed_member(data: bytes, most: int, change: Mutate) -> bytes:
    """A zip archive with one member changed and checksums that fit; other bytes as they come.

    Bytes changed at random would not get past the checksums.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()[:100]}
    except Exception:  # whatever zipfile thinks of it
        return change(data, most)
    if not members or sum(data[-200:]) % 8 == 0:
        return change(data, most)
    names = sorted(members)
    name = names[sum(data) % len(names)]
    members[name] = change(members[name], most)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for key, content in members.items():
            archive.writestr(zipfile.ZipInfo(key), content)
    return file.getvalue()


def npz_seeds() -> Iterator[bytes]:
    """Models of both versions of the format."""
    from sample_model import npz_bytes
    from typed_model import typed_bytes

    yield from (npz_bytes(), typed_bytes())


def torch_seeds() -> Iterator[bytes]:
    """Checkpoints of both containers."""
    from checkpoints import legacy_checkpoint, zip_checkpoint

    state = {"conv.weight": np.arange(12, dtype=np.float32).reshape(3, 4), "bn.num_batches_tracked": np.array(7)}
    yield from (zip_checkpoint(state), legacy_checkpoint(state))


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
    """Networks that load, and those that are refused."""
    from malformed_ncnn import CONV, INPUT, WEIGHTS, malformed_ncnn
    from ncnn_files import param

    yield param([INPUT, CONV]).encode() + b"\0" + WEIGHTS
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
    "onnx": Target(f"{FORMATS}.onnx.load.load", onnx_seeds, one_file(".onnx")),
    "tflite": Target(f"{FORMATS}.tflite.load.load", tflite_seeds, one_file(".tflite")),
    "ncnn": Target(f"{FORMATS}.ncnn.load.load", ncnn_seeds, text_and_weights),
    "safetensors": Target(
        f"{FORMATS}.safetensors.checkpoint.read_checkpoint", safetensors_seeds, one_file(".safetensors")
    ),
}
