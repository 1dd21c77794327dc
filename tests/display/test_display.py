"""What Jupyter and print show of a model and its parts: short, complete, and safe whatever nodes are called."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.display.models import accuracies
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model
from tinyinfer.models.registry import build
from tinyinfer.ops.activation.activation import Relu
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.html import LONGEST_BAR
from tinyinfer.showing import to_html, to_page, to_text

HOSTILE = '<script>alert("1")</script>'
LONGEST = 2500  # characters that anything prints, unless it is asked for every step


@pytest.fixture(scope="module")
def small() -> Model:
    model = ti.models.create("resnet20")
    return Model(model.graph, model.meta | {"accuracy": {"dataset": "CIFAR-10 test", "top1": 0.9234}}, threads=1)


@pytest.mark.parametrize("name", ["densenet121", "mobilenet_v2"])
def test_a_graph_prints_a_line_or_a_row_a_block(name):
    graph = build(name)
    assert len(repr(graph)) < 120
    lines = str(graph).splitlines()
    assert len(str(graph)) < LONGEST
    assert lines[0].startswith(f"Graph of {len(graph.nodes)} nodes; inputs: input ?x3x?x?; outputs: ")
    assert any("x 6" in line and "denselayer1-6" in line for line in lines) == (name == "densenet121")


def test_a_plan_prints_a_line_or_its_steps(small):
    plan = small.plan()
    assert repr(plan) == f"<Plan: {len(plan.steps)} steps, arena of {plan.arena_bytes / 1e6:.2f} MB, 1 thread>"
    assert all(any(line.startswith(step.node.name) for line in str(plan).splitlines()) for step in plan.steps)


def test_a_node_prints_a_line(small):
    assert repr(small.graph.node("layer1.0.add")) == "<Node layer1.0.add: add(layer1.0.bn2, relu)>"


def test_html_of_a_model_has_parameters_mult_adds_and_accuracy(small):
    html = small._repr_html_()
    counted = small.cost()
    for fact in (f"{counted.params / 1e6:.2f} M", f"{counted.macs / 1e6:.2f} M", "92.3%", "top-1 on CIFAR-10 test"):
        assert f">{fact}<" in html
    assert "<svg" in html


def test_drawings_say_what_they_are(small):
    assert 'role="img" aria-label="Drawing of resnet20: 9 blocks' in to_html(small)
    assert 'aria-label="Drawing of a network: 9 blocks' in to_html(small.graph)
    plan = small.plan()
    assert f"<title>An arena of {plan.arena_bytes / 1e6:.2f} MB: {len(plan.lifetimes)} buffers" in to_html(plan)


def test_accuracies_are_measured_ones_else_published_ones():
    assert list(accuracies({"accuracy": {"top1": 0.5}, "published": {"top1": 70.0}})) == [("50.0%", "top-1")]
    assert list(accuracies({"published": {"miou": 66.3}})) == [("66.3%", "mean IoU as published")]
    assert list(accuracies({"accuracy": "good", "published": None})) == []


def test_html_of_a_cost_adds_up_by_block(small):
    counted = cost(build("mobilenet_v2"))
    blocks = counted.by_block()
    assert sum(row.macs for row in blocks) == counted.macs
    assert sum(row.params for row in blocks) == counted.params
    assert sum(row.memory_access for row in blocks) == counted.memory_access
    html = counted._repr_html_()
    assert html.count("<tr>") == len(blocks) + len(counted.rows) + 4  # headings and totals of both tables
    assert "features.8-10" in html
    assert max(map(float, re.findall(r'"width: ([\d.]+)px"', html))) == LONGEST_BAR


def test_html_of_a_plan_shows_every_buffer(small):
    plan = small.plan()
    html = plan._repr_html_()
    assert html.count("<g><title>") == len(plan.lifetimes)


def test_html_of_a_profile_says_what_the_time_is_spent_on(small):
    html = small.profile(np.zeros((1, 3, 32, 32), np.float32), repeats=2, warmup=0)._repr_html_()
    assert re.search(r"\d+ % of the time is 3x3 convolutions", html)
    assert "first run" in html


def test_names_are_text_everywhere():
    graph = Graph([Input("x", (1, 2), (1, 2))], [Node(HOSTILE, Relu(), ("x",), (HOSTILE,))], [HOSTILE])
    model = Model(graph, {"name": HOSTILE}, threads=1, kernels="reference")
    for thing in (graph, graph.nodes[0], model, model.cost(), model.plan(), model.profile(repeats=1, warmup=0)):
        html = thing._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_an_unfinished_graph_says_what_is_wrong_with_it():
    graph = Graph([Input("x", (1, 2), (1, 2))], [Node("a", Relu(), ("b",), ("a",))], ["a"])
    with pytest.raises(GraphError):
        graph.infer_types()
    assert "which no node or input defines" in graph._repr_html_()
    assert "which no node or input defines" in str(graph)


@pytest.mark.parametrize("show", [to_html, to_text, to_page])
def test_what_nothing_shows_is_refused(show):
    with pytest.raises(TypeError, match="found int"):
        show(3)


class Printer:
    """What IPython hands to `_repr_pretty_`."""

    def __init__(self) -> None:
        self.shown = ""

    def text(self, text: str) -> None:
        self.shown += text


def test_a_report_prints_a_line_and_its_table_stands_beside_the_html(small):
    counted = small.cost()
    assert repr(counted) == f"<Cost: {counted.table().title}>"
    assert len(repr(small.profile(repeats=1))) < 120
    counted._repr_pretty_(printer := Printer(), cycle=False)
    assert printer.shown == str(counted)
    assert all(any(line.startswith(row.name) for line in printer.shown.splitlines()) for row in counted.rows)
