"""Quantised files on the command line: with their integers, or in float32 with --dequantize."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from quantized_tflite import quantized_tflite

import tinyinfer

PLAIN = ("--kernel", "reference")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A convolution of codes."""
    made = next(case.network for case in quantized_tflite() if case.name == "conv 0 1 int8")
    path = tmp_path / "conv.tflite"
    path.write_bytes(made.write())
    return path


def operators(ti, *arguments: object) -> set[str]:
    answer = ti("summary", *arguments, "--by", "op", "--json")
    assert answer.code == 0, answer.err
    return {row["op"] for row in json.loads(answer.out)["rows"]}


def test_every_verb_takes_it(ti, file: Path, tmp_path: Path) -> None:
    assert "quantized_conv2d" in operators(ti, file)
    assert operators(ti, file, "--dequantize") == {"conv2d", "relu"}
    for name, more, expected in (("codes", (), "quantized_conv2d"), ("real", ("--dequantize",), "conv2d")):
        out = tmp_path / f"{name}.npz"
        assert ti("convert", file, "-o", out, *more).code == 0
        assert expected in operators(ti, out)
        assert ti("profile", file, *PLAIN, "--repeats", "1", "--warmup", "0", *more).code == 0
        values = tmp_path / f"{name}_values.npz"
        assert ti("run", file, *PLAIN, "--input", "2x6x9x8", "--save", values, *more).code == 0
    answer = ti("run", file, *PLAIN, "--input", "2x6x9x8", "--dequantize")
    assert "runs in float32" in answer.err
    assert "runs in float32" not in ti("run", file, *PLAIN, "--input", "2x6x9x8").err


def test_python_takes_it_too(file: Path) -> None:
    x = np.random.default_rng(0).normal(0, 0.2, (2, 6, 9, 8)).astype(np.float32)
    codes, real = (tinyinfer.load(file, kernels="reference", dequantize=d)(x) for d in (False, True))
    assert 0 < np.abs(codes - real).max() < 0.2
    assert {node.op.name for node in tinyinfer.convert(file, dequantize=True).graph.nodes} == {"conv2d", "relu"}


def test_codes_are_exported_as_qdq(ti, file: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    out = tmp_path / "conv.onnx"
    assert ti("export", file, "-o", out).code == 0
    kinds = [node.op_type for node in onnx.load(out).graph.node]
    assert kinds.count("QuantizeLinear") == 2
    assert "quantized_conv2d" in operators(ti, out)
