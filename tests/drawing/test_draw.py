"""The drawing: every node on a card, cards apart, edges that end where cards are."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.builder import Builder
from tinyinfer.drawing.draw import WIDTH as WIDE
from tinyinfer.drawing.draw import draw
from tinyinfer.drawing.graph_layout import lay_out, split
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.models.registry import build
from tinyinfer.ops.activation.activation import Relu

WIDTH, GAP, LANE = 100.0, 10.0, 8.0


@st.composite
def networks(draw_from):
    """Node count and edges of a network in topological order in which every node but the first is reached."""
    count = draw_from(st.integers(1, 14))
    edges = [(draw_from(st.integers(0, b - 1)), b) for b in range(1, count)]
    for b in range(2, count):
        if draw_from(st.booleans()):
            edges.append((draw_from(st.integers(0, b - 1)), b))
    return count, edges


@given(networks())
def test_nothing_overlaps(network):
    count, edges = network
    layout = lay_out(count, edges, WIDTH, GAP, LANE)
    rows: dict[int, list[tuple[float, float]]] = {}
    for x, layer in zip(layout.x, layout.layer, strict=True):
        rows.setdefault(layer, []).append((x, WIDTH))
    for (a, b), passed in layout.passes.items():
        assert layout.layer[b] - layout.layer[a] == len(passed) + 1
        for layer, x in enumerate(passed, layout.layer[a] + 1):
            rows.setdefault(layer, []).append((x, LANE))
    for row in rows.values():
        row.sort()
        for (x0, w0), (x1, w1) in itertools.pairwise(row):
            assert x1 - x0 >= (w0 + w1) / 2 + GAP - 1e-6


@given(networks(), st.integers(1, 5))
def test_columns_start_where_one_card_hands_over(network, columns):
    count, edges = network
    layout = lay_out(count, edges, WIDTH, GAP, LANE)
    for start in split(layout, columns)[1:]:
        assert layout.layer.count(start - 1) == 1
        for a, b in layout.passes:
            assert not layout.layer[a] < start - 1 < layout.layer[b]


def test_a_chain_is_straight_and_a_skip_passes_beside_it():
    layout = lay_out(5, [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)], WIDTH, GAP, LANE)
    assert max(layout.x) - min(layout.x) < 1
    assert all(x > layout.x[1] + WIDTH / 2 for x in layout.passes[0, 3])


def test_two_branches_are_symmetric():
    layout = lay_out(4, [(0, 1), (0, 2), (1, 3), (2, 3)], WIDTH, GAP, LANE)
    assert layout.x[0] == pytest.approx(layout.x[3], abs=0.5)
    assert (layout.x[1] + layout.x[2]) / 2 == pytest.approx(layout.x[0], abs=0.5)


def rectangles(element: ET.Element, left: float = 0.0, top: float = 0.0) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each rectangle, groups moved to their places."""
    moved = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", element.get("transform", ""))
    if moved:
        left, top = left + float(moved[1]), top + float(moved[2])
    if element.tag.endswith("}rect") and element.get("x"):
        x, y = left + float(element.get("x", 0)), top + float(element.get("y", 0))
        yield x, y, x + float(element.get("width", 0)), y + float(element.get("height", 0))
    for child in element:
        yield from rectangles(child, left, top)


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "resnet18", "googlenet", "densenet121", "vgg16"])
def test_every_node_stands_on_a_tile_and_the_drawing_is_no_wider_than_a_page(name):
    graph = build(name)
    svg = ET.fromstring(draw(graph))
    named = {line for t in svg.findall(".//{*}g/{*}title") for line in (t.text or "").splitlines()[0].split(", ")}
    assert named == {*(node.name for node in graph.nodes), *(i.name for i in graph.inputs)}
    width, height = float(svg.get("width", 0)), float(svg.get("height", 0))
    assert width <= WIDE
    for left, top, right, bottom in rectangles(svg):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@pytest.mark.parametrize(
    ("network", "name", "said"),
    [
        ("vgg16", "", "Drawing of a network: 23 layers"),
        ("densenet121", '"<net>"', 'Drawing of "<net>": 61 blocks, 247 layers'),
    ],
)
def test_a_drawing_is_a_picture_with_a_title(network, name, said):
    svg = ET.fromstring(draw(build(network), name=name))
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == said
    assert svg[0].tag.endswith("}title")
    assert svg[0].text == said


def test_a_densenet_has_a_tile_for_each_block_and_names_its_insides():
    texts = [text.text for text in ET.fromstring(draw(build("densenet121"))).findall(".//{*}text")]
    assert [t for t in texts if t and "×" in t] == ["A × 6", "A × 12", "A × 24", "A × 16"]
    assert "A: …denseblock1.denselayer1" in texts
    assert "1,040.4 M" in texts
    assert not [t for t in texts if t and "…" in t.lstrip("…").removeprefix("A: …")]  # nothing is cut but beginnings


def test_names_are_escaped():
    name = '<script>&"x"'
    graph = Graph([Input("x", (1, 2), (1, 2))], [Node(name, Relu(), ("x",), (name,))], [name])
    svg = draw(graph)
    assert "<script>" not in svg
    assert name in (ET.fromstring(svg).findall(".//{*}g/{*}title")[1].text or "")


def test_constants_have_cards() -> None:
    b = Builder()
    graph = b.finish(b.mul(b.input(4, 8), b.constant(np.ones((1, 4, 1, 1), np.float32), name="gate"), name="y"))
    assert "gate" in draw(graph)


def test_the_first_block_has_a_point_for_the_input_below_its_title() -> None:
    svg = ET.fromstring(draw(build("darts_v2_imagenet")))
    texts = [text.text for text in svg.findall(".//{*}text")]
    assert texts.count("in") == 2  # the stem's two blocks
    assert "A: stem0" in texts


def test_a_narrow_drawing_is_as_wide_as_its_legend() -> None:
    b = Builder()
    x = b.conv2d(b.conv2d(b.input(8, 8), 8, 3, name="depthwise", groups=8), 8, 1, name="pointwise")
    x = b.max_pool2d(b.add(b.relu(x, name="relu"), x, name="add"), 2, name="pool")
    svg = ET.fromstring(draw(b.finish(x)))
    words = [text.text for text in svg.findall("./{*}g")[-1].findall("{*}text")]
    last = svg.findall("./{*}g")[-1].findall("{*}text")[-1]
    assert words[-1] == "other"
    assert 20 + float(last.get("x", 0)) + 7 * len("other") <= float(svg.get("width", 0))
