"""Hostile and damaged ONNX files: the right error, quickly, and without much memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_process import start
from malformed import complaints
from malformed_onnx import good_onnx, malformed_onnx

from tinyinfer.formats.onnx.load import load


def test_every_malformed_file_is_refused(tmp_path: Path) -> None:
    cases = malformed_onnx()
    assert len(cases) >= 120
    assert complaints(cases, "tinyinfer.formats.onnx.load.load", tmp_path, ".onnx") == []


def test_what_they_are_variations_of_loads(tmp_path: Path) -> None:
    path = tmp_path / "good.onnx"
    path.write_bytes(good_onnx())
    graph, meta = load(path)
    assert [node.op.name for node in graph.nodes][:2] == ["conv2d", "relu"]
    assert graph.inputs[0].shape == (None, 3, None, None)
    assert meta["source"] == "good.onnx"


@pytest.mark.parametrize("name", ["half of it", "unknown operators"])
def test_the_command_line_says_it_in_one_line(name: str, tmp_path: Path) -> None:
    (case,) = (case for case in malformed_onnx() if case.name == name)
    path = tmp_path / "bad.onnx"
    path.write_bytes(case.files)
    process = start("summary", path, text=True)
    printed, complaint = process.communicate(timeout=600)
    assert process.returncode == case.error.exit_code
    assert not printed
    assert complaint.count("\n") == 1
    assert "bad.onnx: " in complaint
