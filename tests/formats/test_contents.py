"""What a file is: by its first bytes where they are a sure sign, by its name otherwise."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from malformed_safetensors import SHARD
from safetensors_files import index

import tinyinfer as ti
from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.contents import format_of, recognise
from tinyinfer.formats.safetensors.checkpoint import read_checkpoint
from tinyinfer.formats.suffixes import FORMATS, LOADABLE, NCNN, NPZ, ONNX, SAFETENSORS, TFLITE, TORCH, by_name


def archive(member: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(member, b"x")
    return stream.getvalue()


HEADS = {
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(20), TFLITE),
    "ncnn": (b"7767517\n3 3\nInput data 0 1 data\n", NCNN),
    "ncnn with spaces": (b"\r\n 7767517\r\n", NCNN),
    "safetensors": ((20).to_bytes(8, "little") + b'{"a":{}}            ', SAFETENSORS),
    "onnx": (b"\x08\x07\x12\x07pytorch", ONNX),
    "npz": (archive("conv.weight.npy"), NPZ),
    "torch": (archive("archive/data.pkl"), TORCH),
}


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("name", ["net.onnx", "net.tflite", "net.param", "net.safetensors", "net", "net.bin"])
def test_contents_are_believed_before_names(tmp_path: Path, kind: str, name: str) -> None:
    data, expected = HEADS[kind]
    (tmp_path / name).write_bytes(data)
    assert format_of(tmp_path / name) is expected


@pytest.mark.parametrize("data", [b"", b"x", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x08", b"\x08\x07\xff", b"{}"])
def test_else_names_are_believed(tmp_path: Path, data: bytes) -> None:
    assert recognise(data) is None
    for found in FORMATS:
        for suffix in found.suffixes:
            path = tmp_path / f"Net{suffix.upper()}"
            assert format_of(path) is found  # before there is such a file
            path.write_bytes(data)
            assert format_of(path) is found
    assert format_of(tmp_path / "net.jpg") is None


def test_arrays_may_be_a_checkpoint(tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", a=np.zeros(2))
    (tmp_path / "net.npz").rename(tmp_path / "net.pth")
    assert format_of(tmp_path / "net.pth") is TORCH


@given(st.binary(max_size=64))
def test_any_bytes_are_something_or_nothing(data: bytes) -> None:
    found = recognise(data)
    assert found is None or found in FORMATS


def test_folders_and_devices_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").mkdir()
    assert format_of(tmp_path / "net.onnx") is ONNX
    assert format_of(Path("/dev/zero")) is None


def test_suffixes_are_of_one_format_each() -> None:
    every = [suffix for found in FORMATS for suffix in found.suffixes]
    assert len(set(every)) == len(every)
    assert by_name("model.safetensors.index.json") is SAFETENSORS
    assert by_name("index.json") is None
    assert TORCH not in LOADABLE


@pytest.mark.parametrize("suffix", [".npz", ".onnx", ".tflite", ".param", ".safetensors", ".safetensors.index.json"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_no_reader_waits_for_pipes_or_reads_devices(suffix: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ModelFormatError, match="expected a file, found a pipe"):
        ti.load(path)


def test_shards_in_a_cache_of_downloads_are_found(tmp_path: Path) -> None:
    """Index and shards are links to one folder elsewhere, where they have other names."""
    for folder in ("blobs", "snapshot"):
        (tmp_path / folder).mkdir()
    files = {"model.safetensors.index.json": index({"w": "a.safetensors"}), "a.safetensors": SHARD}
    for number, (name, content) in enumerate(files.items()):
        (tmp_path / "blobs" / str(number)).write_bytes(content)
        (tmp_path / "snapshot" / name).symlink_to(Path("../blobs") / str(number))
    assert list(read_checkpoint(tmp_path / "snapshot" / "model.safetensors.index.json").state) == ["w"]
