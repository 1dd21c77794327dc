"""TFLite files that are damaged or hostile are refused in one line, quickly, whatever is wrong with them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from malformed import complaints
from malformed_tflite import good, malformed_tflite

from tinyinfer.errors import ModelFormatError, TinyInferError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.tflite.load import load


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    """Each with the error and the words that fit, in little time and memory."""
    cases = list(malformed_tflite())
    assert len(cases) >= 100
    assert complaints(cases, "tinyinfer.formats.tflite.load.load", tmp_path, ".tflite") == []


def test_the_undamaged_file_loads(tmp_path: Path) -> None:
    """Or all of them would be refused for another reason."""
    path = tmp_path / "good.tflite"
    path.write_bytes(good().write())
    graph, meta = load(path)
    layer = ["quantize_linear", "quantized_conv2d"]
    assert [node.op.name for node in graph.nodes] == [*layer, "flatten", "dequantize_linear", "linear"]
    assert meta["title"] == "Made for a test"


@given(st.data())
def test_flipped_bytes_load_or_are_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Nothing but the package's own errors comes of bytes that were changed."""
    file = bytearray(good().write())
    for _ in range(data.draw(st.integers(1, 4), "changes")):
        at = data.draw(st.integers(0, len(file) - 1), "at")
        file[at] = data.draw(st.integers(0, 255), "byte")
    path = tmp_path_factory.getbasetemp() / "flipped.tflite"
    path.write_bytes(file)
    with contextlib.suppress(TinyInferError):
        load(path)


@given(st.data())
def test_files_cut_anywhere_are_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The writer puts what is pointed to last, so that something is always missing."""
    file = good().write()
    path = tmp_path_factory.getbasetemp() / "cut.tflite"
    path.write_bytes(file[: data.draw(st.integers(0, len(file) - 60), "length")])
    with pytest.raises(TinyInferError):
        load(path)


@pytest.mark.parametrize(
    "limits",
    [
        Limits(total_bytes=500), Limits(name_length=3), Limits(rank=3), Limits(dimension=40), Limits(elements=90),
        Limits(nodes=2), Limits(fields=100),
    ],
    ids=repr,
)  # fmt: skip
def test_each_limit_is_kept(tmp_path: Path, limits: Limits) -> None:
    """A file that is within the usual limits is refused by smaller ones."""
    path = tmp_path / "good.tflite"
    path.write_bytes(good().write())
    with pytest.raises(ModelFormatError, match=r"at most|from 0 to"):
        load(path, limits=limits)
