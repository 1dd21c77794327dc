"""Which gates go into the weights of the layer behind them, and that the network stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.machine.fuse_gate import fuse_gate

X = np.random.default_rng(1).standard_normal((2, 19, 12, 11)).astype(np.float32)


def network(
    filters: int = 10, residual: bool = False, activation: str | None = None, swap: bool = False, **conv: int
) -> Graph:
    """A gate made of the map that it multiplies, and a convolution behind them."""
    b = Builder()
    x = b.input(19, 12)
    gate = b.activation(b.conv2d(b.adaptive_avg_pool2d(x, name="pool"), 19, 1, name="squeeze"), "sigmoid", name="gate")
    product = b.mul(gate, x, name="product") if swap else b.mul(x, gate, name="product")
    y = b.conv2d(product, filters, conv.pop("kernel", 1), name="project", **conv)
    if residual:
        y = b.add(y, b.conv2d(x, filters, 3, name="other", padding=1), name="sum")
    if activation:
        y = b.activation(y, activation, name="epilogue")
    return randomize(b.finish(y))


def fused(graph: Graph, threads: int = 1, x: np.ndarray = X) -> Graph:
    lowered = passes.lower(graph)
    return fuse_gate(lowered, lowered.infer_types({"input": x.shape}), threads)


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(("activation", "swap"), [(None, False), ("relu", True), ("hardswish", False)])
def test_gated_layers_compute_the_same(residual: bool, activation: str | None, swap: bool, threads: int) -> None:
    graph = network(residual=residual, activation=activation, swap=swap)
    assert {"gated_conv2d"} <= {*kinds(fused(graph, threads))} <= {"adaptive_avg_pool2d", "conv2d", "gated_conv2d"}
    model = Model(graph, threads=threads)
    np.testing.assert_allclose(model(X), textbook(graph, X), rtol=2e-5, atol=2e-5)
    (step,) = [step for step in model.plan({"input": X.shape}).steps if step.node.op.name == "gated_conv2d"]
    assert step.kernel == "scaled_weights"


def test_the_layer_keeps_its_name_and_takes_over_the_gates() -> None:
    node = fused(network(residual=True, activation="relu", swap=True)).node("project")
    assert node.inputs == ("input", "gate", "other")
    assert node.origin == ("product", "project", "sum", "epilogue")
    assert node.outputs == ("epilogue",)


@pytest.mark.parametrize("attrs", [{"kernel": 3}, {"stride": 2}, {"padding": 1}])
def test_other_convolutions_stay(attrs: dict[str, int]) -> None:
    assert "mul" in kinds(fused(network(**attrs)))  # type: ignore[arg-type]


def test_a_product_that_others_read_stays() -> None:
    graph = network()
    graph.outputs.append("product")
    assert "mul" in kinds(fused(graph))
    found = Model(graph, threads=1).run({"input": X})
    for name, expected in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-5)
    b = Builder()
    x = b.input(19, 12)
    product = b.mul(x, b.adaptive_avg_pool2d(x, name="pool"), name="product")
    both = b.concat(b.conv2d(product, 4, 1, name="one"), b.conv2d(product, 4, 3, name="two", padding=1), name="both")
    assert "mul" in kinds(fused(randomize(b.finish(both))))


def test_a_product_that_is_added_stays() -> None:
    b = Builder()
    x = b.input(19, 12)
    product = b.mul(x, b.adaptive_avg_pool2d(x, name="pool"), name="product")
    graph = randomize(b.finish(b.add(b.conv2d(x, 19, 1, name="project"), product, name="sum")))
    assert "mul" in kinds(fused(graph))
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-5)


def test_a_product_of_maps_stays() -> None:
    b = Builder()
    x = b.input(19, 12)
    product = b.mul(x, b.conv2d(x, 19, 3, name="other", padding=1), name="product")
    assert "mul" in kinds(fused(randomize(b.finish(b.conv2d(product, 10, 1, name="project")))))


def test_many_filters_on_a_small_map_are_not_worth_it() -> None:
    graph = network(filters=60)
    assert "mul" not in kinds(fused(graph))
    assert "mul" in kinds(fused(graph, threads=2, x=X[:1]))  # each thread would scale all filters
    assert "mul" not in kinds(fused(graph, threads=2))  # but here each has an image
    assert "mul" in kinds(fused(network(filters=100)))


def test_who_asks_for_a_kernel_sees_the_layers() -> None:
    model = Model(network(), threads=1, kernels="conv2d=im2col")
    assert "mul" in [step.node.op.name for step in model.plan({"input": X.shape}).steps]


def test_cost_is_the_layers() -> None:
    graph = network(residual=True)
    lowered = passes.lower(graph)
    types = lowered.infer_types({"input": X.shape})

    def macs(graph: Graph) -> int:
        return sum(
            node.op.macs([types[v] for v in node.inputs], graph.param_types(node), [types[v] for v in node.outputs])  # type: ignore[attr-defined]
            for node in graph.nodes
        )

    assert macs(fused(graph)) == macs(lowered) > 0
