"""Peers that can't run a network are named and left out; the others are timed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NoReturn

import pytest
from bench_models import tiny_model

from tinyinfer.bench import bench, bench_int8, engines
from tinyinfer.bench.engines import Subject
from tinyinfer.bench.peers import Run
from tinyinfer.bench.precision_report import PrecisionReport
from tinyinfer.bench.report import BenchReport
from tinyinfer.errors import TinyInferError

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

REASON = "tiny, batch 1, threads 1: openvino is left out, it says: RuntimeError: no such layer"


def failing_at_once(subject: Subject) -> Run:
    raise RuntimeError("no such\nlayer")


def failing_when_run(subject: Subject) -> Run:
    def run() -> NoReturn:
        raise RuntimeError("no such layer")

    return run


def failing_on_codes(subject: Subject) -> Run:
    return (failing_at_once if "int8" in subject.onnx.name else engines.onnxruntime)(subject)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "check", lambda names: None)


@pytest.mark.parametrize("failing", [failing_at_once, failing_when_run])
def test_a_failing_peer_is_left_out_of_floats(
    monkeypatch: pytest.MonkeyPatch, failing: Callable[[Subject], Run]
) -> None:
    monkeypatch.setitem(engines.ENGINES, "openvino", failing)
    report = bench(tiny_model(), against=("openvino", "onnxruntime"), rounds=1)
    assert [row.engine for row in report.rows] == ["tinyinfer", "onnxruntime"]
    assert report.left_out == [REASON]
    found = json.loads(json.dumps(report.to_dict()))
    assert str(BenchReport.from_dict(found)) == str(report)
    assert REASON in " ".join(str(report).split())


def test_a_peer_that_fails_on_codes_is_left_out_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.ENGINES, "openvino", failing_on_codes)
    report = bench_int8(tiny_model(), against=("openvino", "onnxruntime"), rounds=1)
    for rows in (report.int8.rows, report.float32.rows):
        assert [row.engine for row in rows] == ["tinyinfer", "onnxruntime"]
    found = json.loads(json.dumps(report.to_dict()))
    assert PrecisionReport.from_dict(found).int8.left_out == [REASON]
    assert REASON in " ".join(str(report).split())


def test_without_any_peer_left_there_are_our_own_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.ENGINES, "openvino", failing_at_once)
    report = bench_int8(tiny_model(), against=("openvino",), rounds=1)
    assert [row.engine for row in report.int8.rows] == ["tinyinfer"]
    assert report.int8.left_out == [REASON]


def test_our_own_mistakes_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def ours(subject: Subject) -> Run:
        raise TinyInferError("ours")

    monkeypatch.setitem(engines.ENGINES, "tinyinfer", ours)
    with pytest.raises(TinyInferError, match="ours"):
        bench(tiny_model(), rounds=1)
