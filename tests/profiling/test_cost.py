"""The cost table: sums, shared weights, grouping, CSV."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import models, ops
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.models import registry
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.tables import millions, shorten


def shared_weight() -> Graph:
    """Two convolutions in a row that use one weight."""
    nodes = [
        Node("a", Conv2d(padding=1), ("x",), ("a",), {"weight": "w"}),
        Node("b", Conv2d(padding=1), ("a",), ("b",), {"weight": "w", "bias": "bias"}),
    ]
    weights = {"w": np.ones((4, 4, 3, 3), np.float32), "bias": np.zeros(4, np.float32)}
    return Graph([Input("x", (None, 4, None, None), (1, 4, 8, 8))], nodes, ["b"], weights)


def test_a_shared_weight_counts_once_but_works_twice():
    table = cost(shared_weight())
    assert [row.params for row in table.rows] == [144, 4]
    assert [row.macs for row in table.rows] == [64 * 144, 64 * 144]
    assert table.params == 148


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "resnet18"])
def test_totals_are_the_sums_of_the_rows(name):
    table = models.create(name).cost()
    for total in ("macs", "params", "memory_access", "bytes"):
        assert getattr(table, total) == sum(getattr(row, total) for row in table.rows)
        assert table.to_dict()[total] == getattr(table, total)
    for total in ("macs", "params", "memory_access"):
        assert sum(getattr(group, total) for group in table.by_op()) == getattr(table, total)
    assert sum(group.nodes for group in table.by_op()) == len(table.rows)


def test_shapes_say_how_they_follow_from_the_input():
    table = cost(registry.build("mobilenet_v2"), symbolic=True)
    plain = cost(registry.build("mobilenet_v2"))
    assert table.sizes == {"N": 1, "H": 224, "W": 224}
    assert [str(size) for size in table.rows[0].outputs[0]] == ["N", "32", "(H+1)//2", "(W+1)//2"]
    assert table.rows == plain.rows  # at the nominal size they are what they always were
    text = str(table)
    assert "N,1280,(H+31)//32,(W+31)//32" in text
    assert "counted for N = 1, H = 224, W = 224" in text
    assert "1x32x112x112" in str(plain)
    assert table.to_dict() == plain.to_dict()


def test_bytes_follow_the_dtypes():
    value = Node("c", ops.create("constant", {}), (), ("c",), {"value": "w"})
    both = Node("y", ops.create("concat", {"dim": 0}), ("x", "c"), ("y",))
    graph = Graph([Input("x", (5,), (5,), "int64")], [value, both], ["y"], {"w": np.arange(3)})
    first, second = cost(graph).rows
    assert (first.bytes, first.params, second.memory_access, second.bytes) == (0, 0, 16, 128)


def test_mobilenet_v2_costs_what_its_paper_says():
    table = models.create("mobilenet_v2").cost()
    assert table.macs == 300_774_272  # "300M" in Sandler et al. 2018, table 4
    assert table.params == 3_504_872  # "3.4M" there


def test_mult_adds_grow_with_the_image_and_parameters_do_not():
    model = models.create("mobilenet_v2")
    small, large = model.cost((1, 3, 224, 224)), model.cost((2, 3, 224, 224))
    assert large.macs == 2 * small.macs
    assert large.params == small.params
    with pytest.raises(InputError, match="expected shape"):
        model.cost((1, 4, 224, 224))


def test_csv_holds_every_row():
    table = models.create("squeezenet1_1").cost()
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["name"] for row in rows] == [row.name for row in table.rows]
    assert sum(int(row["macs"]) for row in rows) == table.macs
    assert rows[0]["inputs"] == "1x3x224x224"


def test_tables_fit_a_terminal_and_json(tmp_path):
    table = models.create("mobilenet_v2").cost()
    assert max(map(len, str(table).splitlines())) <= 100
    assert "300.77" in str(table.table("op"))
    assert "…" not in str(table)
    json.dumps(table.to_dict(), allow_nan=False)
    table.to_csv(tmp_path / "cost.csv", by="op")
    assert (tmp_path / "cost.csv").read_text().startswith("op,nodes,macs")
    assert [p.name for p in tmp_path.iterdir()] == ["cost.csv"]
    with pytest.raises(InputError, match="by:"):
        table.table("colour")  # type: ignore[arg-type]


@given(st.text(min_size=1), st.integers(3, 30))
def test_shorten_keeps_both_ends(text, width):
    short = shorten(text, width)
    assert len(short) <= width
    assert short == text or (short[0] == text[0] and short[-1] == text[-1])


@given(st.integers(1, 10**12))
def test_millions_never_show_zero_for_something(count):
    text = millions(count)
    assert float(text.replace(",", "")) > 0 or count < 500
