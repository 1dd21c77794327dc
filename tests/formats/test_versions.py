"""Versions of the .npz file: 1 still reads and is still written, 2 holds every dtype and refuses what does not fit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from old_writer import version_1
from sample_model import META, members, npy, npz_bytes, pack, patched, small_graph
from typed_model import edited, typed_bytes, typed_graph

from tinyinfer.errors import GraphError, ModelFormatError, TinyInferError, UnsupportedOpError, WeightsError
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.graph import Graph
from tinyinfer.model import Model


def loaded(data: bytes) -> Graph:
    return npz.load(io.BytesIO(data))[0]


def document_of(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(np.load(io.BytesIO(members(data)["__tinyinfer__.npy"])).tobytes())
    return found


def test_version_1_reads() -> None:
    graph, meta = npz.load(io.BytesIO(version_1(small_graph(), META)))
    expected = small_graph()
    assert meta == META
    assert (graph.inputs, graph.nodes, graph.outputs) == (expected.inputs, expected.nodes, expected.outputs)
    for key, array in expected.weights.items():
        np.testing.assert_array_equal(graph.weights[key], array)


def test_the_lowest_version_that_can_hold_a_model_is_written() -> None:
    assert document_of(npz_bytes())["format_version"] == 1
    assert document_of(typed_bytes())["format_version"] == 2
    for change in ("input", "weight"):
        graph = typed_graph()
        kept = {"input": "half", "weight": "i64"}[change]
        graph.nodes = [node for node in graph.nodes if node.name in (kept, "rows")]
        graph.outputs = [node.name for node in graph.nodes]
        assert document_of(saved(graph))["format_version"] == 2


def saved(graph: Graph, **options: Any) -> bytes:
    file = io.BytesIO()
    npz.save(file, graph, **options)
    return file.getvalue()


def edited_version_1(edit: Callable[[dict[str, Any]], object]) -> bytes:
    """A file of version 1 with its document edited."""
    data = version_1(small_graph(), META)
    document = document_of(data)
    edit(document)
    text = npy(np.frombuffer(json.dumps(document).encode(), np.uint8))
    return pack({**members(data), "__tinyinfer__.npy": text})


def test_a_newer_version_is_refused_as_unsupported() -> None:
    with pytest.raises(UnsupportedOpError, match="format_version: expected at most 2, found 3"):
        loaded(edited_version_1(lambda document: document.update(format_version=3)))


def test_every_dtype_round_trips(tmp_path: Path) -> None:
    graph = typed_graph()
    path = tmp_path / "typed.npz"
    npz.save(path, graph, {"name": "typed"})
    assert path.read_bytes() == typed_bytes()
    again, _ = npz.load(path)
    assert (again.inputs, again.nodes, again.outputs) == (graph.inputs, graph.nodes, graph.outputs)
    assert again.verify() == graph.verify()
    for key, array in graph.weights.items():
        assert again.weights.dtype(key) == array.dtype
        again.weights.release([key])
        assert again.weights[key].dtype == array.dtype
        assert again.weights[key].tobytes() == array.tobytes()
        assert again.weights[key].flags.carray
    inputs = {"pixels": np.arange(8).reshape(2, 2, 2), "ids": np.arange(4)}
    for name, array in Model(again, kernels="reference").run(inputs).items():
        expected = Model(graph, kernels="reference").run(inputs)[name]
        assert (array.dtype, array.tobytes()) == (expected.dtype, expected.tobytes())


def test_half_narrows_float32_alone() -> None:
    content = members(saved(typed_graph(), half=True))
    stored = {key: np.load(io.BytesIO(content[f"{key}.w.npy"])).dtype for key in ("single", "half", "i64", "u8")}
    assert [str(dtype) for dtype in stored.values()] == ["float16", "float16", "int64", "uint8"]
    graph = loaded(saved(typed_graph(), half=True))
    assert graph.weights.dtype("single.w") == np.float32
    assert graph.weights["single.w"] == np.float32(np.float16(0.1))


@pytest.mark.parametrize("order", ["<", ">"])
def test_foreign_byte_orders_become_native(order: Any) -> None:
    graph = loaded(edited(lambda graph: None, i64=typed_graph().weights["i64.w"].astype(f"{order}i8")))
    np.testing.assert_array_equal(graph.weights["i64.w"], typed_graph().weights["i64.w"])
    assert graph.weights["i64.w"].dtype.isnative


def quant(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda graph: graph["inputs"][0]["quant"].update(changes)


def attrs(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda graph: next(n for n in graph["nodes"] if n["name"] == "i8")["attrs"].update(changes)


def weight(key: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda graph: graph["weights"].update({f"{key}.w": value})


BAD: list[tuple[str, Callable[[dict[str, Any]], object], type[TinyInferError], str]] = [
    ("scale 0", quant(scale=[0.0]), GraphError, "scale: expected finite numbers above 0, found 0.0"),
    ("scale below 0", quant(scale=[-1]), GraphError, "found -1"),
    ("scale too large", quant(scale=[1e300]), GraphError, "found 1e"),
    ("scale text", quant(scale=["1" * 500]), GraphError, "scale: expected finite numbers above 0, found"),
    ("scale huge integer", quant(scale=[10**400]), GraphError, "scale: expected finite numbers above 0, found"),
    ("scale nested", quant(scale=[[1.0]]), GraphError, "scale: expected finite numbers"),
    ("scale no list", quant(scale=0.5), ModelFormatError, "scale: expected a list"),
    ("scale empty", quant(scale=[]), GraphError, "expected as many scales as zero points"),
    ("scale too long", quant(scale=[1.0] * 70_000), ModelFormatError, "scale: expected a list of at most 65536"),
    ("two scales", quant(scale=[1.0, 2.0]), GraphError, "expected an axis for 2 scales"),
    ("zero point 256", quant(zero_point=[256]), GraphError, "zero_point: expected 0 to 255 for uint8, found 256"),
    ("zero point text", quant(zero_point=["a"]), GraphError, "zero_point: expected integers"),
    ("axis too large", quant(axis=3), GraphError, "axis: expected below 3, found 3"),
    ("axis negative", quant(axis=-1), GraphError, "axis: expected a dimension counted from 0"),
    ("axis text", quant(axis="x" * 500), GraphError, "axis: expected a dimension"),
    ("one scale along two", quant(axis=1), GraphError, "scale: expected 2 along axis 1, found 1"),
    ("unknown field", quant(kind=1), ModelFormatError, "expected the fields scale, zero_point, axis"),
    ("quantised int64", lambda g: g["inputs"][1].update(quant={"scale": [1], "axis": 0}), GraphError, "along axis 0"),
    ("quantised float", lambda g: g["inputs"][0].pop("dtype"), GraphError, "quantised values: expected one of uint8"),
    ("constant: scale 0", attrs(scale=[0, 1, 1]), GraphError, "node 'i8'.*scale: expected finite numbers above 0"),
    ("constant: axis", attrs(axis=2), GraphError, "axis: expected below 2, found 2"),
    ("constant: other axis", attrs(axis=1), GraphError, "scale: expected 2 along axis 1, found 3"),
    ("constant: zero point", attrs(zero_point=[1, 2, 128]), GraphError, "expected -128 to 127 for int8, found 128"),
    ("dtype unknown", lambda g: g["inputs"][1].update(dtype="float64"), ModelFormatError, "dtype: expected one of"),
    ("dtype a list", lambda g: g["inputs"][1].update(dtype=["int64"]), ModelFormatError, "dtype: expected one of"),
    ("dtype does not fit", lambda g: g["inputs"][1].update(dtype="int32"), GraphError, "inputs of one dtype"),
    ("weight dtype unknown", weight("i64", {"shape": [3], "dtype": "u9"}), ModelFormatError, "expected one of float32"),
    ("weight without dtype", weight("i64", {"shape": [3]}), ModelFormatError, "dtype missing"),
    ("weight of another dtype", weight("i64", {"shape": [3], "dtype": "int32"}), WeightsError, "int32, found int64"),
    ("integers for floats", weight("i64", [3]), WeightsError, "'i64.w' .expected float32, found int64"),
    ("floats for integers", weight("single", {"shape": [], "dtype": "int8"}), WeightsError, "int8, found float32"),
    ("bools for bytes", weight("flags", {"shape": [1, 3], "dtype": "uint8"}), WeightsError, "uint8, found bool"),
    ("single for half", weight("single", {"shape": [], "dtype": "float16"}), WeightsError, "float16, found float32"),
    ("half for single", weight("half", [2, 2]), GraphError, ""),
    ("weight of another shape", weight("i64", {"shape": [3, 1, 1], "dtype": "int64"}), WeightsError, "found 3"),
    ("weight too large", weight("i64", {"shape": [2**20, 2**20], "dtype": "int64"}), ModelFormatError, "elements"),
]


@pytest.mark.parametrize(("edit", "error", "says"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_documents_that_lie(
    edit: Callable[[dict[str, Any]], object], error: type[TinyInferError], says: str, tmp_path: Path
) -> None:
    if not says:  # float16 in the file may stand for float32
        assert loaded(edited(edit)).weights["half.w"].dtype == np.float32
        return
    path = tmp_path / "bad.npz"
    path.write_bytes(edited(edit))
    with pytest.raises(error, match=says) as caught:
        npz.load(path)
    assert type(caught.value) is error
    message = str(caught.value)
    assert path.name in message
    assert message.isprintable()
    assert len(message) < 600


def test_truth_values_are_0_and_1() -> None:
    data = typed_bytes()
    flags = typed_graph().weights["flags.w"].tobytes()
    content = members(data)
    lie = content["flags.w.npy"].replace(flags, b"\x01\x02\x01")
    with pytest.raises(ModelFormatError, match=r"'flags.w': expected truth values of 0 and 1, found 2"):
        loaded(pack({**content, "flags.w.npy": lie}))


@pytest.mark.parametrize(
    "edit",
    [
        lambda graph: graph["inputs"][0].update(dtype="float32"),
        lambda graph: graph["inputs"][0].update(quant=None),
        lambda graph: graph["weights"].update({"fc.bias": {"shape": [5], "dtype": "float32"}}),
    ],
)
def test_version_1_has_no_dtypes(edit: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(ModelFormatError, match=r"unknown|expected a list"):
        loaded(edited_version_1(lambda document: edit(document["graph"])))
    loaded(edited_version_1(lambda document: document.update(format_version=2)))


def test_damage_is_noticed() -> None:
    with pytest.raises(ModelFormatError, match=r"is damaged|truncated"):
        loaded(patched(typed_bytes(), typed_graph().weights["i64.w"].tobytes(), 0, b"\x00"))
