"""What there is: every network with its parameters, mult-adds, paper and year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.models.registry import build, find, names
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.tables import Column, Table, shape_text


def catalog(family: str | None = None) -> list[dict[str, Any]]:
    """One row a network, counted from its graph.  Raises UnsupportedOpError for an unknown family."""
    rows = []
    for name in names(family):
        known, _ = find(name)
        graph = build(name)
        counted = cost(graph)
        rows.append({
            "name": name,
            "family": known.name,
            "params": counted.params,
            "macs": counted.macs,
            "input": list(graph.inputs[0].nominal),
            "paper": known.paper,
            "year": known.year,
        })  # fmt: skip
    return rows


def catalog_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows as a table."""
    return Table(
        "Networks",
        [
            Column("network", [row["name"] for row in rows], f"{len(rows)} networks", right=False),
            Column("params M", [f"{row['params'] / 1e6:.2f}" for row in rows]),
            Column("mult-adds M", [f"{row['macs'] / 1e6:,.1f}" for row in rows]),
            Column("input", [shape_text(row["input"]) for row in rows]),
            Column("year", [str(row["year"]) for row in rows]),
            Column("paper", [row["paper"] for row in rows], right=False, prose=True),
        ],
    )
