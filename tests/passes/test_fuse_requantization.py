"""Which codes between two nodes are spared, and what may differ then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quantized_networks import CodeGraph

from tinyinfer.graph import Graph, TensorType
from tinyinfer.model import Model
from tinyinfer.passes.machine.fuse_requantization import fuse_requantization

SCALES = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.11, "zero_point": 110}


def start(**attrs: Any) -> CodeGraph:
    """A 1x1 layer on 5 channels."""
    g = CodeGraph(TensorType((2, 5, 6, 7), "uint8"))
    params = {"weight": (5, 5, 1, 1), "weight_scale": (5,), "bias": (5,)}
    g.add("layer", "quantized_conv2d", "x", params=params, **(SCALES | attrs))
    return g


def run(graph: Graph) -> dict[str, np.ndarray]:
    x = np.random.default_rng(3).integers(0, 256, (2, 5, 6, 7), np.uint8)
    return Model(graph, kernels="reference").run({"x": x})


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def test_results_stay_real_numbers() -> None:
    """Half a step away from the codes at most, where these are not the first or the last."""
    g = start()
    graph = g.finish(g.add("real", "dequantize_linear", "layer", scale=0.11, zero_point=110))
    fused = fuse_requantization(graph)
    assert kinds(fused) == ["quantized_conv2d"]
    assert fused.nodes[0].originals == ("layer", "real")
    before, after = run(graph)["real"], run(fused)["real"]
    inside = (before > before.min()) & (before < before.max())
    assert np.abs(before - after)[inside].max() <= 0.11 * 0.501
    assert np.abs(before - after).max() > 0


@pytest.mark.parametrize("attrs", [{"zero_point": 0}, {"zero_point": 255}, {"activation": "relu6"}])
def test_bounds_on_codes_are_kept(attrs: dict[str, Any]) -> None:
    """Codes that begin at 0 may be a ReLU."""
    g = start(**attrs)
    zero = attrs.get("zero_point", 110)
    graph = g.finish(g.add("real", "dequantize_linear", "layer", scale=0.11, zero_point=zero))
    assert kinds(fuse_requantization(graph)) == ["quantized_conv2d", "dequantize_linear"]


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_bounds_of_a_lookup_become_those_of_the_layer(activation: str) -> None:
    g = start()
    top = {"relu": 255, "relu6": 110 + round(6 / 0.11)}[activation]
    table = np.clip(np.arange(256), 110, top).astype(np.uint8)
    graph = g.finish(g.add("act", "lookup", "layer", params={"table": table}, scale=0.11, zero_point=110))
    fused = fuse_requantization(graph)
    assert fused.nodes[0].op.activation == activation  # type: ignore[attr-defined]
    np.testing.assert_array_equal(run(graph)["act"], run(fused)["act"])


def test_other_lookups_stay() -> None:
    g = start()
    table = np.clip(np.arange(256), 110, 200).astype(np.uint8)
    graph = g.finish(g.add("act", "lookup", "layer", params={"table": table}, scale=0.11, zero_point=110))
    assert kinds(fuse_requantization(graph)) == ["quantized_conv2d", "lookup"]


def sum_of(g: CodeGraph, a: str, b: str, **attrs: Any) -> Graph:
    scales = {"a_scale": 0.11, "a_zero_point": 110, "b_scale": 0.02, "b_zero_point": 121, "scale": 0.12, **attrs}
    if a == "x":
        scales |= {"a_scale": 0.02, "a_zero_point": 121, "b_scale": 0.11, "b_zero_point": 110}
    return g.finish(g.add("sum", "quantized_add", a, b, **{"zero_point": 100, **scales}))


@pytest.mark.parametrize("operands", [("layer", "x"), ("x", "layer")])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_sums_are_residuals(operands: tuple[str, str], activation: str | None) -> None:
    """A rounding less: by one code at most, where the codes between were not the first or the last."""
    graph = sum_of(start(), *operands, activation=activation)
    fused = fuse_requantization(graph)
    assert kinds(fused) == ["quantized_conv2d"]
    layer = run(Graph(graph.inputs, graph.nodes, ["layer", "sum"], graph.weights))["layer"]
    inside = (layer > 0) & (layer < 255)
    difference = np.abs(run(graph)["sum"].astype(int) - run(fused)["sum"])
    assert difference[inside].max() == 1


@pytest.mark.parametrize("attrs", [{"activation": "relu"}, {"zero_point": 0}, {"residual_scale": 0.1}, {"scale": 0.3}])
def test_sums_that_are_no_residuals(attrs: dict[str, Any]) -> None:
    """Of layers that are bounded, that have a residual, or whose codes are coarser than those of the sum."""
    g = start(**attrs)
    if "residual_scale" in attrs:
        g.nodes[0] = g.nodes[0].replace(inputs=("x", "x"), op=g.nodes[0].op)
        g.nodes[0].op.normalize(residual_scale=0.02, residual_zero_point=121)  # type: ignore[attr-defined]
    scales = {"a_scale": attrs.get("scale", 0.11), "a_zero_point": attrs.get("zero_point", 110)}
    assert kinds(fuse_requantization(sum_of(g, "layer", "x", **scales))) == ["quantized_conv2d", "quantized_add"]


def test_codes_that_others_read_stay() -> None:
    g = start()
    graph = sum_of(g, "layer", "x")
    graph.outputs = ["sum", "layer"]
    assert kinds(fuse_requantization(graph)) == ["quantized_conv2d", "quantized_add"]
