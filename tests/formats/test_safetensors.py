"""safetensors files in and out, whole and in shards."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors_files as sf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from malformed import complaints
from malformed_safetensors import GOOD, malformed_safetensors

import tinyinfer as ti
from tinyinfer.errors import ModelFormatError, UnsupportedOpError, WeightsError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.safetensors.checkpoint import read_checkpoint
from tinyinfer.formats.safetensors.writer import save

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    assert (
        complaints(malformed_safetensors(), "tinyinfer.formats.safetensors.checkpoint.read_checkpoint", tmp_path) == []
    )


def test_arrays_of_every_dtype(tmp_path: Path) -> None:
    arrays = {
        "half": ROWS.astype(np.float16), "float": ROWS, "double": ROWS.astype(np.float64),
        "long": np.arange(3), "byte": np.arange(5, dtype=np.uint8), "flag": np.array([True, False]),
        "scalar": np.array(2.5, np.float32), "nothing": np.zeros((0, 3), np.float32),
    }  # fmt: skip
    found = read_checkpoint(written(tmp_path / "a.safetensors", sf.of_arrays(arrays, {"format": "pt", "by": "me"})))
    assert found.metadata == {"format": "pt", "by": "me"}
    assert list(found.state) == list(arrays)
    for name, array in arrays.items():
        assert found.state[name].dtype == array.dtype
        np.testing.assert_array_equal(found.state[name], array)
        assert found.state[name].flags.aligned


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    data = (ROWS.view(np.uint32) >> 16).astype("<u2").tobytes()
    path = written(tmp_path / "a.safetensors", sf.file({"w": sf.entry("BF16", (2, 3), 0, 12)}, data))
    found = read_checkpoint(path).state["w"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)


def test_a_header_may_end_in_blanks(tmp_path: Path) -> None:
    header = json.dumps({"w": sf.entry("F32", (2, 3), 0, 24)}) + " " * 7
    path = written(tmp_path / "a.safetensors", sf.file(header, ROWS.tobytes()))
    np.testing.assert_array_equal(read_checkpoint(path).state["w"], ROWS)


def test_limits_can_be_changed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.safetensors", GOOD)
    for limits, says in (
        (Limits(tensors_header_bytes=20), "header: expected at most 20 bytes"),
        (Limits(members=1), "expected at most 1 arrays"),
        (Limits(total_bytes=50), "expected at most 50 bytes"),
    ):
        with pytest.raises(ModelFormatError, match=says):
            read_checkpoint(path, limits)
    for name in "vw":
        written(tmp_path / f"{name}.safetensors", sf.of_arrays({name: np.zeros(1000, np.float32)}))
    shards = {"v": "v.safetensors", "w": "w.safetensors"}
    index = written(tmp_path / "b.safetensors.index.json", sf.index(shards))
    assert len(read_checkpoint(index, Limits(total_bytes=9000)).state) == 2
    with pytest.raises(ModelFormatError, match="shards of at most 5000 bytes"):
        read_checkpoint(index, Limits(total_bytes=5000))


def test_shards_beside_their_index(tmp_path: Path) -> None:
    written(tmp_path / "one-1.safetensors", sf.of_arrays({"a": ROWS, "left": ROWS}))
    written(tmp_path / "one-2.safetensors", sf.of_arrays({"b": ROWS + 1}))
    shards = {"a": "one-1.safetensors", "b": "one-2.safetensors"}
    found = read_checkpoint(written(tmp_path / "one.safetensors.index.json", sf.index(shards)))
    assert list(found.state) == ["a", "b"]
    np.testing.assert_array_equal(found.state["b"], ROWS + 1)


def test_a_network_is_recognised_by_its_keys(tmp_path: Path) -> None:
    model = ti.models.create("resnet20")
    path = written(tmp_path / "net.safetensors", sf.of_arrays(dict(model.graph.weights)))
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    found = ti.convert(path)
    assert found.meta["arch"] == "resnet20"
    np.testing.assert_array_equal(found(x), model(x))


def test_what_is_written_is_read_with_its_knobs(tmp_path: Path) -> None:
    model = ti.models.create("mobilenet_v2", padding="same", width=0.25, num_classes=7)
    model.save(tmp_path / "a.safetensors")
    found = ti.convert(tmp_path / "a.safetensors")
    assert found.meta["knobs"] == model.meta["knobs"]
    assert found.graph.nodes == model.graph.nodes


def test_what_a_network_is_for_is_known_by_its_architecture(tmp_path: Path) -> None:
    model = ti.models.create("lraspp_mobilenet_v3_small", width=0.25, num_classes=5)
    model.save(tmp_path / "a.safetensors")
    assert ti.convert(tmp_path / "a.safetensors").meta["task"] == model.meta["task"] == "segment"


def test_what_was_said_of_a_network_comes_back(tmp_path: Path) -> None:
    model = ti.models.create("mobilenet_v2", width=0.25, num_classes=7)
    model.meta["task"] = {"kind": "yunet"}
    model.meta["preprocess"] |= {"resize": [96, 64], "channels": "bgr"}
    model.meta["labels"] = [f"kind {i}" for i in range(7)]
    model.save(tmp_path / "a.safetensors")
    found = ti.convert(tmp_path / "a.safetensors")
    for key in ("task", "preprocess", "labels"):
        assert found.meta[key] == model.meta[key], key


@pytest.mark.parametrize("texts", [
    {"arch": "resnet18"}, {"arch": "no such"}, {"arch": "resnet20", "knobs": "["}, {"arch": "resnet20", "knobs": "7"},
    {"arch": "resnet20", "task": '{"kind": "no such"}'}, {"arch": "resnet20", "task": "text-generation"},
    {"arch": "resnet20", "preprocess": "[1"}, {"arch": "resnet20", "labels": '[7, "\\u001b"]'},
    {"arch": "resnet20", "knobs": '{"colour": 1}'}, {"arch": "resnet20", "knobs": '{"num_classes": "x"}'},
])  # fmt: skip
def test_wrong_texts_do_no_harm(texts: dict[str, str], tmp_path: Path) -> None:
    weights = dict(ti.models.create("resnet20").graph.weights)
    path = written(tmp_path / "net.safetensors", sf.of_arrays(weights, texts))
    found = ti.convert(path)
    assert found.meta["arch"] == "resnet20"
    assert "task" not in found.meta


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    save(one, {"a": ROWS, "b": ROWS.astype(np.float16)}, {"arch": "x", "knobs": {"b": 1, "a": 2}})
    save(two, {"b": ROWS.astype(np.float16), "a": ROWS}, {"knobs": {"a": 2, "b": 1}, "arch": "x"})
    assert one.read_bytes() == two.read_bytes()
    assert int.from_bytes(one.read_bytes()[:8], "little") % 8 == 0


def test_half_of_the_bytes(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", {"a": ROWS, "n": np.arange(3)}, half=True)
    state = read_checkpoint(tmp_path / "a.safetensors").state
    assert {key: str(array.dtype) for key, array in state.items()} == {"a": "float16", "n": "int64"}
    with pytest.raises(WeightsError, match="'a': too large for float16"):
        save(tmp_path / "a.safetensors", {"a": ROWS * 1e6}, half=True)
    assert read_checkpoint(tmp_path / "a.safetensors").state.keys() == {"a", "n"}  # nothing was half-written


def test_the_package_of_the_format_agrees(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    arrays: dict[str, Any] = {
        "w": ROWS,
        "h": ROWS.astype(np.float16),
        "i": np.arange(3),
        "e": np.zeros((0,), np.float32),
    }
    save(tmp_path / "ours.safetensors", arrays, {"arch": "net"})
    numpy.save_file(arrays, tmp_path / "theirs.safetensors", {"format": "pt"})
    for found in (
        numpy.load_file(tmp_path / "ours.safetensors"),
        read_checkpoint(tmp_path / "theirs.safetensors").state,
    ):
        assert found.keys() == arrays.keys()
        for key, array in arrays.items():
            np.testing.assert_array_equal(found[key], array)


SHAPES = hnp.array_shapes(max_dims=3, min_side=0, max_side=3)


@given(st.dictionaries(st.text(max_size=5), hnp.arrays(np.float32, SHAPES), max_size=4))
def test_any_names_and_shapes_come_back(arrays: dict[str, np.ndarray]) -> None:
    arrays.pop("__metadata__", None)
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "a.safetensors", arrays)
        found = read_checkpoint(Path(folder) / "a.safetensors").state
    assert found.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_read(place: int, byte: int) -> None:
    data = bytearray(GOOD)
    data[place] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "a.safetensors", bytes(data))
        try:
            found = read_checkpoint(path)
        except (ModelFormatError, UnsupportedOpError) as error:
            message = str(error)
        else:
            assert sum(array.nbytes for array in found.state.values()) <= 2 * len(GOOD)
            message = folder
        assert folder in message
        assert message.isprintable()
