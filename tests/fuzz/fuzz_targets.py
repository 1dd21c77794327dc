"""What is fuzzed: for every reader the function that reads, small files to begin from, and how bytes become files."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from changes import (
    Change,
    LayerWords,
    MessageFields,
    any_bytes,
    archive_member,
    document,
    json_header,
    numbers_in_place,
)

Files = Mapping[str, bytes]  # by name; the first is the one that is read


class Target(NamedTuple):
    """A reader; the fuzzer knows one row of bytes, which ``files`` takes apart and ``change`` changes."""

    load: str  # the full name of a function of a path
    seeds: Callable[[], Iterator[bytes]]
    files: Callable[[bytes], Files]
    change: Callable[[Sequence[bytes]], Change] = lambda seeds: any_bytes  # of all seeds


def reader(target: Target, folder: Path) -> Callable[[bytes], None]:
    """A function that writes the files, reads them and prepares a network to be run.

    It raises what is no error of the package.
    """
    module, _, name = target.load.rpartition(".")
    load = getattr(importlib.import_module(module), name)
    from tinyinfer.errors import TinyInferError  # here, so that it is instrumented with all else
    from tinyinfer.graph import Graph
    from tinyinfer.passes.pipeline import lower
    from tinyinfer.tasks.recognise import recognised

    def read(data: bytes) -> None:
        files = target.files(data)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        with suppress(TinyInferError):
            found = load(folder / next(iter(files)))
            if isinstance(found, tuple) and isinstance(found[0], Graph):
                lower(found[0])
                recognised(*found)

    return read


def one_file(suffix: str) -> Callable[[bytes], Files]:
    """The row of bytes is the file."""
    return lambda data: {f"fuzzed{suffix}": data}


def text_and_weights(data: bytes) -> Files:
    """ncnn's two files, with a zero byte between them."""
    text, _, weights = data.partition(b"\0")
    return {"fuzzed.param": text, "fuzzed.bin": weights}


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
    """Networks that load, those that are refused, and the onnx package's of every operator where it is installed."""
    from malformed_onnx import good_onnx, malformed_onnx, rich_onnx

    yield from (good_onnx(), rich_onnx())
    yield from small(case.files for case in malformed_onnx())
    with suppress(ImportError):
        from node_cases import collect, with_arrays

        for case in collect():
            inputs = len(case.model.graph.input)
            yield from small({with_arrays(case, given).SerializeToString() for given in (inputs, 1)})


def tflite_seeds() -> Iterator[bytes]:
    """Networks that load, one of each builtin among them, and those that are refused."""
    from malformed_tflite import good, malformed_tflite, written
    from tflite_cases import CASES
    from tflite_writer import one_operator

    yield bytes(written(good())[0])
    yield from small(case.files for case in malformed_tflite())
    for case in CASES:
        shapes = [y.shape for y in case.outputs(case.values())]
        yield from small([one_operator(case.builtin, case.inputs, shapes, case.options or None).write()])


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


def shards_or_one(data: bytes) -> Files:
    """A safetensors file, or an index of shards with one that is whole."""
    from malformed_safetensors import SHARD

    if data.startswith(b"{"):
        return {"fuzzed.safetensors.index.json": data, "shard.safetensors": SHARD}
    return {"fuzzed.safetensors": data}


def safetensors_seeds() -> Iterator[bytes]:
    """Tensors that load, an index of shards, and files that are refused."""
    from malformed_safetensors import GOOD, malformed_safetensors
    from safetensors_files import index, of_arrays

    yield from (GOOD, index({"w": "shard.safetensors"}))
    dtypes = ("float16", "float64", "int64", "uint8", "bool")
    yield of_arrays({name: np.zeros(3, name) for name in dtypes} | {"none": np.zeros((0, 2), np.float32)}, {})
    for case in malformed_safetensors():
        files = [case.files] if isinstance(case.files, bytes) else [*case.files.values()]
        yield from small(files[:1])


def small(files: Iterable[object]) -> Iterator[bytes]:
    """Those that are single files of a few kilobytes, which a fuzzer gets through quickly."""
    return (data for data in files if isinstance(data, bytes) and len(data) < 4096)


FORMATS = "tinyinfer.formats"
TARGETS = {
    "npz": Target(
        f"{FORMATS}.npz.model_file.load",
        npz_seeds,
        one_file(".npz"),
        lambda seeds: archive_member("__tinyinfer__.npy", document),
    ),
    "torch": Target(
        f"{FORMATS}.torch.checkpoint.read_checkpoint",
        torch_seeds,
        one_file(".pth"),
        lambda seeds: archive_member("data.pkl"),
    ),
    "onnx": Target(f"{FORMATS}.onnx.load.load", onnx_seeds, one_file(".onnx"), MessageFields),
    "tflite": Target(f"{FORMATS}.tflite.load.load", tflite_seeds, one_file(".tflite"), lambda seeds: numbers_in_place),
    "ncnn": Target(f"{FORMATS}.ncnn.load.load", ncnn_seeds, text_and_weights, LayerWords),
    "safetensors": Target(
        f"{FORMATS}.safetensors.checkpoint.read_checkpoint",
        safetensors_seeds,
        shards_or_one,
        lambda seeds: json_header,
    ),
}
