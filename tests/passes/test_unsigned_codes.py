"""int8 codes as uint8 inside plans: the same numbers, whatever stands for them."""

from __future__ import annotations

import numpy as np
import pytest
from quantized_networks import CodeGraph, mobile_network, one_code_operator, shuffle_network, signed_case

from tinyinfer import ops
from tinyinfer.graph import Graph, Node, Quant, TensorType
from tinyinfer.model import Model
from tinyinfer.ops.base import Case
from tinyinfer.passes.machine.unsigned_codes import unsigned_codes
from tinyinfer.runtime.inputs import random_inputs

NAMES = (
    *("quantized_conv2d", "quantized_linear", "quantized_add", "quantized_sub", "quantized_mul", "lookup"),
    *("quantized_avg_pool2d", "quantized_adaptive_avg_pool2d", "quantized_conv_transpose2d", "quantized_prelu"),
)
CASES = [(name, case) for name in NAMES for case in ops.get(name).cases()]


def run(graph: Graph) -> dict[str, np.ndarray]:
    """The network by its references."""
    rng = np.random.default_rng(1)
    given = {}
    for i in graph.inputs:
        limits = np.iinfo(i.dtype) if i.dtype != "float32" else None
        x = rng.standard_normal(i.nominal) if limits is None else rng.integers(limits.min, limits.max + 1, i.nominal)
        given[i.name] = x.astype(i.dtype)
    return Model(graph, kernels="reference").run(given)


def check(graph: Graph) -> Graph:
    """Assert that the pass changes no result, and leaves int8 at the face alone; returns what it made."""
    made = unsigned_codes(graph)
    before, after = run(graph), run(made)
    for name, y in before.items():
        assert after[name].dtype == y.dtype
        np.testing.assert_array_equal(after[name], y)
    types = made.verify()
    face = {i.name for i in made.inputs} | {*made.outputs}
    assert {name for name, t in types.items() if t.dtype == "int8"} <= face
    return made


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_quantised_operator(name: str, case: Case, rng: np.random.Generator) -> None:
    check(one_code_operator(name, case, rng))
    if "uint8" in case.dtypes and name != "lookup":
        signed = one_code_operator(name, signed_case(case), rng)
        made = check(signed)
        assert any(t.dtype == "uint8" for t in made.verify().values())


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("network", [mobile_network, shuffle_network])
def test_networks(network, dtype: str) -> None:
    graph = network(dtype)
    made = check(graph)
    lookups = [node for node in made.nodes if node.op.name == "lookup"]
    at_the_face = sum(graph.verify()[v].dtype == "int8" for v in (*graph.outputs, *(i.name for i in graph.inputs)))
    assert len(lookups) == at_the_face


def test_other_operators_keep_what_they_read() -> None:
    """Comparisons know nothing of zero points; constants of codes become codes of the new kind."""
    g = CodeGraph(TensorType((2, 8), "int8", Quant(0.5, 3)))
    g.add("fixed", "constant", params={"value": np.arange(-8, 0, dtype=np.int8)[None]}, scale=0.25, zero_point=-5)
    both = {"a_scale": 0.5, "a_zero_point": 3, "b_scale": 0.25, "b_zero_point": -5, "scale": 0.5, "dtype": "int8"}
    total = g.add("total", "quantized_add", "x", "fixed", **both)
    turned = g.add("turned", "permute", total, dims=(1, 0))
    most = g.add("most", "argmax", turned, dim=0)
    small = g.add("small", "lt", "x", "fixed")
    graph = g.finish(total, most, small)
    made = unsigned_codes(graph)
    before, after = run(graph), run(made)
    for name, y in before.items():
        np.testing.assert_array_equal(after[name], y)
    kinds = {node.name: [made.verify()[value].dtype for value in node.inputs] for node in made.nodes}
    assert kinds["total"] == ["uint8", "uint8"]
    assert kinds["turned"] == ["uint8"]
    assert kinds["small"] == ["int8", "int8"]
    assert sum(node.op.name == "constant" for node in made.nodes) == 2


def test_networks_without_codes_are_left_alone() -> None:
    g = CodeGraph(TensorType((2, 8), "int8"))
    graph = g.finish(g.add("y", "permute", "x", dims=(1, 0)))
    assert [node.op.name for node in unsigned_codes(graph).nodes] == ["permute"]
    assert isinstance(graph.nodes[0], Node)
    assert random_inputs(graph, {"x": (2, 8)})["x"].dtype == np.int8
