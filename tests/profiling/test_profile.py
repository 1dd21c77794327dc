"""Timings and everything made of them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.profiling.profile import profile
from tinyinfer.profiling.roofline import Peak
from tinyinfer.profiling.timings import Profile


@pytest.fixture(scope="module")
def model() -> Model:
    small = models.create("squeezenet1_1", num_classes=10)
    return Model(small.graph, {"name": "<b>squeeze & co</b>"}, threads=1)


@pytest.fixture(scope="module")
def small_input() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 3, 64, 64), np.float32)


@pytest.fixture(scope="module")
def measured(model, small_input) -> Profile:
    return profile(model, small_input, repeats=5, warmup=1)


def test_rows_are_the_steps_and_their_counts_the_networks(model, measured, small_input):
    steps = model.plan({"input": small_input.shape}).steps
    assert [row.name for row in measured.rows] == [step.node.name for step in steps]
    table = model.cost(small_input.shape)
    assert (measured.macs, measured.params) == (table.macs, table.params)
    assert any("relu" in name or "activation" in name for row in measured.rows for name in row.origin[1:])


def test_folded_norms_keep_their_parameters():
    model = models.create("mobilenet_v2")
    model = Model(model.graph, threads=1)
    found = profile(model, np.zeros((1, 3, 64, 64), np.float32), repeats=1, warmup=0)
    assert found.params == model.cost().params


def test_times_are_consistent(measured):
    assert sum(row.share for row in measured.rows) == pytest.approx(1)
    assert measured.other_ms == pytest.approx(measured.total_ms - sum(row.ms for row in measured.rows))
    assert measured.total_min_ms <= measured.total_ms <= measured.total_p90_ms
    assert all(0 < row.min_ms <= row.ms <= row.p90_ms for row in measured.rows)
    assert all(row.bound in ("compute", "L1", "L2", "L3", "memory", "overhead") for row in measured.rows)
    assert measured.repeats == 5
    assert measured.first_ms > 0


@pytest.mark.parametrize("by", ["op", "kernel"])
def test_groups_add_up(measured, by):
    groups = measured.grouped(by)
    for field in ("macs", "params", "bytes", "ms", "share"):
        whole = sum(getattr(row, field) for row in measured.rows)
        assert sum(getattr(group, field) for group in groups) == pytest.approx(whole)
    assert sum(group.nodes for group in groups) == len(measured.rows)
    assert [group.ms for group in groups] == sorted((group.ms for group in groups), reverse=True)


def test_speeds_follow_from_counts_and_times(measured):
    row = max(measured.rows, key=lambda row: row.macs)
    assert row.to_dict()["gmacs_per_s"] == pytest.approx(row.macs / row.ms / 1e6)
    assert row.gbytes_per_s == pytest.approx(row.bytes / row.ms / 1e6)


def test_dictionary_is_json_and_csv_parses(measured, tmp_path):
    again = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert again["sum_ms"] == pytest.approx(sum(row["ms"] for row in again["rows"]))
    rows = list(csv.DictReader(io.StringIO(measured.to_csv(tmp_path / "p.csv"))))
    assert (tmp_path / "p.csv").read_text() == measured.to_csv()
    assert [float(row["ms"]) for row in rows] == [row.ms for row in measured.rows]
    assert rows[0]["shape"] == "1x3x64x64"


def test_chrome_trace_is_one_lane_of_complete_events(measured, tmp_path):
    measured.to_chrome_trace(tmp_path / "trace.json")
    events = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [event["name"] for event in events] == [row.name for row in measured.rows]
    ends = 0.0
    for event in events:
        assert event["ts"] >= ends - 2e-3  # microseconds, rounded to a nanosecond
        assert event["dur"] > 0
        ends = event["ts"] + event["dur"]
    assert len({(event["pid"], event["tid"]) for event in events}) == 1


def test_html_escapes_names_and_fetches_nothing(measured, tmp_path):
    measured.to_html(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<b>squeeze" not in text
    assert "&lt;b&gt;squeeze &amp; co&lt;/b&gt;" in text
    assert "src=" not in text.replace("{ src: photo.source", "")
    assert "href=" not in text
    assert "&lt;b&gt;" in measured._repr_html_()


@pytest.mark.parametrize("name", ["<script>alert(1)", "[red]x[/red]", "[/]"])
def test_html_and_terminal_take_hostile_node_names_literally(measured, name):
    hostile = dataclasses.replace(measured.rows[1], name=name)
    changed = dataclasses.replace(measured, rows=(measured.rows[0], hostile, *measured.rows[2:]))
    assert "<script>" not in changed._repr_html_()
    assert name in str(changed)


def test_terminal_table_fits_and_shows_totals(measured):
    text = str(measured)
    assert max(map(len, text.splitlines())) <= 100
    assert "[other]" in text
    assert "first run" in text
    assert "GMAC/s" in text
    assert f"{measured.sum_ms:.3f}" in text


def test_a_plan_can_be_profiled_and_wrong_inputs_are_refused(model, small_input):
    plan = model.plan({"input": small_input.shape})
    assert len(profile(plan, small_input, repeats=1, warmup=0).rows) == len(plan.steps)
    with pytest.raises(InputError, match="the plan is for"):
        profile(plan, small_input[:, :, :32, :32], repeats=1)
    with pytest.raises(InputError, match="inputs: expected input; found "):
        profile(model, {"image": small_input})
    with pytest.raises(InputError, match="at least 1 repeat"):
        profile(model, small_input, repeats=0)


def test_the_reference_is_profiled_without_roofs(small_input):
    graph = models.create("squeezenet1_1", num_classes=10).graph
    found = profile(Model(graph, kernels="reference", threads=1), small_input, repeats=1, warmup=0)
    assert found.peak is None
    assert {row.bound for row in found.rows} == {""}
    assert found.to_dict()["peak"] is None


@pytest.mark.parametrize(
    ("macs", "moved", "seconds", "bound"),
    [
        (10**9, 10**6, 0.02, "compute"),
        (10**6, 10**9, 0.1, "memory"),
        (10**6, 10**6, 0.1, "overhead"),
        (0, 0, 1e-6, "overhead"),
    ],
)
def test_bound_is_the_nearer_roof(macs, moved, seconds, bound):
    assert Peak(gflops=100, gbytes=10).bound(macs, moved, seconds) == bound


def test_steps_beside_tiles_are_held_against_the_fma_peak():
    peak = Peak(gflops=1000, gbytes=10, fma_gflops=100)
    case = 10**9, 10**6, 0.04  # half of the FMA peak, a twentieth of that of tiles
    assert (peak.bound(*case), peak.bound(*case, "fma")) == ("overhead", "compute")


def test_roof_bends_at_the_ridge():
    peak = Peak(gflops=100, gbytes=10)
    assert peak.ridge == 5
    assert (peak.roof(1), peak.roof(5), peak.roof(50)) == (10, 50, 50)
