"""Side-by-side benchmarks on a network small enough to measure in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer.bench import bench, engines, make_inputs, measure
from tinyinfer.bench.report import BenchReport, Setting, make_rows
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.model import Model

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

HAS_OPENVINO = __import__("importlib.util").util.find_spec("openvino") is not None


@pytest.fixture
def model() -> Model:
    return tiny_model()


def test_engines_agree_and_are_timed_in_every_setting(model: Model) -> None:
    peers = ("onnxruntime", "openvino") if HAS_OPENVINO else ("onnxruntime",)
    heard: list[str] = []
    report = bench(model, peers, threads=(1, 2), batch=(1, 3), rounds=2, progress=heard.append)
    assert heard == [f"tiny, batch {b}, threads {t}" for b in (1, 3) for t in (1, 2)]
    assert [(r.batch, r.threads, r.engine) for r in report.rows] == [
        (b, t, engine) for b in (1, 3) for t in (1, 2) for engine in ("tinyinfer", *peers)
    ]
    for row in report.rows:
        assert row.input_shapes == {"input": (row.batch, 3, 16, 16)}
        assert len(row.rounds_ms) == 2
        assert 0 < row.min_ms <= row.median_ms
        assert row.gmacs_per_s == pytest.approx(row.batch * (16 * 27 * 256 + 160) / row.median_ms / 1e6)
        assert row.peak_share == pytest.approx(row.gmacs_per_s / report.peaks[row.threads])
        assert row.error < 1e-4
        assert row.version


def test_the_report_is_json_and_a_table(model: Model, tmp_path: Path) -> None:
    report = bench(model, rounds=1, input_shape=(1, 3, 8, 10))
    report.to_json(tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text())
    assert [row["engine"] for row in found["rows"]] == ["tinyinfer", "onnxruntime"]
    assert found["rows"][0]["input_shapes"] == {"input": [1, 3, 8, 10]}
    assert found["machine"]["peak_gmacs_per_s"]["1"] > 0
    text = str(report)
    assert "onnxruntime" in text
    assert "tinyinfer / best peer" in text
    assert "<td>tiny</td>" in report._repr_html_()


def test_without_peers_outputs_are_compared_with_the_textbook(model: Model) -> None:
    (row,) = bench(model, against=(), rounds=1).rows
    assert row.engine == "tinyinfer"
    assert row.error < 1e-4


def test_engines_that_disagree_are_not_timed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(subject: engines.Subject) -> engines.Run:
        return lambda: [np.full((1, 10), 7, np.float32)]

    monkeypatch.setitem(engines.ENGINES, "openvino", wrong)
    monkeypatch.setattr(engines, "check", lambda names: None)
    monkeypatch.setattr("tinyinfer.bench.interleaved", lambda runs, rounds: pytest.fail("timed all the same"))
    with pytest.raises(TinyInferError, match="tiny, batch 1, threads 1: openvino's output"):
        bench(model, ("onnxruntime", "openvino"), rounds=1)


def test_unknown_and_missing_engines_are_named(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="'tensorrt' is not known; there are: tinyinfer, onnxruntime"):
        bench(model, ("tensorrt",))
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"'onnxruntime' is not installed: pip install 'tinyinfer\[bench\]'"):
        bench(model, ("onnxruntime",))


def test_a_size_that_does_not_fit_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match="batch 2: input 'input': expected shape"):
        make_inputs(model.graph, 2, (1, 4, 16, 16))


def test_every_engine_takes_its_turn_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PAUSE", 0)
    monkeypatch.setattr(measure, "MOST_CALLS", 1)
    calls: list[str] = []
    runs = {name: lambda name=name: calls.append(name) for name in "abc"}
    seconds = measure.interleaved(runs, rounds=3)
    assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys("abc", 3)
    assert "".join(calls[6:]) == "aabbcc" + "ccbbaa" + "aabbcc"  # a warm call and a timed one each


def test_agreement_is_relative_to_the_spread_of_each_output() -> None:
    truth = [np.arange(6.0), np.arange(3.0)]
    assert measure.disagreement([truth[0] + 0.1, truth[1]], truth) == pytest.approx(0.1 / np.std(truth[0]))
    assert measure.disagreement([truth[0][:5], truth[1]], truth) == np.inf
    assert measure.check_agreement({"x": truth}, truth, "net") == {"x": 0.0}


def test_nan_agrees_with_nothing() -> None:
    truth = [np.arange(6.0), np.arange(3.0)]
    with pytest.raises(TinyInferError, match="net: x's output"):
        measure.check_agreement({"x": [truth[0], truth[1] + np.nan]}, truth, "net")


def test_ratios_are_medians_over_rounds_and_the_summary_takes_the_best_peer() -> None:
    setting = Setting("net", 1, 1, peak=100.0)
    seconds = {"tinyinfer": np.array([1.0, 2.0, 4.0]), "onnxruntime": np.array([2.0, 2.0, 2.0])}
    rows = make_rows(setting, {"x": (1,)}, 10**9, seconds, dict.fromkeys(seconds, 0.0))
    assert rows[1].ratio == 1.0
    assert rows[1].ratio_quartiles == (0.75, 1.5)
    assert rows[0].peak_share == pytest.approx(0.005)
    faster = make_rows(setting, {"x": (1,)}, 10**9, {**seconds, "onnxruntime": np.ones(3)}, dict.fromkeys(seconds, 0.0))
    (found,) = BenchReport([*rows, *faster[1:]], {1: 100.0}, 0.9).summary()
    assert found["geomean"] == pytest.approx(2.0)
