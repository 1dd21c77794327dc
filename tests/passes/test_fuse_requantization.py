"""Which nodes become part of the layer before them, and that nothing differs then."""

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
        layer = {"b_scale": 0.11, "b_zero_point": 110} | {k: v for k, v in attrs.items() if k.startswith("b_")}
        scales |= {"a_scale": 0.02, "a_zero_point": 121, **layer}
    return g.finish(g.add("sum", "quantized_add", a, b, **{"zero_point": 100, **scales}))


@pytest.mark.parametrize("operands", [("layer", "x"), ("x", "layer")])
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("scale", [0.11, 0.02, 0.3])
def test_sums_are_residuals(operands: tuple[str, str], activation: str | None, scale: float) -> None:
    """The residual is added to the layer's codes, clipped and rounded as they were."""
    read = {"a_scale": scale} if operands[0] == "layer" else {"b_scale": scale}
    graph = sum_of(start(scale=scale), *operands, activation=activation, **read)
    fused = fuse_requantization(graph)
    assert kinds(fused) == ["quantized_conv2d"]
    np.testing.assert_array_equal(run(graph)["sum"], run(fused)["sum"])


@pytest.mark.parametrize("attrs", [{"activation": "relu"}, {"residual_scale": 0.1}])
def test_sums_that_are_no_residuals(attrs: dict[str, Any]) -> None:
    """Of layers that are bounded or that have a residual."""
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
