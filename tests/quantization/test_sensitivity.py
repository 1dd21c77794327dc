"""The report finds the node that was made to suffer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_networks import residual_network

from tinyinfer.evaluation.noise import decibels
from tinyinfer.model import Model
from tinyinfer.quantization import Sensitivity, Settings, calibrate, sensitivity

X = [np.random.default_rng(i).standard_normal((2, 3, 16, 16)).astype(np.float32) for i in range(2)]


def report(settings: Settings | None = None, spoil: str = "") -> Sensitivity:
    """Of a network whose stem never lets channel 0 through; large weights for it leave few codes for the others."""
    graph = residual_network()
    graph.weights["norm.weight"][0], graph.weights["norm.bias"][0] = 0, -1
    if spoil:
        graph.weights[f"{spoil}.weight"][:, 0] = 50
    model = Model(graph, kernels="reference")
    return sensitivity(model, calibrate(model, X), X, settings)


def test_rows_are_the_nodes_that_compute_worst_first() -> None:
    found = report()
    assert {row.name for row in found.rows} == {"stem", "left", "one", "add", "right", "join", "pool", "fc"}
    alone = [row.alone for row in found.rows]
    assert alone == sorted(alone)
    assert found.whole is not None
    assert 20 < found.whole <= alone[0] + 0.5
    assert all(row.own is not None and row.own > 20 for row in found.rows)
    assert found.samples == 4


@pytest.mark.parametrize("node", ["right", "left", "one"])
def test_the_node_that_suffers_comes_first(node: str) -> None:
    plain, spoiled = report(), report(spoil=node)
    assert spoiled.rows[0].name == node
    (usual,) = (row for row in plain.rows if row.name == node)
    worst = spoiled.rows[0]
    assert worst.own is not None
    assert usual.own is not None
    assert worst.own < usual.own - 10
    assert worst.alone is not None
    assert usual.alone is not None
    assert worst.alone < usual.alone - 10
    kept = report(Settings(keep=[node]), spoil=node)
    assert node not in {row.name for row in kept.rows}
    assert kept.whole is not None
    assert spoiled.whole is not None
    assert kept.whole > spoiled.whole + 10


def test_it_is_shown_everywhere() -> None:
    found = report()
    document = json.loads(json.dumps(found.to_dict()))
    assert document["rows"][0] == {
        "name": found.rows[0].name, "op": found.rows[0].op, "own": found.rows[0].own, "alone": found.rows[0].alone
    }  # fmt: skip
    for text in (str(found), found._repr_html_()):
        assert all(row.name in text for row in found.rows)
    assert f"{found.whole:.1f}" in str(found)


def test_a_threshold_keeps_those_below_it() -> None:
    plain = report(spoil="left")
    assert plain.kept == ()
    assert "--keep NODE" in str(plain)
    worst, second = (row.alone for row in plain.rows[:2])
    assert worst is not None
    assert second is not None
    found = report(Settings(keep_sensitive=(worst + second) / 2), spoil="left")
    assert found.kept == ("left",)
    assert found.to_dict()["kept"] == ["left"]
    assert "dB: left" in " ".join(str(found).split())
    assert "dB: none" in " ".join(str(report(Settings(keep_sensitive=worst - 1), spoil="left")).split())


def test_progress_counts_nodes() -> None:
    graph, told = residual_network(), []
    model = Model(graph, kernels="reference")
    found = sensitivity(model, calibrate(model, X), X, progress=lambda *now: told.append(now))
    assert told == [(i + 1, len(found.rows)) for i in range(len(found.rows))]


def test_decibels() -> None:
    ones = np.ones(100)
    assert decibels([ones], [ones]) is None
    assert decibels([ones, ones], [ones * 1.1, ones * 0.9]) == pytest.approx(20)
    assert decibels([ones * 0], [ones]) < -1000
