"""The page counts what Python counts, for drawn designs: node by node, and its times come from the same table."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.graph import Graph
from tinyinfer.pages.sandbox.designs.design import arguments, create
from tinyinfer.pages.sandbox.designs.knobs import KNOBS, drawn_values, paper_values
from tinyinfer.pages.sandbox.designs.memory import alive
from tinyinfer.pages.sandbox.measured import shipped
from tinyinfer.pages.sandbox.timing.layers import layers_of
from tinyinfer.pages.sandbox.timing.measure import predicted_ms, read_table
from tinyinfer.profiling.cost import cost

DRAWN = 5

RUN = """
(designs) => {
  const given = ["families", "measured", "published"].map((name) => [name, embedded(name)]);
  const design = new Design(Object.fromEntries(given));
  return JSON.stringify(designs.map(([name, values]) => {
    design.choose(name, values);
    const { network, layers, ms, totals } = design;
    return {
      values: design.values, ms, totals, alive: alive(network),
      nodes: network.nodes.map(({ op, outputs, macs, params, access }) =>
        [op, network.shapes[outputs[0]], macs, params, access]),
      layers: layers.map(({ kind, sizes, work }) => [kind, sizes, work]),
    };
  }));
}
"""


def nodes_of(graph: Graph) -> list[list[Any]]:
    rows = {row.name: row for row in cost(graph).rows}
    return [
        [node.op.name, list(row.shape[1:]), row.macs, row.params, row.memory_access]
        for node in graph.nodes
        for row in [rows[node.name]]
    ]


def test_the_page_counts_what_python_counts(open_page, html) -> None:
    random = np.random.default_rng(2018)
    designs = [(name, paper_values(name)) for name in KNOBS]
    designs += [(name, drawn_values(name, random)) for name in KNOBS for _ in range(DRAWN)]
    found = json.loads(open_page(html).evaluate(RUN, designs))
    table = shipped()
    measured = read_table(table)
    for i, ((name, values), page) in enumerate(zip(designs, found, strict=True)):
        graph = models.build(name, **arguments(name, values))
        assert page["values"] == values
        assert page["nodes"] == nodes_of(graph), (name, values)
        assert page["alive"] == alive(graph)
        totals = cost(graph)
        assert page["totals"] == {
            "params": totals.params,
            "macs": totals.macs,
            "access": totals.memory_access,
            "peak": max(alive(graph)),
        }
        layers = list(layers_of(graph).values())
        assert page["layers"] == [[kind, list(sizes), work] for kind, sizes, work in layers]
        if i % 4 == 0:
            assert page["ms"] == pytest.approx(predicted_ms(layers, measured, table["overhead_ms"]), rel=1e-9)


@pytest.mark.parametrize("name", list(KNOBS))
def test_the_papers_values_are_the_papers_network(name) -> None:
    knobs = arguments(name, paper_values(name))
    assert nodes_of(models.build(name, **knobs)) == nodes_of(models.build(name))


def test_create_gives_a_model_of_the_design() -> None:
    model = create("mobilenet_v3_large", width=0.5, resolution=96, attention="none")
    assert model.cost().macs == cost(models.build("mobilenet_v3_large", width=0.5, resolution=96)).macs - sum(
        row.macs
        for row in cost(models.build("mobilenet_v3_large", width=0.5, resolution=96)).rows
        if row.name.endswith((".fc1", ".fc2"))
    )


def shares(name: str, than: dict[str, Any], **values: Any) -> list[float]:
    """Parameters, mult-adds, peak memory and memory access of a design over those of another one."""
    found = []
    for given in ({**than, **values}, than):
        graph = models.build(name, **arguments(name, {**paper_values(name), **given}))
        totals = cost(graph)
        found.append([totals.params, totals.macs, max(alive(graph)), totals.memory_access])
    return [round(ours / theirs, 3) for ours, theirs in zip(*found, strict=True)]


def test_the_answers_of_the_page_hold() -> None:
    assert shares("mobilenet_v2", {}, width=0.5)[:3] == [0.562, 0.323, 0.5]
    assert shares("mobilenet_v2", {}, resolution=112)[:3] == [1, 0.273, 0.25]
    assert shares("mobilenet_v2", {}, expansion=3, depth=1.75)[1:3] == [0.989, 0.533]
    assert shares("shufflenet_v1_g3_x1_0", {"groups": 1}, groups=8)[3] == 2.429
    with_gates = shares("mobilenet_v3_large", {"attention": "none"}, attention="paper")
    assert [with_gates[i] for i in (0, 1, 3)] == [1.381, 1.007, 1.109]


def test_memory_of_a_chain_with_a_way_around() -> None:
    """The input of a residual block is kept; a convolution needs its input and output; norms write in place."""
    graph = models.build("mobilenet_v2", table=[(1, 32, 1, 1)], resolution=32)
    counts = dict(zip([node.name for node in graph.nodes], alive(graph), strict=True))
    image, half = 3 * 32 * 32, 32 * 16 * 16
    assert counts["features.0.0"] == image + half
    assert counts["features.0.1"] == half
    assert counts["features.1.conv.0.0"] == 2 * half
    assert counts["features.1.conv.1"] == 3 * half
    assert counts["features.1.add"] == 2 * half
