"""The graph that a plan runs: everything that is read is written, by the steps that did so."""

from __future__ import annotations

import pytest

from tinyinfer import models
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.profiling.executed import BORDERS, executed_graph


def reads(graph: Graph) -> dict[str, tuple[str, ...]]:
    """By node, the nodes that it reads."""
    made_by = {value: node.name for node in graph.nodes for value in node.outputs}
    return {node.name: tuple(made_by.get(value, value) for value in node.inputs) for node in graph.topological_order()}


def test_a_concat_and_a_flatten_that_no_step_does_come_back_or_are_looked_through() -> None:
    b = Builder()
    x = b.input(3, 8)
    left, right = b.conv2d(x, 4, 1, name="left"), b.conv2d(x, 4, 1, name="right")
    joined = b.concat(left, right, name="joined")
    y = b.conv2d(joined, 4, 1, name="y")
    pooled = b.adaptive_avg_pool2d(y, (1, 1), name="pooled")
    graph = b.finish(b.linear(b.flatten(pooled, name="flat"), 2, name="fc"))
    plan = Model(graph, threads=1).plan()
    assert "joined" not in [step.node.name for step in plan.steps]
    found = reads(executed_graph(plan))
    assert found["joined"] == ("left", "right")
    assert found["y"] == ("joined",)
    assert found["fc"] == ("pooled",)
    assert "flat" not in found


@pytest.mark.parametrize("name", ["shufflenet_v2_cifar", "densenet_cifar", "squeezenet_cifar"])
def test_every_step_is_in_it_once(name) -> None:
    plan = Model(models.create(name).graph, threads=1).plan()
    graph = executed_graph(plan)
    steps = [step.node.name for step in plan.steps if step.node.op.name not in BORDERS]
    names = [node.name for node in graph.topological_order()]  # which raises for what nothing writes
    assert len(names) == len(set(names))
    assert set(steps) <= set(names)
    assert {node.op.name for node in graph.nodes if node.name not in steps} <= {"concat"}
    assert all(len(node.inputs) <= 3 for node in graph.nodes)  # a dense layer reads one join and not all before
