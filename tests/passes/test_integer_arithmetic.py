"""Real numbers between codes as codes: what becomes one operator, and what stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.graph import Graph, Input, Node, Quant
from tinyinfer.model import Model
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes
from tinyinfer.passes.portable.integer_arithmetic.pipeline import in_integers

SCALE, ZERO = 0.05, 120


class Pieces:
    """A graph of real numbers between codes, built node by node; inputs are codes of one scale."""

    def __init__(self, *inputs: str, shape: tuple[int, ...] = (1, 4, 6, 5)) -> None:
        self.inputs = [Input(name, shape, shape, "uint8") for name in inputs]
        self.nodes: list[Node] = []
        self.weights: dict[str, np.ndarray] = {}
        self.codes: dict[str, Codes] = {}

    def add(self, name: str, op: str, *inputs: str, params: Mapping[str, str] | None = None, **attrs: Any) -> str:
        self.nodes.append(Node(name, ops.create(op, attrs), inputs, (name,), params or {}))
        return name

    def real(self, codes: str, scale: float = SCALE, zero_point: int = ZERO) -> str:
        return self.add(f"{codes}.real", "dequantize_linear", codes, scale=scale, zero_point=zero_point)

    def codes_of(self, value: str, name: str = "y", scale: float = SCALE, zero_point: int = ZERO) -> str:
        return self.add(name, "quantize_linear", value, scale=scale, zero_point=zero_point)

    def weight(self, key: str, array: np.ndarray, quant: Quant) -> str:
        zero = np.reshape(quant.zero_point, (-1, *[1] * (array.ndim - 1)))
        scale = np.reshape(quant.scale, (-1, *[1] * (array.ndim - 1)))
        if quant.axis == 1:
            zero, scale = zero.swapaxes(0, 1), scale.swapaxes(0, 1)
        self.weights[key] = ((array.astype(np.float32) - zero) * scale).astype(np.float32)
        self.codes[key] = Codes(key, array, quant)
        return key

    def finish(self, *outputs: str) -> tuple[Graph, Graph]:
        """The graph, and the same in integers; both compute the same codes, to within a step."""
        graph = Graph(self.inputs, self.nodes, list(outputs), self.weights)
        graph.verify()
        found = in_integers(graph, self.codes)
        found.verify()
        rng = np.random.default_rng(0)
        x = {i.name: rng.integers(0, 256, i.nominal, np.uint8) for i in graph.inputs}
        before, after = (Model(g, kernels="reference").run(x) for g in (graph, found))
        for name in outputs:
            assert before[name].dtype == after[name].dtype
            step = 1 if before[name].dtype.kind in "iu" else 1e-4
            assert np.abs(before[name].astype(np.float64) - after[name]).max() <= step
        return graph, found


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.topological_order()]


def random_weight(*shape: int, dtype: str = "int8") -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(1).integers(max(limits.min, -127), limits.max, shape, dtype, endpoint=True)


def test_codes_that_are_made_again_are_those_before() -> None:
    g = Pieces("x")
    once = g.codes_of(g.add("act", "relu", g.real("x")), "once")
    again = g.codes_of(g.real(once), "again")
    _, found = g.finish(g.codes_of(g.add("end", "sigmoid", g.real(again)), "y"))
    assert kinds(found) == ["lookup", "lookup"]


def test_an_output_keeps_its_name() -> None:
    g = Pieces("x")
    _, found = g.finish(g.codes_of(g.real("x")))
    assert kinds(found) == ["identity"]


def test_functions_in_a_row_are_one_table() -> None:
    g = Pieces("x")
    value = g.real("x")
    for name in ("neg", "sigmoid", "sqrt", "clamp"):
        value = g.add(name, name, value, **({"min": 0.2, "max": 0.9} if name == "clamp" else {}))
    _, found = g.finish(g.codes_of(value, scale=1 / 255, zero_point=0))
    assert kinds(found) == ["lookup"]


def test_a_function_whose_real_values_are_read_stays() -> None:
    g = Pieces("x")
    act = g.add("act", "sigmoid", g.real("x"))
    _, found = g.finish(g.codes_of(act, scale=1 / 255, zero_point=0), act)
    assert kinds(found) == ["dequantize_linear", "sigmoid", "quantize_linear"]


def test_layers_share_weights_as_before() -> None:
    g = Pieces("x")
    key = g.weight("w", random_weight(4, 4, 1, 1), Quant((0.01,) * 4, (0,), 0))
    value = "x"
    for i in range(2):
        conv = g.add(f"conv{i}", "conv2d", g.real(value), params={"weight": key})
        value = g.codes_of(conv, f"codes{i}")
    _, found = g.finish(value)
    assert kinds(found) == ["quantized_conv2d"] * 2
    assert len({node.params["weight"] for node in found.nodes}) == 1
    assert sum(array.size for array in found.weights.values() if array.dtype == np.int8) == 16


@pytest.mark.parametrize(
    ("weight", "quant"),
    [
        (random_weight(4, 4, 1, 1), Quant((0.01,) * 4, (0, 1, 2, 3), 0)),
        (random_weight(4, 4, 1, 1), Quant((0.01, 0.02, 0.03, 0.04), (0,), 1)),
    ],
)
def test_weights_that_layers_of_codes_cannot_take_stay_real(weight: np.ndarray, quant: Quant) -> None:
    """Of several zero points, or with scales along another dimension."""
    g = Pieces("x")
    params = {"weight": g.weight("w", weight, quant)}
    _, found = g.finish(g.codes_of(g.add("conv", "conv2d", g.real("x"), params=params)))
    assert kinds(found) == ["dequantize_linear", "conv2d", "quantize_linear"]


@pytest.mark.parametrize(
    ("weight", "zero", "dtype", "left"),
    [
        (np.int8([-128, 5, 127, 0]), 0, np.uint8, 128),
        (np.uint8([1, 255, 128, 0]), 128, np.uint8, 128),
        (np.uint8([1, 255, 128, 9]), 128, np.int8, 0),
        (np.uint8([0, 0, 100, 200]), 100, np.int8, 0),
        (np.int8([-127, 0, 127, 3]), 0, np.int8, 0),
    ],
)
def test_zero_points_of_weights_go_where_they_can(weight: np.ndarray, zero: int, dtype: type, left: int) -> None:
    g = Pieces("x", shape=(3, 4))
    params = {"weight": g.weight("w", weight.reshape(1, 4), Quant((0.02,), (zero,)))}
    _, found = g.finish(g.codes_of(g.add("fc", "linear", g.real("x"), params=params)))
    (node,) = found.nodes
    assert node.op.weight_zero_point == left  # type: ignore[attr-defined]
    assert found.weights[node.params["weight"]].dtype == dtype


@pytest.mark.parametrize("bias", [np.float32([0.3, -2, 0, 1e-9]), np.float32([1e9, 0, 0, 0])])
def test_a_real_bias_is_rounded_to_the_units_of_the_sums(bias: np.ndarray) -> None:
    """Where 32 bits hold it."""
    g = Pieces("x")
    g.weights["b"] = bias
    params = {"weight": g.weight("w", random_weight(4, 4, 1, 1), Quant((0.01,), (0,))), "bias": "b"}
    _, found = g.finish(g.codes_of(g.add("conv", "conv2d", g.real("x"), params=params)))
    fits = bias.max() < 1e6
    assert kinds(found) == (["quantized_conv2d"] if fits else ["dequantize_linear", "conv2d", "quantize_linear"])


def test_views_and_moves_are_those_of_codes() -> None:
    g = Pieces("a", "b")
    joined = g.add("joined", "concat", g.real("a"), g.real("b"), dim=1)
    padded = g.add("padded", "pad", joined, pad=(1, 1, 0, 2))
    turned = g.add("turned", "permute", padded, dims=(0, 2, 3, 1))
    _, found = g.finish(g.codes_of(g.add("row", "flatten", turned, start_dim=1)))
    assert kinds(found) == ["concat", "pad", "permute", "flatten", "identity"]
    assert next(node.op.value for node in found.nodes if node.op.name == "pad") == ZERO  # type: ignore[attr-defined]


def test_values_are_rounded_before_they_are_moved() -> None:
    g = Pieces("x")
    params = {"weight": g.weight("w", random_weight(4, 4, 1, 1), Quant((0.01,), (0,)))}
    conv = g.add("conv", "conv2d", g.real("x"), params=params)
    _, found = g.finish(g.codes_of(g.add("row", "flatten", g.add("act", "relu", conv), start_dim=1)))
    assert kinds(found) == ["quantized_conv2d", "flatten"]


def test_sums_of_real_numbers_and_codes_stay() -> None:
    g = Pieces("x")
    soft = g.add("soft", "softmax", g.real("x"), dim=1)
    _, found = g.finish(g.codes_of(g.add("sum", "add", soft, "x.real")))
    assert kinds(found) == ["dequantize_linear", "softmax", "add", "quantize_linear"]


def test_a_network_without_codes_is_left_alone() -> None:
    graph = Graph([Input("x", (3,), (3,))], [Node("y", ops.create("relu", {}), ("x",), ("y",))], ["y"])
    assert in_integers(graph, {}) is graph
