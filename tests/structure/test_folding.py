"""Blocks of networks, with names and without: each layer is in one, and rows of them stand behind what they read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.graph import Graph, Input, Node
from tinyinfer.models.registry import build
from tinyinfer.ops.activation.activation import Relu
from tinyinfer.ops.arithmetic.elementwise import Add
from tinyinfer.structure.folding import Block, Folded, fold, row_name
from tinyinfer.structure.layers import find_layers


def without_names(graph: Graph) -> Graph:
    nameless = graph.copy()
    nameless.nodes = [node.replace(name=f"{node.op.name}_{i}") for i, node in enumerate(graph.nodes)]
    return nameless


def repeats(folded: Folded) -> list[int]:
    return [len(row) for row in folded.rows if len(row) > 1]


@st.composite
def graphs(draw) -> Graph:
    """Activations and sums of what came before, with names in a few folders."""
    nodes: list[Node] = []
    values = ["x"]
    for i in range(draw(st.integers(1, 25))):
        name = f"{draw(st.sampled_from(['', 'a.', 'b.0.', 'b.1.', 'b.2.c.']))}n{i}"
        near = st.integers(max(len(values) - 4, 0), len(values) - 1)
        if draw(st.booleans()):
            nodes.append(Node(name, Relu(), (values[draw(near)],), (name,)))
        else:
            nodes.append(Node(name, Add(), (values[draw(near)], values[draw(near)]), (name,)))
        values.append(name)
    read = {value for node in nodes for value in node.inputs}
    return Graph([Input("x", (1, 2), (1, 2))], nodes, [value for value in values[1:] if value not in read])


@given(graphs())
def test_each_layer_is_in_one_block_and_each_row_behind_what_it_reads(graph):
    folded = fold(graph)
    members = [i for row in folded.rows for block in row for i in block.layers]
    assert sorted(members) == list(range(len(folded.layers)))
    named = [node.name for row in folded.rows for block in row for node in folded.nodes(block)]
    assert sorted(named) == sorted(node.name for node in graph.nodes)
    assert all(a < b for a, b in folded.edges())
    assert all(block.pattern == row[0].pattern for row in folded.rows for block in row)


@given(graphs())
def test_layers_are_nodes_in_a_row(graph):
    layers = find_layers(graph)
    for at, layer in enumerate(layers):
        assert all(before < at for before in layer.before)
        for node, following in itertools.pairwise(layer.nodes):
            assert following.inputs == node.outputs
            assert sum(node.outputs[0] in reader.inputs for reader in graph.nodes) == 1


@pytest.mark.parametrize(
    ("name", "named", "nameless"),
    [
        ("densenet121", [6, 12, 24, 16], [6, 12, 24, 16]),
        ("googlenet", [2, 5, 2], [2, 5, 2]),
        ("resnet50", [2, 3, 5, 2], [2, 3, 5, 2]),
        ("mobilenet_v2", [2, 3, 2, 2], [2, 3, 2, 2]),
        ("mobilenet_v1", [5], [5]),  # a chain: names tell, or that pairs of layers repeat
        ("shufflenet_v2_x1_0", [3, 7, 3], [3, 7, 3]),
        ("nasnetamobile", [3, 3, 2], [3, 3, 2]),  # cells read the last two
        ("darts_v2_imagenet", [3, 3, 2], [3, 3, 2]),
        ("inception_resnet_v2", [10, 20, 9], [10, 20, 9]),  # stages of blocks are no blocks
    ],
)
def test_blocks_that_repeat(name, named, nameless):
    graph = build(name)
    assert repeats(fold(graph)) == named
    assert repeats(fold(without_names(graph))) == nameless


def test_rows_of_a_densenet():
    folded = fold(build("densenet121"))
    assert [row_name(row) for row in folded.rows][:4] == [
        "features.conv0", "features.pool0", "features.denseblock1.denselayer1-6", "features.transition1",
    ]  # fmt: skip
    assert folded.text(folded.rows[2]) == "batch_norm, conv2d 1x1, conv2d 3x3, concat"
    assert folded.text(folded.rows[0]) == "conv2d 7x7 /2, norm, relu"


def test_a_layer_has_its_norm_and_activation_and_a_sum_no_norm():
    folded = fold(build("mobilenet_v2"))
    texts = {layer.name: layer.text for layer in folded.layers}
    assert texts["features.2.conv.1.0"] == "depthwise 3x3 /2, norm, relu6"
    assert texts["features.3.add"] == "add"


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["layer3.1", "layer3.5"], "layer3.1-5"),
        (["inception4a", "inception4e"], "inception4a-4e"),
        (["features.9", "features.12"], "features.9-12"),
        (["one"], "one"),
    ],
)
def test_names_of_rows(names, whole):
    assert row_name([Block(name, (i,), ()) for i, name in enumerate(names)]) == whole
