"""The .npz model file: one JSON document and the weights, nothing outside it and no pickle.

Any NumPy reads it with ``np.load(path)``: ``__tinyinfer__`` holds the UTF-8 document (`graph_json`, and the format's
version and the metadata) as a uint8 array; every other array is a weight under its key, of the dtype that the document
states, where float16 may stand for float32.  Characters that a member name can't hold on every system are
percent-encoded.

Version 1 knows float32 alone; version 2 has inputs and weights of other dtypes, and quantised ones.  A model is written
in the lowest version that can hold it, so that older versions of the package read whatever they can run.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import quote, unquote

import numpy as np

from tinyinfer.errors import ModelFormatError, TinyInferError, UnsupportedOpError, WeightsError
from tinyinfer.files import atomic_write
from tinyinfer.formats.json_reader import Cursor, parse_json
from tinyinfer.formats.limits import DEFAULT, Limits
from tinyinfer.formats.npz.archive import Archive, is_zip
from tinyinfer.formats.npz.extent import Extent
from tinyinfer.formats.npz.graph_json import LATEST, graph_from_json, graph_to_json, least_version, stored_dtype
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.formats.npz.npy import read_npy
from tinyinfer.formats.regular_file import open_regular
from tinyinfer.formats.state_dict import load_weights
from tinyinfer.graph import Graph, TensorType
from tinyinfer.weights import FLOAT32, Stored, Weights

DOCUMENT = "__tinyinfer__"
_PLAIN = "".join(chr(c) for c in range(32, 127) if chr(c) not in "%\\")

ModelFile = str | os.PathLike[str] | BinaryIO


def save(file: ModelFile, graph: Graph, meta: Mapping[str, Any] | None = None, half: bool = False) -> None:
    """Write a model; to a path, through a temporary file that is renamed.

    Weights are stored uncompressed, because deflate gains little on them and costs more time than all else at loading;
    ``half`` stores float32 as float16, but for the scales of quantised weights.  The same model always gives the same
    bytes.  Raises WeightsError for weights that are missing or, with ``half``, too large for float16, ModelFormatError
    for metadata that is not plain JSON.
    """
    for node in graph.nodes:
        for role, key in node.params.items():
            if key not in graph.weights:
                raise WeightsError(f"node {node.name!r}: its {role} {key!r} is not among the weights")
    network = graph_to_json(graph)
    scales = {node.params["weight_scale"] for node in graph.nodes if "weight_scale" in node.params}
    document = {
        "format_version": least_version(graph),
        "graph": network,
        "meta": check_meta(meta or {}, "meta"),
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    opened = atomic_write(file) if isinstance(file, str | os.PathLike) else nullcontext(file)
    with opened as stream, zipfile.ZipFile(stream, "w") as archive:
        _write_array(archive, DOCUMENT, np.frombuffer(text, np.uint8), zipfile.ZIP_DEFLATED)
        for key in network["weights"]:
            array = graph.weights[key]
            array = np.asarray(array, stored_dtype(array.dtype))
            narrowed = half and array.dtype == np.float32 and key not in scales
            stored = _as_half(key, array) if narrowed else array
            _write_array(archive, _member_of(key), stored, zipfile.ZIP_STORED)


def load(file: ModelFile, limits: Limits = DEFAULT, allow_nonfinite: bool = False) -> tuple[Graph, dict[str, Any]]:
    """The verified graph, its weights arrays each in memory of its own, and the metadata.

    Weights of a file given by its path can be let go, and are read again from there when they are asked for.

    Raises ModelFormatError for a file that is not one of ours or is damaged, UnsupportedOpError for a newer format
    version or an unknown operator, GraphError and WeightsError for a network that is not well formed.
    ``allow_nonfinite`` lets NaN and infinite weights pass.
    """
    where = os.fspath(file) if isinstance(file, str | os.PathLike) else getattr(file, "name", "model file")
    try:
        if not isinstance(file, str | os.PathLike):
            return _load(file, str(where), limits, allow_nonfinite)
        with open_regular(file) as stream:
            return _load(stream, str(where), limits, allow_nonfinite, path=os.path.abspath(os.fsdecode(file)))
    except OSError as error:
        raise ModelFormatError(f"{where}: can't be read: {error.strerror or error}") from None


def _load(
    stream: BinaryIO, where: str, limits: Limits, allow_nonfinite: bool, path: str | None = None
) -> tuple[Graph, dict[str, Any]]:
    if not is_zip(stream):
        stream.seek(0)
        found = repr(stream.read(8)).replace("b''", "an empty file")
        raise ModelFormatError(f"{where}: not an .npz file: expected a zip archive, found {found}")
    archive = Archive(stream, where, limits)
    graph, meta = _read_document(archive, where, limits)
    state = Weights()
    for member in archive.names:
        if member != f"{DOCUMENT}.npy":
            key = _key_of(member, where)
            dtype = graph.weights.dtype(key) if key in graph.weights else FLOAT32
            half = dtype == np.float16
            array = read_npy(archive.read(member), f"{where}: weight {key!r}", limits, half)
            if path is None or array.dtype != dtype:
                state[key] = array
            else:
                state[key] = Stored(array, partial(_read_again, archive.extent(member, path), key, limits, half))
    load_weights(graph, state, where=where)
    _verify(graph, where, limits, allow_nonfinite)
    return graph, meta


def _read_again(extent: Extent, key: str, limits: Limits, half: bool) -> np.ndarray:
    return read_npy(extent.read(f"weight {key!r}"), f"{extent.path}: weight {key!r}", limits, half)


def _read_document(archive: Archive, where: str, limits: Limits) -> tuple[Graph, dict[str, Any]]:
    member = f"{DOCUMENT}.npy"
    if member not in archive.names:
        raise ModelFormatError(f"{where}: not a tinyinfer model: expected an array {DOCUMENT!r}, found none")
    size, most = archive.size(member), limits.document_bytes + limits.header_bytes
    if size > most:
        raise ModelFormatError(f"{where}: {DOCUMENT}: expected at most {most} bytes, found {size}")
    array = read_npy(archive.read(member), f"{where}: {DOCUMENT}", limits)
    if array.dtype != np.uint8 or array.ndim != 1:
        found = f"{array.dtype} {TensorType(array.shape)}"
        raise ModelFormatError(f"{where}: {DOCUMENT}: expected one row of uint8, found {found}")
    root = Cursor(parse_json(array.tobytes(), f"{where}: {DOCUMENT}", limits), where, limits)
    version = root.members().get("format_version", root.at(None, f"{where}: format_version"))
    if version.integer(1, 2**31) > LATEST:
        raise UnsupportedOpError(
            f"{where}: format_version: expected at most {LATEST}, found {version.value} (of a newer tinyinfer)"
        )
    fields = root.fields(("format_version", "graph"), ("meta",))
    graph = graph_from_json(root.at(fields["graph"].value, f"{where}: graph"), limits, version.value)
    meta = fields["meta"].members() if "meta" in fields else {}
    return graph, check_meta({key: cursor.value for key, cursor in meta.items()}, f"{where}: meta", limits)


def _verify(graph: Graph, where: str, limits: Limits, allow_nonfinite: bool) -> None:
    try:
        types = graph.verify(allow_nonfinite)
    except TinyInferError as error:
        raise type(error)(f"{where}: {error}") from None
    for name, value in types.items():
        if math.prod(value.shape) > limits.elements:
            most = limits.elements
            raise ModelFormatError(f"{where}: value {name!r}: expected at most {most} elements, found {value}")


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray, compression: int) -> None:
    member = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
    member.compress_type = compression
    member.external_attr = 0o644 << 16
    member.file_size = array.nbytes  # lets zipfile choose 64-bit sizes where they are needed
    with archive.open(member, "w", force_zip64=array.nbytes >= 2**31 - 2**20) as stream:
        np.lib.format.write_array(stream, np.require(array, None, ["C"]), allow_pickle=False)


def _as_half(key: str, array: np.ndarray) -> np.ndarray:
    largest, most = np.finfo(np.float16).max, np.abs(array[np.isfinite(array)]).max(initial=0)
    if most > largest:
        raise WeightsError(f"weight {key!r}: expected magnitudes of at most {largest:.0f} for float16, found {most:g}")
    return array.astype(np.float16)


def _member_of(key: str) -> str:
    """The member name of a weight, without ".npy"; only the document's own name is taken."""
    name = quote(key, safe=_PLAIN, errors="surrogatepass")
    return f"%{ord(name[0]):02X}{name[1:]}" if name == DOCUMENT else name


def _key_of(member: str, where: str) -> str:
    if not member.endswith(".npy"):
        raise ModelFormatError(f"{where}: member {member!r}: expected a .npy array")
    name = member[: -len(".npy")]
    try:
        key = unquote(name, errors="surrogatepass")
        known = _member_of(key) == name
    except UnicodeError:
        known = False
    if not known:  # else two members could stand for one key
        raise ModelFormatError(f"{where}: member {member!r}: its name is not one that save writes")
    return key
