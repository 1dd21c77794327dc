"""Steps from codes to codes as one table: the same codes as the steps one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from quantized_networks import CodeGraph

from tinyinfer.graph import Graph, Quant, TensorType
from tinyinfer.model import Model
from tinyinfer.passes.machine.join_lookups import join_lookups

STEP = float(np.float32(0.05))
CODES = np.arange(256, dtype=np.uint8).reshape(2, 128)


def start(dtype: str = "uint8", zero: int = 100) -> CodeGraph:
    return CodeGraph(TensorType((2, 128), dtype, Quant(STEP, zero)))


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check(graph: Graph, x: np.ndarray = CODES) -> list[str]:
    """Assert that the joined graph gives the same; returns its operators."""
    joined = join_lookups(graph)
    joined.verify()
    before, after = (Model(g, kernels="reference").run({"x": x}) for g in (graph, joined))
    for name, y in before.items():
        assert after[name].dtype == y.dtype
        np.testing.assert_array_equal(after[name], y)
    return kinds(joined)


@pytest.mark.parametrize("activation", [None, "relu", "hardswish", "sigmoid", "tanh", "gelu"])
@pytest.mark.parametrize("to", ["uint8", "int8"])
def test_real_numbers_and_back(activation: str | None, to: str) -> None:
    g = start()
    y = g.add("real", "dequantize_linear", "x", scale=STEP, zero_point=100)
    y = g.add("act", activation, y) if activation else y
    g.add("codes", "quantize_linear", y, scale=0.03, zero_point=3, dtype=to)
    assert check(g.finish("codes")) == ["lookup"]


def test_signed_codes_and_clamps() -> None:
    g = start("int8", -7)
    y = g.add("real", "dequantize_linear", "x", scale=STEP, zero_point=-7)
    y = g.add("between", "clamp", y, min=-1.0, max=2.0)
    g.add("codes", "quantize_linear", y, scale=0.02, zero_point=50)
    assert check(g.finish("codes"), CODES.view(np.int8)) == ["lookup"]


def test_what_leaves_codes_as_they_are_goes() -> None:
    """Also where the graph's output has to stay a value of its own."""
    g = start()
    g.add("real", "dequantize_linear", "x", scale=STEP, zero_point=100)
    g.add("again", "quantize_linear", "real", scale=STEP, zero_point=100)
    turned = g.add("turned", "permute", "again", dims=(1, 0))
    assert check(g.finish(turned)) == ["permute"]
    assert check(g.finish("again")) == ["lookup"]


def test_lookups_in_a_row_are_one() -> None:
    g = start()
    g.add("first", "lookup", "x", params={"table": np.arange(255, -1, -1).astype(np.int8)}, scale=0.1, zero_point=-3)
    g.add("second", "lookup", "first", params={"table": (np.arange(256) // 3).astype(np.uint8)}, scale=0.2)
    g.add("real", "dequantize_linear", "second", scale=0.2)
    g.add("third", "quantize_linear", "real", scale=0.4, zero_point=1)
    assert check(g.finish("third")) == ["lookup"]
    assert sorted(check(g.finish("third", "second"))) == ["lookup", "lookup"]


def test_other_readers_keep_what_they_read() -> None:
    g = start()
    g.add("real", "dequantize_linear", "x", scale=STEP, zero_point=100)
    g.add("codes", "quantize_linear", "real", scale=0.1)
    g.add("sum", "add", "real", "real")
    assert sorted(check(g.finish("codes", "sum"))) == ["add", "dequantize_linear", "lookup"]


def test_what_is_no_function_of_single_codes_stays() -> None:
    """Scales along a dimension, sums of 32 bits, numbers of a neighbour."""
    g = CodeGraph(TensorType((2, 128), "uint8"))
    g.add("real", "dequantize_linear", "x", scale=(0.1, 0.2), axis=0)
    g.add("codes", "quantize_linear", "real", scale=0.1)
    assert check(g.finish("codes")) == ["dequantize_linear", "quantize_linear"]
    g = CodeGraph(TensorType((2, 128), "int32"))
    g.add("real", "dequantize_linear", "x", scale=0.001)
    g.add("codes", "quantize_linear", "real", scale=0.1)
    assert check(g.finish("codes"), CODES.astype(np.int32)) == ["dequantize_linear", "quantize_linear"]
    g = start()
    g.add("real", "dequantize_linear", "x", scale=STEP, zero_point=100)
    g.add("share", "softmax", "real", dim=1)
    g.add("codes", "quantize_linear", "share", scale=1 / 256)
    assert check(g.finish("codes")) == ["dequantize_linear", "softmax", "quantize_linear"]
