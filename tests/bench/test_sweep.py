"""Sweeps: which values they take, how the network follows them, what is told of the growth."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer import models
from tinyinfer.bench import bench_sweep, measure
from tinyinfer.bench.report import Counts, Setting, make_rows
from tinyinfer.bench.sweep import BATCHES, PAUSES, SWEEPS, WIDTHS, Point
from tinyinfer.bench.sweep_report import SweepReport
from tinyinfer.errors import InputError
from tinyinfer.graph import Input
from tinyinfer.model import Model
from tinyinfer.profiling.roofline import Microkernel, Peak

PEAK = Peak(gflops=200.0, gbytes=10.0)
MICROKERNEL = Microkernel("pointwise", gmacs=90.0, fma_gmacs=100.0)


def start(model: Model) -> Point:
    return Point(0, model, 1, 1, None)


def values(sweep: str, model: Model, given: tuple[float, ...] | None = None) -> list[float]:
    return [point.value for point in SWEEPS[sweep](model.name, start(model), given)]


def grown(sweep: str, times: dict[str, list[float]]) -> SweepReport:
    """A report in which mult-adds grow with the square of 1, 2, 4 ... and seconds are as given."""
    rows = []
    for i in range(len(times["tinyinfer"])):
        setting = Setting("net", 1, 1, sweep, 2**i)
        seconds = {name: np.array([series[i]]) for name, series in times.items()}
        rows += make_rows(setting, Counts({}, 4**i * 10**6, 1), PEAK, seconds, dict.fromkeys(times, 0.0))
    return SweepReport(rows, {1: PEAK}, MICROKERNEL, sweep)


def test_each_value_is_measured_with_every_engine():
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    heard: list[str] = []
    report = bench_sweep(tiny_model(), "resolution", (8, 16), threads=(1, 2), rounds=1, progress=heard.append)
    assert heard == [f"tiny, resolution {n}, batch 1, threads {t}" for t in (1, 2) for n in (8, 16)]
    assert [(r.value, r.threads, r.engine) for r in report.rows] == [
        (n, t, engine) for t in (1, 2) for n in (8, 16) for engine in ("tinyinfer", "onnxruntime")
    ]
    assert [row.macs for row in report.rows[::2]] == [16 * 27 * n * n + 160 for n in (8, 16)] * 2
    assert {row.input_shapes["input"] for row in report.rows} == {(1, 3, 8, 8), (1, 3, 16, 16)}
    found = json.loads(json.dumps(report.to_dict()))
    assert found["sweep"] == "resolution"
    assert [one["series"] for one in found["summary"]] == ["tiny, batch 1, threads 1", "tiny, batch 1, threads 2"]
    assert "resolution" in str(report)


def test_batches_and_threads_are_what_they_say():
    report = bench_sweep(tiny_model(), "batch", (1, 3), against=(), batch=(7,), rounds=1)
    assert [(row.batch, row.macs) for row in report.rows] == [(n, n * (16 * 27 * 256 + 160)) for n in (1, 3)]
    report = bench_sweep(tiny_model(), "threads", (1, 2), against=(), threads=(4,), rounds=1)
    assert [row.threads for row in report.rows] == [1, 2]
    assert set(report.peaks) == {1, 2}


def test_pauses_come_before_every_timed_call(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("tinyinfer.bench.measure.time.sleep", slept.append)
    report = bench_sweep(tiny_model(), "pause", (1, 2.5), against=(), rounds=2)
    calls = [len(list(group)) for seconds, group in itertools.groupby(slept) if seconds == 0.001]
    assert len(calls) == 2
    assert min(calls) >= 1
    assert set(slept) == {measure.PAUSE, 0.001, 0.0025}
    assert [row.value for row in report.rows] == [1, 2.5]
    assert "times as long at the end as at the beginning: tinyinfer" in str(report)
    assert "pause\nms" in [column.title for column in report.table().columns]


def test_usual_values_fit_the_network():
    tiny, large = tiny_model(), Model(models.build("squeezenet1_1"), {"name": "squeezenet1_1"})
    assert values("batch", tiny) == list(BATCHES)
    assert values("resolution", tiny) == list(range(8, 33, 4))
    assert values("resolution", large) == list(range(96, 321, 32))
    assert values("threads", tiny)[0] == 1
    assert values("pause", tiny) == list(PAUSES)
    assert values("width", models.create("mobilenet_v2_cifar")) == list(WIDTHS)


def test_a_wider_network_is_built_with_the_other_knobs_kept():
    model = models.create("mobilenet_v2_cifar", num_classes=7)
    for point in SWEEPS["width"]("net", start(model), (0.5, 1.0)):
        assert point.model.meta["knobs"].get("width", 1.0) == point.value
        assert point.model.outputs[0][1][1] == 7


@pytest.mark.parametrize(
    ("sweep", "given", "message"),
    [
        ("depth", None, "sweep: expected one of batch, resolution, threads, width, pause, found 'depth'"),
        ("batch", (1, 2.5), "sweep over batch: expected whole numbers, found 1, 2.5"),
        ("batch", (0, 1), "expected numbers above 0"),
        ("batch", (), "expected numbers above 0"),
        ("width", None, "tiny: sweep over width: it is not a network of which there are others"),
        ("resolution", (16, 0.5), "sweep over resolution: expected whole numbers"),
    ],
)
def test_what_can_not_be_swept_is_refused(sweep, given, message):
    with pytest.raises(InputError, match=message):
        bench_sweep(tiny_model(), sweep, given, against=(), rounds=1)


def test_families_without_the_knob_have_no_width():
    name = models.names("igcv1")[0]
    model = Model(models.build(name), {"name": name, "arch": name})
    with pytest.raises(InputError, match="networks of the family 'igcv1' have no such knob"):
        values("width", model)


def test_a_network_that_takes_one_size_has_no_resolution():
    model = tiny_model()
    model.graph.inputs[0] = Input("input", (None, 3, 17, 17), (1, 3, 17, 17))
    with pytest.raises(InputError, match="it takes images of 17 pixels a side only"):
        values("resolution", model)


def test_growth_is_told_as_exponents():
    report = grown("resolution", {"tinyinfer": [1.0, 2.0, 4.0], "onnxruntime": [1.0, 4.0, 16.0]})
    (found,) = report.summary()
    assert found["macs_exponent"] == pytest.approx(2)
    assert found["time_exponents"] == {"tinyinfer": pytest.approx(1), "onnxruntime": pytest.approx(2)}
    assert "mult-adds grow as resolution^2.00, times as ^1.00 (tinyinfer), ^2.00 (onnxruntime)" in " ".join(
        str(report).split()
    )


def test_threads_are_told_as_gains_and_one_point_as_nothing():
    report = grown("threads", {"tinyinfer": [2.0, 1.0]})
    assert "tinyinfer 2.00" in str(report)
    assert grown("batch", {"tinyinfer": [2.0]}).summary()[0]["macs_exponent"] is None
    assert "grow as" not in str(grown("batch", {"tinyinfer": [2.0]}))
