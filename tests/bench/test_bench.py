"""Side-by-side benchmarks on a network small enough to measure in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer.bench import bench, engines, make_inputs, measure
from tinyinfer.bench.report import BenchReport, BenchRow, Counts, Setting, make_rows
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.model import Model
from tinyinfer.profiling.roofline import Microkernel, Peak

PEAK = Peak(gflops=200.0, gbytes=10.0)
MICROKERNEL = Microkernel("pointwise", gmacs=90.0, fma_gmacs=100.0)

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
        assert row.peak_share == pytest.approx(row.gmacs_per_s / report.peaks[row.threads].gmacs)
        assert row.error < 1e-4
        assert row.version


def test_the_report_is_json_and_a_table(model: Model, tmp_path: Path) -> None:
    report = bench(model, rounds=1, input_shape=(1, 3, 8, 10))
    report.to_json(tmp_path / "bench.json")
    found = json.loads((tmp_path / "bench.json").read_text())
    assert [row["engine"] for row in found["rows"]] == ["tinyinfer", "onnxruntime"]
    assert found["rows"][0]["input_shapes"] == {"input": [1, 3, 8, 10]}
    machine = found["machine"]
    assert machine["peak_gmacs_per_s"]["1"] >= machine["peak_fma_gmacs_per_s"]["1"] > 0
    assert machine["microkernel_share"] == pytest.approx(
        machine["microkernel"]["gmacs"] / machine["microkernel"]["fma_gmacs"]
    )
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
    monkeypatch.setattr(
        "tinyinfer.bench.by_network.interleaved", lambda runs, rounds: pytest.fail("timed all the same")
    )
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
    assert (
        "".join(calls[3 * (1 + measure.TRIALS) :]) == "aabbcc" + "ccbbaa" + "aabbcc"
    )  # a warm call and a timed one each


def test_a_clock_of_ones_own_is_asked() -> None:
    ticks = iter(range(1000))
    found = measure.interleaved({"a": lambda: None}, rounds=2, pause=0, clock=lambda: float(next(ticks)))
    assert found["a"].tolist() == [1.0, 1.0]  # a tick before each call and one after it
    still = measure.interleaved({"a": lambda: None}, rounds=1, pause=0, clock=lambda: 0.0)
    assert still["a"].tolist() == [0.0]


def test_agreement_is_relative_to_the_spread_of_each_output() -> None:
    truth = [np.arange(6.0), np.arange(3.0)]
    assert measure.disagreement([truth[0] + 0.1, truth[1]], truth) == pytest.approx(0.1 / np.std(truth[0]))
    assert measure.disagreement([truth[0][:5], truth[1]], truth) == np.inf
    assert measure.check_agreement({"x": truth}, truth, "net") == {"x": 0.0}


def test_nan_agrees_with_nothing() -> None:
    truth = [np.arange(6.0), np.arange(3.0)]
    with pytest.raises(TinyInferError, match="net: x's output"):
        measure.check_agreement({"x": [truth[0], truth[1] + np.nan]}, truth, "net")


SETTING = Setting("net", 1, 1)


def rows_of(seconds: dict[str, list[float]], setting: Setting = SETTING) -> list[BenchRow]:
    """Rows of engines that took these seconds a round, for a network of 10^9 mult-adds and 10^9 bytes."""
    counts = Counts({"x": (1, 3, 8, 8)}, macs=10**9, bytes=10**9)
    times = {name: np.array(values) for name, values in seconds.items()}
    return make_rows(setting, counts, PEAK, times, dict.fromkeys(times, 0.0))


def test_ratios_are_medians_over_rounds_and_the_summary_takes_the_best_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "version", lambda name: "1.0")  # not every engine is installed
    rows = rows_of({"tinyinfer": [1.0, 2.0, 4.0], "onnxruntime": [2.0, 2.0, 2.0], "openvino": [1.0, 1.0, 1.0]})
    assert rows[1].ratio == 1.0
    assert rows[1].ratio_quartiles == (0.75, 1.5)
    (found,) = BenchReport(rows, {1: PEAK}, MICROKERNEL).summary()
    assert found["geomean"] == pytest.approx(2.0)
    assert found["worst_model"] == "net"


def test_shares_are_of_the_measured_peaks_and_bytes_are_known_of_ours_alone() -> None:
    ours, theirs = rows_of({"tinyinfer": [2.0], "onnxruntime": [4.0]})
    assert (ours.gmacs_per_s, ours.peak_share) == (0.5, 0.005)
    assert (ours.gbytes_per_s, ours.bandwidth_share) == (0.5, 0.05)
    assert (theirs.gmacs_per_s, theirs.gbytes_per_s, theirs.bandwidth_share) == (0.25, None, None)


def test_a_report_comes_back_from_json() -> None:
    with_tiles = Peak(gflops=800.0, gbytes=20.0, threads=2, fma_gflops=400.0)
    rows = rows_of({"tinyinfer": [2.0], "onnxruntime": [4.0]})
    report = BenchReport(rows, {1: PEAK, 2: with_tiles}, Microkernel("bf16x3", 150.0, 100.0, 300.0))
    again = BenchReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert str(again) == str(report)
    assert again.peaks == report.peaks
    assert again.microkernel == report.microkernel
    assert again.summary() == report.summary()


def test_a_report_keeps_where_and_when_it_was_measured() -> None:
    report = BenchReport(rows_of({"tinyinfer": [2.0]}), {1: PEAK}, Microkernel("pointwise", 50.0, 100.0))
    report.cpu, report.date = "Another CPU", "2026-01-02"
    again = BenchReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert (again.cpu, again.date) == ("Another CPU", "2026-01-02")
    assert "Another CPU" in again.circumstances()
    older = report.to_dict()
    del older["machine"]["date"]
    assert BenchReport.from_dict(older).date == ""


def test_bytes_are_those_of_the_steps_of_our_plan(model: Model) -> None:
    (row,) = bench(model, against=(), rounds=1).rows
    conv = 3 * 256 + 16 * 27 + 16 * 256
    pool, linear = 16 * 256 + 16, 16 + 160 + 10
    assert row.gbytes_per_s == pytest.approx(4 * (conv + pool + linear) / row.median_ms / 1e6)
