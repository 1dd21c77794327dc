"""The .npz model file: what goes in comes out, and plain NumPy can read it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from one_operator import one_operator
from sample_model import META, members, npy, npz_bytes, pack, small_graph, with_document
from small_quantized_network import small_quantized_network
from walks import each_case, names_with_cases

from tinyinfer import ops
from tinyinfer.errors import TinyInferError, WeightsError
from tinyinfer.formats.attributes import read_attributes
from tinyinfer.formats.json_reader import Cursor
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.ops.base import Case


def assert_same(a: Graph, b: Graph) -> None:
    assert (a.inputs, a.nodes, a.outputs) == (b.inputs, b.nodes, b.outputs)
    assert list(a.weights) == list(b.weights)
    for key, array in a.weights.items():
        np.testing.assert_array_equal(array, b.weights[key])


def test_round_trip_and_plain_numpy(tmp_path: Path) -> None:
    graph, path = small_graph(), tmp_path / "m.npz"
    npz.save(path, graph, META)
    loaded, meta = npz.load(path)
    assert_same(graph, loaded)
    assert meta == META
    for array in loaded.weights.values():
        assert array.dtype == np.float32
        assert array.flags.carray  # aligned, contiguous, writable
    with np.load(path) as plain:
        assert set(plain.files) == {"__tinyinfer__", *graph.weights}
        np.testing.assert_array_equal(plain["fc.weight"], graph.weights["fc.weight"])
        assert json.loads(plain["__tinyinfer__"].tobytes())["format_version"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    assert npz_bytes() == npz_bytes()  # no time stamps


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_half_is_widened(tmp_path: Path) -> None:
    graph = small_graph()
    npz.save(tmp_path / "h.npz", graph, half=True)
    loaded, meta = npz.load(tmp_path / "h.npz")
    assert meta == {}
    for key, array in graph.weights.items():
        np.testing.assert_array_equal(loaded.weights[key], array.astype(np.float16).astype(np.float32))
    with np.load(tmp_path / "h.npz") as plain:
        assert plain["fc.weight"].dtype == np.float16


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("codes", ["uint8", "int8"])
def test_quantised_networks_are_stored_as_integers(codes: str, half: bool, tmp_path: Path, rng) -> None:
    """As large as their integers, scales in full: rounded ones would be other numbers, or none."""
    graph, path = small_quantized_network(rng, codes), tmp_path / "q.npz"
    npz.save(path, graph, half=half)
    loaded, _ = npz.load(path)
    assert_same(graph, loaded)
    assert {str(array.dtype) for array in loaded.weights.values()} == {"int8", "int32", "float32", codes}
    with np.load(path) as plain:
        assert plain["stem.weight"].dtype == np.int8
        assert plain["stem.bias"].dtype == np.int32
        assert plain["stem.weight_scale"].dtype == np.float32
    stored = sum(array.nbytes for array in graph.weights.values())
    assert path.stat().st_size < stored + 8000


@given(st.data())
def test_flipped_bytes_of_quantised_networks_are_refused(data: st.DataObject) -> None:
    """Every byte of the file is part of a checksum or of what is checked; what loads in spite of it is the same."""
    graph, stream = small_quantized_network(np.random.default_rng(0)), io.BytesIO()
    npz.save(stream, graph)
    file = bytearray(stream.getvalue())
    at = data.draw(st.integers(0, len(file) - 1), "at")
    file[at] ^= data.draw(st.integers(1, 255), "bits")
    with contextlib.suppress(TinyInferError):
        assert_same(npz.load(io.BytesIO(bytes(file)))[0], graph)


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">f8", "<f2", ">f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_foreign_arrays_become_native_float32(dtype: str, order: Any) -> None:
    graph = small_graph()
    content = members(npz_bytes())
    wanted = graph.weights["fc.weight"].astype(dtype)
    content["fc.weight.npy"] = npy(np.asarray(wanted, order=order))
    array = npz.load(io.BytesIO(pack(content)))[0].weights["fc.weight"]
    assert array.dtype == np.dtype("=f4")
    assert array.flags.carray
    np.testing.assert_array_equal(array, wanted.astype(np.float32))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_versions_and_deflate(version: tuple[int, int]) -> None:
    content = members(npz_bytes())
    content["fc.bias.npy"] = npy(np.arange(5, dtype=np.float32), version)
    array = npz.load(io.BytesIO(pack(content, zipfile.ZIP_DEFLATED)))[0].weights["fc.bias"]
    np.testing.assert_array_equal(array, np.arange(5))


def identity_graph(key: str, value: np.ndarray) -> Graph:
    node = Node("p", ops.create("prelu", {}), ("x",), ("p",), {"weight": key})
    return Graph([Input("x", (None, value.size, None, None), (1, value.size, 2, 2))], [node], ["p"], {key: value})


@given(key=st.text(st.characters(), max_size=40), value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_any_key_round_trips(key: str, value: float) -> None:
    graph = identity_graph(key, np.array([value], np.float32))
    file = io.BytesIO()
    npz.save(file, graph)
    loaded, _ = npz.load(file)
    assert_same(graph, loaded)
    assert all(name.isascii() and name.isprintable() for name in zipfile.ZipFile(file).namelist())


@pytest.mark.parametrize(
    "key", ["__tinyinfer__", "%5F_tinyinfer__", "", "a/../b", "a.npy", "\ud800", "50%", "a\\b", "\0", "é"]
)
def test_awkward_keys(key: str) -> None:
    graph = identity_graph(key, np.ones(1, np.float32))
    file = io.BytesIO()
    npz.save(file, graph)
    assert_same(graph, npz.load(file)[0])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(min_codepoint=160, exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(meta=st.dictionaries(st.sampled_from(["accuracy", "notes", "url"]), json_values))
def test_meta_round_trips(meta: dict[str, Any]) -> None:
    file = io.BytesIO()
    npz.save(file, small_graph(), meta)
    assert npz.load(file)[1] == meta


@each_case()
def test_every_operator_round_trips(name: str, case: Case) -> None:
    op = ops.create(name, case.attrs)
    through_json = json.loads(json.dumps(dict(op.attrs)))
    assert ops.create(name, read_attributes(type(op), Cursor(through_json, "here"))) == op
    graph = one_operator(name, case, np.random.default_rng(0))
    file = io.BytesIO()
    npz.save(file, graph)
    assert_same(graph, npz.load(file)[0])


ODD_NUMBERS = [True, -1, 0, 1, 2, 3, 7, 2**31 - 1, -(2**31), 2**70, 0.5, -1.5, 1e30]
ODD_OTHERS = [None, "", "same", "relu", [], [0], [1, 2], [1, 2, 3, 4], [[1]], [-1, -1], {}, {"a": 1}]
odd_values = st.sampled_from([*ODD_NUMBERS, *ODD_OTHERS])


@pytest.mark.parametrize("name", names_with_cases())
@given(data=st.data())
def test_odd_attributes_never_escape_our_errors(name: str, data: st.DataObject) -> None:
    cls = ops.get(name)
    case = data.draw(st.sampled_from(cls.cases()))
    graph = one_operator(name, case, np.random.default_rng(0))
    file = io.BytesIO()
    npz.save(file, graph)
    content = members(file.getvalue())
    document = json.loads(np.load(io.BytesIO(content["__tinyinfer__.npy"])).tobytes())
    node = document["graph"]["nodes"][-1]
    attrs = node.setdefault("attrs", {})
    for _ in range(data.draw(st.integers(1, 2))):
        if cls.attr_names and data.draw(st.booleans()):
            attrs[data.draw(st.sampled_from(cls.attr_names))] = data.draw(odd_values)
        else:
            shape = data.draw(st.sampled_from(document["graph"]["inputs"]))
            size = data.draw(st.lists(st.sampled_from([0, 1, 2, 3, 5, 2**24]), max_size=5))
            shape.update(shape=[None] * len(size), nominal=size)
    content["__tinyinfer__.npy"] = npy(np.frombuffer(json.dumps(document).encode(), np.uint8))
    with contextlib.suppress(TinyInferError):  # and nothing else
        npz.load(io.BytesIO(pack(content)))


GRAPH_PATHS = [("inputs",), ("inputs", 0), ("inputs", 0, "shape"), ("outputs",), ("weights",), ("weights", "fc.bias")]
NODE_PATHS = [("nodes",), ("nodes", 0), *(("nodes", 1, key) for key in ("name", "op", "inputs", "params"))]
paths = st.sampled_from([*GRAPH_PATHS, *NODE_PATHS])


@given(path=paths, value=json_values | odd_values)
def test_odd_documents_never_escape_our_errors(path: tuple[Any, ...], value: Any) -> None:
    def edit(document: dict[str, Any]) -> None:
        inner = document["graph"]
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    with contextlib.suppress(TinyInferError):  # and nothing else
        npz.load(io.BytesIO(with_document(edit)))


def test_nonfinite_weights_can_be_let_through() -> None:
    graph = identity_graph("w", np.array([np.nan, np.inf], np.float32))
    file = io.BytesIO()
    npz.save(file, graph)
    with pytest.raises(WeightsError, match="'w' holds NaN"):
        npz.load(file)
    np.testing.assert_array_equal(npz.load(file, allow_nonfinite=True)[0].weights["w"], [np.nan, np.inf])
    npz.save(file, graph, half=True)


def test_saving_an_incomplete_graph_is_refused_and_spare_weights_are_left_out() -> None:
    graph = small_graph()
    graph.weights["spare"] = np.zeros(3, np.float32)
    file = io.BytesIO()
    npz.save(file, graph)
    assert "spare" not in npz.load(file)[0].weights
    assert "spare" in graph.weights
    del graph.weights["fc.bias"]
    with pytest.raises(WeightsError, match=r"node 'fc': its bias 'fc.bias' is not among the weights"):
        npz.save(io.BytesIO(), graph)


def test_mobilenet_v2_loads_quickly(tmp_path: Path) -> None:
    import time

    from tinyinfer.models.zoo.mobilenet_v2 import build

    graph = build()
    graph.weights.update({key: np.full(array.shape, 0.5, np.float32) for key, array in graph.weights.items()})
    npz.save(tmp_path / "m.npz", graph, {"labels": [f"class {i}" for i in range(1000)]})
    best = 1.0
    for _ in range(5):
        begin = time.process_time()
        loaded, _ = npz.load(tmp_path / "m.npz")
        best = min(best, time.process_time() - begin)
    assert_same(graph, loaded)
    assert best < 0.2  # measured 0.03 s; a label is promised within 1 s of the start
