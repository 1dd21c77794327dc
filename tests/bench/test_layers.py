"""Benchmarks of single layers: what is taken from plans, what is timed, what is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench_models import tiny_model
from small_networks import randomize, residual_network

from tinyinfer.bench import bench_layers
from tinyinfer.bench.cold import HOPELESS, TRIALS, Contest, Entrant, Surroundings
from tinyinfer.bench.layer_report import LayerReport, make_row
from tinyinfer.bench.layers import layers_of
from tinyinfer.bench.measure import disagreement
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.model import Model
from tinyinfer.profiling.roofline import Peak
from tinyinfer.runtime.inputs import random_inputs

PEAK = Peak(gflops=20, gbytes=5)
ONES = np.ones((1, 19, 12, 11), np.float32)


def residual_layers(name="net"):
    model = Model(residual_network(), threads=1)
    return model, layers_of(name, model, random_inputs(model.graph, model.graph.input_shapes()))


def test_layers_are_counted_once_for_each_shape_and_use():
    model, layers = residual_layers()
    steps = [step for step in model.plan().steps if step.implementation is not None]
    assert sum(layer.uses["net"] for layer in layers.values()) == len(steps)
    kinds = {(x.problem.op, x.problem.inputs, x.problem.outputs, tuple(x.problem.params)) for x in layers.values()}
    assert len(kinds) == len(layers)


def test_every_candidate_computes_what_the_plan_computes():
    model = Model(residual_network(), threads=1)
    inputs = random_inputs(model.graph, model.graph.input_shapes())
    computed: list[list[np.ndarray]] = []

    def watch(step, call, view):
        call()
        computed.append([view(value).copy() for value in step.outputs])

    model.run(inputs, hook=watch)
    used = set()
    for layer in layers_of("net", model, inputs).values():
        for kernel in layer.candidates():
            layer.bind(kernel).call()
            assert any(disagreement(layer.results(), expected) < 1e-4 for expected in computed)
            used.add((kernel.op, kernel.name))
    assert {("conv2d", "direct"), ("conv2d", "im2col"), ("linear", "gemm")} <= used


def test_networks_share_their_common_layers():
    a, b = tiny_model(), tiny_model()
    b.meta["name"] = "twin"
    report = bench_layers([a, b], threads=(1, 2), rounds=1)
    assert {row.threads for row in report.rows} == {1, 2}
    assert all(row.uses == {"tiny": 1, "twin": 1} for row in report.rows)
    conv = next(row for row in report.rows if row.op == "conv2d")
    assert conv.text == "3x3 3→16 at 16x16 relu"
    assert conv.macs == 16 * 27 * 256
    assert conv.gmacs_per_s == pytest.approx(conv.macs / conv.ms / 1e6)
    assert conv.bytes == 4 * (3 * 256 + 16 * 27 + 16 * 256)
    assert {rival.kernel for rival in conv.rivals} >= {"im2col"} - {conv.kernel}
    totals = {(n["model"], n["threads"]): n["ms"] for n in report.networks()}
    assert totals["tiny", 1] == pytest.approx(sum(row.ms for row in report.rows if row.threads == 1))


def test_the_report_is_json_and_a_table():
    report = bench_layers(tiny_model(), rounds=1, batch=2, input_shape=(1, 3, 8, 10))
    found = json.loads(json.dumps(report.to_dict()))
    assert found["machine"]["peaks"]["1"]["gbytes_per_s"] > 0
    conv = next(layer for layer in found["layers"] if layer["op"] == "conv2d")
    assert conv["inputs"] == [[2, 3, 8, 10]]
    assert conv["text"] == "3x3 3→16 at 8x10 relu"
    assert "others / chosen" in str(report)
    assert "batch 2" in str(report)


def test_a_layer_is_told_in_a_line():
    b = Builder()
    x = b.input(19, 12)
    product = b.mul(x, b.adaptive_avg_pool2d(x, name="pool"), name="product")
    end = b.relu(b.conv2d(product, 10, 1, name="project"), name="end")
    last = b.add(b.conv2d(end, 10, 3, name="last", padding=1), end, name="sum")
    model = Model(randomize(b.finish(last)), threads=1)
    found = {layer.problem.op.name: layer for layer in layers_of("net", model, {"input": ONES}).values()}
    text = {name: make_row(layer, PEAK, {"any": np.ones(1)}).text for name, layer in found.items()}
    assert text["gated_conv2d"] == "1x1 19→10 at 12x11 relu"
    assert text["conv2d"] == "3x3 10→10 at 12x11 + residual"


def test_a_faster_rival_is_named():
    layer = next(iter(residual_layers()[1].values()))
    fast, slow = np.full(4, 0.5), np.full(4, 1.0)
    row = make_row(layer, PEAK, {"direct": slow, "quick": fast, "same": slow * 0.99})
    assert [(r.kernel, r.ratio, r.wins) for r in row.rivals] == [("quick", 0.5, True), ("same", 0.99, False)]
    assert row.peak_share == pytest.approx(layer.macs / 1e10)
    report = LayerReport([row], {1: PEAK})
    assert f"clearly faster than direct on {row.text}" in str(report)
    assert "same 0.99 (" not in str(report)
    (total,) = report.networks()
    assert (total["ms"], total["best_ms"]) == (1000.0 * row.count, 500.0 * row.count)


def test_each_call_finds_its_memory_fresh_and_hopeless_ones_are_dropped(monkeypatch):
    warm = {"a": [np.arange(18, dtype=np.float32), np.ones(0, np.float32)], "b": [np.ones(5, np.float32)]}
    heard: list[str] = []
    around, touch = Surroundings(1), Surroundings.touch

    def touched(arrays):
        heard.append(next(name.upper() for name in warm if warm[name] is arrays))
        touch(around, arrays)

    monkeypatch.setattr(around, "evict", lambda: heard.append("-"))
    monkeypatch.setattr(around, "touch", touched)
    monkeypatch.setattr("tinyinfer.bench.cold._seconds", lambda call: call())
    contest = Contest(
        {
            "a": Entrant(lambda: heard.append("a") or 1.0, warm["a"]),
            "b": Entrant(lambda: heard.append("b") or HOPELESS + 1, warm["b"]),
        }
    )
    for _ in range(TRIALS + 2):
        contest.play(around)
    assert {name: len(times) for name, times in contest.seconds.items()} == {"a": TRIALS + 2, "b": TRIALS}
    assert "".join(heard[:16]) == "a-Aa" + "b-Bb" + "b-Bb" + "a-Aa"
    np.testing.assert_array_equal(warm["a"][0], np.arange(18))


def test_workspace_outputs_and_inputs_are_what_is_fresh():
    for layer in residual_layers()[1].values():
        for kernel in layer.candidates():
            workspace, *others = layer.bind(kernel).warm
            assert workspace.size == kernel(layer.problem, kernel.pack(layer.problem.layer)).workspace_floats
            for array, place in zip(others, [*layer.outputs, *layer.inputs], strict=True):
                assert array is place.data


def test_kernels_that_disagree_are_not_timed(monkeypatch):
    monkeypatch.setattr("tinyinfer.bench.by_layer.Contest.play", lambda *_: pytest.fail("timed all the same"))
    monkeypatch.setattr("tinyinfer.bench.measure.TOLERANCE", -1.0)
    with pytest.raises(TinyInferError, match="conv2d on"):
        bench_layers(tiny_model(), rounds=1)


def test_wrong_arguments_are_refused():
    with pytest.raises(InputError, match="rounds"):
        bench_layers(tiny_model(), rounds=0)
    with pytest.raises(InputError, match="batch 1: input 'input'"):
        bench_layers(tiny_model(), input_shape=(1, 5, 8, 8))
