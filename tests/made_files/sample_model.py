"""A small model, and tools to take its file apart and put it together wrongly."""

from __future__ import annotations

import functools
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.formats.npz.model_file import save
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.ops import create


def small_graph(rng: np.random.Generator | None = None) -> Graph:
    """conv, batch norm, relu, pool, flatten, linear: about 2 kB as a file."""
    rng = rng or np.random.default_rng(1)
    channels = [f"bn.{role}" for role in ("weight", "bias", "running_mean", "running_var")]
    shapes: dict[str, tuple[int, ...]] = {
        "conv.weight": (4, 3, 3, 3),
        **dict.fromkeys(channels, (4,)),
        "fc.weight": (5, 4),
        "fc.bias": (5,),
    }
    nodes = [
        Node("conv", create("conv2d", {"stride": (2, 2), "padding": 1}), ("x",), ("conv",), {"weight": "conv.weight"}),
        Node("bn", create("batch_norm", {}), ("conv",), ("bn",), {k.removeprefix("bn."): k for k in channels}),
        Node("act", create("relu", {}), ("bn",), ("act",), origin=("features.0.2",)),
        Node("pool", create("adaptive_avg_pool2d", {"output_size": 1}), ("act",), ("pool",)),
        Node("flat", create("flatten", {"start_dim": 1}), ("pool",), ("flat",)),
        Node("fc", create("linear", {}), ("flat",), ("y",), {"weight": "fc.weight", "bias": "fc.bias"}),
    ]
    weights = {key: rng.uniform(0.5, 1.5, shape).astype(np.float32) for key, shape in shapes.items()}
    return Graph([Input("x", (None, 3, None, None), (1, 3, 8, 8))], nodes, ["y"], weights)


META = {
    "name": "small",
    "labels": list("abcde"),
    "preprocess": {"resize": 8, "crop": 8, "mean": [0.5] * 3, "std": [0.5] * 3},
}


def npz_bytes(**kwargs: Any) -> bytes:
    file = io.BytesIO()
    save(file, small_graph(), META, **kwargs)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def pack(content: dict[str, bytes] | list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in content.items() if isinstance(content, dict) else content:
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version)
    return file.getvalue()


def npy_header(descr: str, shape: str, data: bytes = b"", extra: str = "") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {extra}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@functools.cache
def _valid() -> bytes:
    return npz_bytes()


def with_weight(content: bytes, key: str = "fc.bias") -> bytes:
    """The valid model with one member's bytes exchanged."""
    return pack({**members(_valid()), f"{key}.npy": content})


def with_document(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """The valid model with its document edited."""
    content = members(_valid())
    document = json.loads(np.load(io.BytesIO(content["__tinyinfer__.npy"])).tobytes())
    edit(document)
    return with_text(json.dumps(document))


def with_text(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return pack({**members(_valid()), "__tinyinfer__.npy": npy(np.frombuffer(data, np.uint8))})


def patched(data: bytes, signature: bytes, offset: int, new: bytes, last: bool = False) -> bytes:
    """``data`` with ``new`` written ``offset`` bytes after the first (or last) ``signature``."""
    at = (data.rfind if last else data.find)(signature) + offset
    return data[:at] + new + data[at + len(new) :]


DIRECTORY, END = b"PK\x01\x02", b"PK\x05\x06"
