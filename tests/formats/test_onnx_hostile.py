"""ONNX files drawn at random: each loads or is refused by an error of the package, never anything else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hostile_onnx import hostile_models
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed_onnx import good_onnx, rich_onnx
from onnx_wire import (
    field,
    opset,
)

from tinyinfer.errors import TinyInferError
from tinyinfer.formats.onnx.load import load

GOOD = {"good": good_onnx(), "rich": rich_onnx()}


def load_or_refuse(data: bytes, path: Path) -> bool:
    """Whether a file loads; anything but an error of the package is raised."""
    path.write_bytes(data)
    begin = time.process_time()
    try:
        load(path)
        refusal = ""
    except TinyInferError as error:
        refusal = str(error)
    assert time.process_time() - begin < 5
    assert refusal.startswith(str(path) if refusal else "")
    return not refusal


@pytest.mark.parametrize("name", GOOD)
def test_every_truncation_is_refused(name: str, tmp_path: Path) -> None:
    data = GOOD[name]
    assert load_or_refuse(data, tmp_path / "net.onnx")
    whole = {data.rfind(part, 0) for part in (field(8, opset(20)), field(8, opset(1, "local")))}  # fields of the model
    for length in range(data.index(field(8, opset(20)))):
        assert not load_or_refuse(data[:length], tmp_path / "net.onnx"), f"{length} of {len(data)} bytes"
    for length in range(max(whole), len(data)):  # behind the graph a file may end between two fields
        load_or_refuse(data[:length], tmp_path / "net.onnx")


@pytest.mark.parametrize("name", GOOD)
def test_every_flipped_byte(name: str, tmp_path: Path) -> None:
    for at in range(len(GOOD[name])):
        for mask in (0x01, 0x80):
            flipped = bytearray(GOOD[name])
            flipped[at] ^= mask
            load_or_refuse(bytes(flipped), tmp_path / "net.onnx")


@settings(max_examples=200)
@given(data=st.data())
def test_changed_bytes(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Several bytes at once, parts left out and parts that stand twice."""
    content = bytearray(GOOD[data.draw(st.sampled_from(sorted(GOOD)))])
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 20))
        part = content[at : at + length]
        content[at : at + length] = data.draw(st.one_of(st.binary(max_size=10), st.just(bytes(part * 2))))
        content = content or bytearray(b"\0")
    load_or_refuse(bytes(content), tmp_path_factory.getbasetemp() / "changed.onnx")


@settings(max_examples=300)
@given(content=hostile_models())
def test_hostile_models(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    load_or_refuse(content, tmp_path_factory.getbasetemp() / "hostile.onnx")
