"""Models made of thinner layers: what is reported, and what times have a say in."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from small_networks import randomize, residual_network, textbook

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.decomposition import Settings, decompose_model
from tinyinfer.decomposition.timing import Stopwatch, Timed
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.low_rank.forms import candidates, network_macs
from tinyinfer.runtime.options import Options

META = {"name": "net", "accuracy": {"top1": 0.5}, "labels": ["a"]}


def model(channels: int = 16) -> ti.Model:
    return ti.Model(residual_network(channels), META, kernels="reference")


def timing(monkeypatch: pytest.MonkeyPatch, ms: Callable[[str, str], float]) -> None:
    """Let every layer take 1 ms, and its forms what is said for the layer's name and the form's."""

    class Clock:
        def __init__(self, graph: Graph, options: Options) -> None:
            pass

        def times(self, candidate, forms):
            return [Timed("k", 1.0), *(Timed(f"{f.name} k", ms(candidate.node.name, f.name)) for f in forms)]

    monkeypatch.setattr("tinyinfer.decomposition.decompose.Stopwatch", Clock)


def test_the_report_counts_what_was_made() -> None:
    made = decompose_model(model(), Settings(energy=0.4, multiple=2))
    report = made.report
    assert [row.name for row in report.rows] == ["stem", "left", "one", "right", "fc"]
    assert report.macs == network_macs(ti.passes.simplify(model().graph))
    assert report.macs_after == network_macs(made.model.graph)
    for row in report.rows:
        assert row.made == any(node.name.startswith(f"{row.name}.") for node in made.model.graph.nodes)
        assert not row.made or (row.macs_after < row.macs and row.error <= 0.6)
    assert report.macs_after == report.macs - sum(row.macs - row.macs_after for row in report.rows if row.made)
    assert json.loads(json.dumps(report.to_dict()))["rows"][1]["verdict"] == "made"
    text = str(report)
    assert "left out" in text
    assert "ms" not in text.split()


def test_metadata_says_what_was_done() -> None:
    made = decompose_model(model(), Settings(mult_adds=0.7, multiple=1, keep=("stem",))).model
    assert made.meta == {
        "name": "net",
        "labels": ["a"],
        "low_rank": {
            "energy": None,
            "mult_adds": 0.7,
            "measured": False,
            "multiple": 1,
            "keep": ["stem"],
            "samples": 0,
        },
    }
    assert made.options == model().options


def test_the_model_computes_what_the_pass_gives() -> None:
    settings, x = Settings(energy=0.5, multiple=1), np.random.default_rng(0).standard_normal((1, 3, 16, 16), np.float32)
    expected = textbook(ti.passes.low_rank(model().graph, energy=0.5, multiple=1), x)
    np.testing.assert_array_equal(decompose_model(model(), settings).model(x), expected)


def test_grouped_layers_are_said_to_stay() -> None:
    b = Builder()
    x = b.conv2d(b.conv2d(b.input(8, 9), 8, 3, name="depthwise", groups=8), 8, 3, name="grouped", groups=2)
    graph = randomize(b.finish(b.conv2d(x, 16, 3, name="dense")))
    report = decompose_model(ti.Model(graph, kernels="reference"), Settings(energy=0.3, multiple=1)).report
    assert [row.name for row in report.rows] == ["dense"]
    assert report.of_groups == 2
    assert "2 grouped or depthwise convolutions stay" in str(report)


def test_what_is_not_faster_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    timing(monkeypatch, lambda layer, form: 0.5 if layer == "one" else 0.96)
    made = decompose_model(model(), Settings(energy=0.4, measured=True, multiple=2))
    by_name = {row.name: row for row in made.report.rows}
    assert [row.name for row in made.report.rows if row.made] == ["one"]
    assert (by_name["one"].ms, by_name["one"].ms_after, by_name["one"].verdict) == (1.0, 0.5, "made")
    slow = by_name["left"]
    assert (slow.ms, slow.ms_after, slow.verdict, slow.faster) == (1.0, 0.96, "not faster", False)
    assert slow.ranks
    assert slow.kernel_after == f"{slow.form} k"
    assert by_name["fc"].verdict in ("not faster", "stays")
    assert "0.960" in str(made.report)


def test_the_fastest_form_is_taken_not_the_one_of_least_mult_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {row.name: row.form for row in decompose_model(model(), Settings(energy=0.4, multiple=1)).report.rows}
    timing(monkeypatch, lambda layer, form: 0.9 if form == forms[layer] else 0.5)
    found = decompose_model(model(), Settings(energy=0.4, measured=True, multiple=1)).report.rows
    assert any(row.form != forms[row.name] for row in found)
    assert all(row.ms_after == 0.5 for row in found if row.form != forms[row.name])


def test_a_budget_is_met_by_what_is_faster_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    timing(monkeypatch, lambda layer, form: 0.5 if layer in ("left", "fc") else 2.0)
    made = decompose_model(model(), Settings(mult_adds=0.8, measured=True, multiple=1))
    assert made.report.macs_after <= 0.8 * made.report.macs
    assert {row.name for row in made.report.rows if row.made} <= {"left", "fc"}
    with pytest.raises(InputError, match=r"mult-adds: 0\.7 can't be reached, all cuts together leave 0\.7"):
        decompose_model(model(), Settings(mult_adds=0.7, measured=True, multiple=1))


def test_time_needs_kernels() -> None:
    with pytest.raises(InputError, match="time: expected kernels to measure, found the reference"):
        decompose_model(model(), Settings(energy=0.4, measured=True))


def test_layers_are_timed_with_what_is_fused_into_their_step() -> None:
    graph = ti.passes.simplify(residual_network(16))
    watch = Stopwatch(graph, Options(threads=1))
    found = {one.node.name: one for one in candidates(graph, 2)}
    part = watch._part("one")
    assert {node.name for node in part.nodes if node.op.name != "relu"} == {"one", "add"}
    assert {node.name for node in part.nodes} >= {"one", "add", "add.act"}
    assert len(part.inputs) == 1  # the block's input, read by the layer and by the sum
    forms = found["one"].forms[:2]
    layer, *others = watch.times(found["one"], forms)
    assert layer.ms > 0
    assert len(layer.kernels.split(" + ")) == 1
    assert [len(timed.kernels.split(" + ")) for timed in others] == [len(form.parts) for form in forms]


def test_layers_that_are_alike_are_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    x = b.input(16, 8)
    for i in range(3):
        x = b.relu(b.conv2d(x, 16, 1, name=f"conv{i}"), name=f"relu{i}")
    graph = randomize(b.finish(x))
    watch = Stopwatch(graph, Options(threads=1))
    measured = []
    monkeypatch.setattr(watch, "_measure", lambda graphs: [*(Timed("k", measured.append(g) or 1.0) for g in graphs)])
    for one in candidates(graph, 4):
        assert len(watch.times(one, one.forms)) == 1 + len(one.forms)
    assert len(measured) == 2
