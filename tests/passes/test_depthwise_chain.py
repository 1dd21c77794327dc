"""Which layers around a depthwise convolution become one, and that the network stays the same."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import randomize, textbook

from tinyinfer import ops, passes
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.passes.machine import fuse_depthwise_chain as module
from tinyinfer.passes.machine.fuse_depthwise_chain import fuse_depthwise_chain

X = np.random.default_rng(1).standard_normal((2, 8, 17, 14)).astype(np.float32)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small maps are fused too."""
    monkeypatch.setattr(module, "WORTH", 0)


def network(
    expand: bool = True, project: bool = True, kernel: int = 3, stride: int = 1, residual: bool = False
) -> Graph:
    b = Builder()
    x = entry = b.input(8, 16)
    if expand:
        x = b.activation(b.conv2d(x, 24, 1, name="expand"), "relu6", name="a")
    wide = b.channels(x)
    x = b.conv2d(x, wide, kernel, name="middle", stride=stride, padding=kernel // 2, groups=wide)
    x = b.activation(x, "hardswish", name="b")
    if project:
        x = b.conv2d(x, 8, 1, name="project")
    if residual:
        x = b.add(x, entry, name="sum")
    return randomize(b.finish(x))


def fused(graph: Graph) -> Graph:
    lowered = passes.lower(graph)
    return fuse_depthwise_chain(lowered, lowered.infer_types({"input": X.shape}))


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("expand", "project"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("threads", [1, 2])
def test_chains_compute_the_same(expand: bool, project: bool, kernel: int, stride: int, threads: int) -> None:
    graph = network(expand, project, kernel, stride)
    assert kinds(fused(graph)) == ["depthwise_chain"]
    model = Model(graph, threads=threads)
    np.testing.assert_allclose(model(X), textbook(graph, X), rtol=2e-5, atol=2e-5)
    (step,) = [step for step in model.plan({"input": X.shape}).steps if step.node.op.name == "depthwise_chain"]
    assert step.kernel == "rolling_lines"


@pytest.mark.usefixtures("always")
def test_the_residual_comes_along() -> None:
    graph = network(residual=True)
    (chain,) = fused(graph).nodes
    assert chain.inputs == ("input", "input")
    assert chain.origin == ("expand", "a", "middle", "b", "project", "sum")
    np.testing.assert_allclose(Model(graph, threads=1)(X), textbook(graph, X), rtol=2e-5, atol=2e-5)


def test_small_maps_stay_as_they_are() -> None:
    assert kinds(fused(network())) == ["conv2d"] * 3


@pytest.mark.usefixtures("always")
def test_a_value_that_others_read_stays() -> None:
    graph = network()
    graph.outputs.append("a")
    assert kinds(fused(graph)) == ["conv2d", "depthwise_chain"]
    graph.outputs.append("b")
    assert kinds(fused(graph)) == ["conv2d"] * 3
    found = Model(graph, threads=1).run({"input": X})
    for name, expected in Model(graph, kernels="reference").run({"input": X}).items():
        np.testing.assert_allclose(found[name], expected, rtol=2e-5, atol=2e-5)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("attrs", [{"kernel": 9}, {"stride": 3}])
def test_what_no_kernel_does_is_not_fused(attrs: dict[str, int]) -> None:
    assert "depthwise_chain" not in kinds(fused(network(**attrs)))  # type: ignore[arg-type]


@pytest.mark.usefixtures("always")
def test_who_asks_for_a_kernel_sees_the_layers() -> None:
    model = Model(network(), threads=1, kernels="conv2d=im2col")
    assert [step.node.op.name for step in model.plan().steps][1:-1] == ["conv2d"] * 3


@pytest.mark.usefixtures("always")
def test_cost_is_the_layers() -> None:
    graph = network()
    lowered, chain = passes.lower(graph), fused(graph)
    types = lowered.infer_types({"input": X.shape})

    def macs(graph: Graph) -> int:
        return sum(
            node.op.macs([types[v] for v in node.inputs], graph.param_types(node), [types[v] for v in node.outputs])  # type: ignore[attr-defined]
            for node in graph.nodes
        )

    assert macs(chain) == macs(lowered) > 0


def test_an_operator_needs_two_layers() -> None:
    x, weight = np.ones((1, 4, 5, 5), np.float32), np.ones((4, 1, 3, 3), np.float32)
    with pytest.raises(ops.GraphError, match="a layer before or after"):
        ops.reference("depthwise_chain")(x, depthwise_weight=weight)
