"""Arrays of ONNX files: every field that may hold them, files beside the model, and memory."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_files import loaded
from onnx_wire import (
    DTYPES,
    array,
    external,
    field,
    graph,
    model,
    node,
    raw,
    tensor,
    value_info,
    varint,
)

from tinyinfer.errors import ModelFormatError, WeightsError
from tinyinfer.formats.onnx.load import load
from tinyinfer.model import Model
from tinyinfer.weights import Stored

RELU = node("Relu", "x", "y")


def constant_of(content: bytes, folder: Path) -> np.ndarray:
    """The initializer "w" as the network's output."""
    network, _ = loaded(model(graph([RELU], [content], outputs=["y", "w"])), folder)
    return np.asarray(network.weights["w"])


# -- tensors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8", "int32", "int64", "bool", "float16"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 3), (300, 100)])
def test_raw_data(dtype: str, shape: tuple[int, ...], tmp_path: Path, rng: np.random.Generator) -> None:
    values = (rng.random(shape) * 100 % (2 if dtype == "bool" else 100)).astype(dtype)
    found = constant_of(array("w", values, dtype), tmp_path)
    assert found.dtype == ("float32" if dtype == "float16" else dtype)  # networks compute in float32
    assert found.shape == shape
    assert found.flags.aligned
    assert np.array_equal(found, values)


NUMBERS = {
    "float32": (field(4, 1.5) + field(4, struct.pack("<3f", 2, -3, 4e-20)), [1.5, 2, -3, 4e-20]),
    "uint8": (field(5, b"\x00\xff\x01\x07\x00"), [0, 255, 7, 0]),
    "int8": (field(5, -128) + field(5, varint(-1) + varint(127)) + field(5, 5), [-128, -1, 127, 5]),
    "int32": (
        field(5, varint(-(2**31)) + varint(2**31 - 1)) + field(5, 0) + field(5, 300),
        [-(2**31), 2**31 - 1, 0, 300],
    ),
    "int64": (
        field(7, varint(-(2**63)) + varint(2**63 - 1) + varint(128)) + field(7, -1),
        [-(2**63), 2**63 - 1, 128, -1],
    ),
    "bool": (field(5, b"\x01\x00\x01\x01"), [True, False, True, True]),
    "float16": (field(5, varint(0x3C00) + varint(0xC000) + varint(1) + varint(0)), [1, -2, 2**-24, 0]),
}


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numbers_packed_and_one_by_one(dtype: str, tmp_path: Path) -> None:
    fields, expected = NUMBERS[dtype]
    if dtype == "uint8":
        fields = field(5, b"\x00\xff\x01\x07\x00")  # 255 takes two bytes
    found = constant_of(tensor("w", [4], dtype, fields), tmp_path)
    assert np.array_equal(found, np.array(expected, dtype))


@pytest.mark.parametrize("count", [1, 1000, 2**20 + 3])
def test_packed_integers_of_all_lengths(count: int, tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 2**63, count, np.int64) >> rng.integers(0, 63, count)
    values[rng.random(count) < 0.1] *= -1
    proto = onnx.TensorProto(name="w", data_type=DTYPES["int64"], dims=[count], int64_data=values.tolist())
    assert np.array_equal(constant_of(proto.SerializeToString(), tmp_path), values)


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    found = constant_of(
        tensor("w", [2], 16, raw(np.array([1.5, -2], np.float32).view(np.uint16)[1::2].tobytes())), tmp_path
    )
    assert found.dtype == np.float32
    assert found.tolist() == [1.5, -2]


def test_a_nan_is_let_through_when_asked_for(tmp_path: Path) -> None:
    content = model(graph([node("Add", "x w", "y")], [array("w", [np.nan])]))
    with pytest.raises(WeightsError, match="'w' holds NaN"):
        loaded(content, tmp_path)
    network, _ = loaded(content, tmp_path, allow_nonfinite=True)
    assert np.isnan(network.weights["w"]).all()


def test_weights_are_read_once_and_again_when_they_were_let_go(tmp_path: Path, rng: np.random.Generator) -> None:
    weight = rng.standard_normal((512, 512, 3, 3)).astype(np.float32)
    content = model(graph([node("Conv", "x w", "y")], [array("w", weight)], [value_info("x", (1, 512, 3, 3))]))
    (tmp_path / "net.onnx").write_bytes(content)
    load(tmp_path / "net.onnx")  # what this imports is not the file's
    tracemalloc.start()
    network, _ = load(tmp_path / "net.onnx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * weight.nbytes
    stored = network.weights.entry("w")
    assert isinstance(stored, Stored)
    stored.release()
    assert np.array_equal(network.weights["w"], weight)
    (tmp_path / "net.onnx").write_bytes(content[:5000] + bytes(40) + content[5040:])
    with pytest.raises(ModelFormatError, match=r"net.onnx: weight 'w' can't be read again: the file has changed"):
        network.weights["w"]


# -- files beside the model --------------------------------------------------------------------------


def test_data_files_in_the_model_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(4, dtype=np.float32)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.bin").write_bytes(b"12345" + values.tobytes() + b"678")
    (tmp_path / "b.bin").write_bytes(values.tobytes())
    (tmp_path / "link.bin").symlink_to("part/a.bin")
    tensors = [
        external("a", [2, 2], location="part/a.bin", offset="5", length="16", checksum="0"),
        external("b", [2, 2], location="./b.bin"),
        external("c", [2], location="link.bin", offset="5", length="8"),
    ]
    nodes = [node("Add", "x a", "h"), node("Add", "h b", "g"), node("Add", "g c", "y")]
    (tmp_path / "net.onnx").write_bytes(model(graph(nodes, tensors, [value_info("x", (2, 2))])))
    monkeypatch.chdir(tmp_path)
    network, _ = load("net.onnx")
    network.weights.release(network.weights)
    monkeypatch.chdir("/")
    found = {key: array.tolist() for key, array in network.weights.items()}
    assert found == {"a": [[0, 1], [2, 3]], "b": [[0, 1], [2, 3]], "c": [0, 1]}


def test_a_data_file_with_another_name_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(12))
    (tmp_path / "folder").mkdir()
    os.link(tmp_path / "secret", tmp_path / "folder" / "data.bin")
    content = model(graph([node("Add", "x w", "y")], [external("w", [3], location="data.bin")]))
    with pytest.raises(ModelFormatError, match=r"data.bin'.*a hard link"):
        loaded(content, tmp_path / "folder")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.bin")
    content = model(graph([node("Add", "x w", "y")], [external("w", [3], location="data.bin")]))
    with pytest.raises(ModelFormatError, match=r"data.bin'.*expected a file, found something else"):
        loaded(content, tmp_path)


def test_a_model_written_by_onnx_with_its_data_outside(tmp_path: Path, rng: np.random.Generator) -> None:
    weights = {name: rng.standard_normal((8, 8)).astype(np.float32) for name in "uv"}
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("MatMul", ["x", "u"], ["h"]), onnx.helper.make_node("MatMul", ["h", "v"], ["y"])],
            "g",
            [onnx.helper.make_tensor_value_info("x", 1, [3, 8])],
            [onnx.helper.make_tensor_value_info("y", 1, [3, 8])],
            [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 20)],
    )
    onnx.save(made, tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    network, meta = load(tmp_path / "net.onnx")
    x = rng.standard_normal((3, 8)).astype(np.float32)
    expected = x @ weights["u"] @ weights["v"]
    assert np.allclose(Model(network, meta, kernels="reference")(x), expected, atol=1e-5)
