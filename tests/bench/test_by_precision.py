"""Benchmarks in 8 bits beside floats, on a network small enough to measure in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer.bench import bench_int8
from tinyinfer.bench.by_precision import noise_of, quantized
from tinyinfer.bench.precision_report import PrecisionReport, decibels
from tinyinfer.errors import InputError
from tinyinfer.kernels.codegen.cpu import has_vnni
from tinyinfer.model import Model

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture
def model() -> Model:
    return tiny_model()


def test_every_engine_is_timed_in_both_precisions(model: Model, tmp_path: Path) -> None:
    heard: list[str] = []
    report = bench_int8(model, batch=(1, 2), rounds=2, progress=heard.append)
    assert heard == ["tiny, batch 1, threads 1", "tiny, batch 2, threads 1"]
    settings = [(batch, engine) for batch in (1, 2) for engine in ("tinyinfer", "onnxruntime")]
    for rows in (report.int8.rows, report.float32.rows):
        assert [(row.batch, row.engine) for row in rows] == settings
    for codes, floats in report.pairs():
        assert codes.macs == floats.macs
        assert floats.error < 1e-4 < codes.error < 0.2
    assert set(report.gains()) == {(1, 1), (2, 1)}
    report.to_json(tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text())
    assert [row["engine"] for row in found["int8"]["rows"]] == [engine for _, engine in settings]
    assert len(found["gains"]) == 2
    assert str(PrecisionReport.from_dict(found)) == str(report)
    text = str(report)
    assert "int8, batch 1, threads 1: tinyinfer / best peer" in text
    assert text.count("onnxruntime") >= 2


def test_ours_has_the_codes_of_the_peer(model: Model) -> None:
    """On one file of codes both lose the same to rounding; ONNX Runtime saturates sums of 16 bits without VNNI."""
    report = bench_int8(model, rounds=1)
    ours, theirs = (row.error for row in report.int8.rows)
    assert ours == pytest.approx(theirs, rel=0.2) if has_vnni() else 0 < ours < 1.2 * theirs


def test_a_network_of_codes_takes_codes(model: Model) -> None:
    names = {node.op.name for node in quantized(model).graph.nodes}
    assert {"quantized_conv2d", "quantized_linear"} <= names


@pytest.mark.parametrize(
    ("peer", "message"), [("torch", "'torch' takes no quantised file"), ("tensorrt", "'tensorrt' is not known")]
)
def test_peers_without_quantised_files_are_refused(model: Model, peer: str, message: str) -> None:
    if peer == "torch":
        pytest.importorskip("torch")
    with pytest.raises(InputError, match=message):
        bench_int8(model, against=(peer,), rounds=1)


def test_noise_is_what_differs_over_what_is_there() -> None:
    truth = [np.array([3.0, 4.0]), np.array([0.0])]
    assert noise_of([truth[0] + [0.3, -0.4], truth[1]], truth) == pytest.approx(0.1)
    assert [decibels(noise) for noise in (0.1, 0.0, float("nan"))] == ["20.0", "", "none"]
