"""The table of measured layers: what is measured, what is predicted from it, and how it is read."""

from __future__ import annotations

import json

import pytest

from tinyinfer import models
from tinyinfer.errors import InputError
from tinyinfer.pages.sandbox.measured import read_measured, shipped
from tinyinfer.pages.sandbox.timing import measure as measuring
from tinyinfer.pages.sandbox.timing.layers import Layer, layers_of
from tinyinfer.pages.sandbox.timing.measure import Network, measure, read_table, time_layers
from tinyinfer.pages.sandbox.timing.predict import Measured, by_kind, nanoseconds
from tinyinfer.profiling.cost import cost

SMALL = Network("mobilenet_v2", {"width": 0.25, "resolution": 32, "table": [(1, 16, 1, 1), (6, 24, 2, 2)]})


def test_layers_have_the_work_of_the_network() -> None:
    graph = models.build("shufflenet_v1_g3_x1_0")
    layers = layers_of(graph)
    macs = {row.name: row.macs for row in cost(graph).rows}
    assert {name: layer.work for name, layer in layers.items() if macs[name]} == {n: m for n, m in macs.items() if m}
    kinds = {layer.kind for layer in layers.values()}
    assert kinds >= {
        "dense",
        "grouped",
        "pointwise",
        "depthwise",
        "linear",
        "max_pool2d",
        "avg_pool2d",
        "channel_shuffle",
    }
    assert layers["first_conv.0"] == Layer("dense", (3, 24, 112 * 112, 3, 2), macs["first_conv.0"])
    assert layers["features.1.branch_main_2.0"].sizes == (20, 80, 3, 28 * 28)


def test_a_measured_layer_takes_what_was_measured_and_others_lie_between() -> None:
    rows = [Measured(Layer("linear", (c, 64), c * 64), float(ns)) for c, ns in ((64, 4096), (256, 65536))]
    table = by_kind(rows)
    assert nanoseconds(rows[0].layer, table) == 4096
    between = nanoseconds(Layer("linear", (128, 64), 128 * 64), table)
    assert between == pytest.approx(128 * 64 * (1 + 4) / 2)  # as far from either rate: 1 and 4 ns
    assert nanoseconds(Layer("dense", (1, 1, 1, 1, 1), 1), table) == 0


def test_every_step_of_a_run_is_some_layers_time(monkeypatch) -> None:
    monkeypatch.setattr(measuring, "REPEATS", 2)
    timed = time_layers(SMALL)
    assert 0 < sum(row.nanoseconds for row in timed.rows) / 1e6 <= timed.milliseconds
    slow = [row.layer.kind for row in timed.rows if row.nanoseconds > 0]
    assert set(slow) >= {"dense", "pointwise", "depthwise", "linear"}


def test_a_table_survives_its_file(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(measuring, "REPEATS", 2)
    monkeypatch.setattr(measuring, "TRIALS", 1)
    table = measure([SMALL], [SMALL])
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    found = read_measured(path)
    assert found == table
    (check,) = found["checks"]
    assert check["network"] == "mobilenet_v2"
    assert check["predicted_ms"] > 0
    assert {row.layer.kind for row in read_table(found)} >= {"dense", "pointwise", "depthwise", "linear"}


def test_what_is_no_table_is_refused(tmp_path) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(InputError, match="expected a table"):
        read_measured(path)
    path.write_text('{"machine": "mine"}')
    with pytest.raises(InputError, match="with the fields checks, date"):
        read_measured(path)


def test_the_shipped_table_names_its_machine_and_predicts_networks_that_are_not_in_it() -> None:
    table = shipped()
    assert table["machine"]
    assert len(table["date"]) == 10
    errors = sorted(abs(check["predicted_ms"] / check["measured_ms"] - 1) for check in table["checks"])
    assert errors[len(errors) // 2] < 0.25
