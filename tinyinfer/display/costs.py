"""A cost table: blocks with bars, and all nodes for whoever opens them."""

from __future__ import annotations

from tinyinfer.profiling.cost import Cost
from tinyinfer.reporting.html import bars_table_html, details_html, facts_html, fragment, table_html
from tinyinfer.reporting.tables import Column, Table, millions, shape_text, thousands
from tinyinfer.showing import to_html


@to_html.register
def cost_html(cost: Cost) -> str:
    """Totals, a row for each block or several that do the same, and every node."""
    facts = [
        (f"{millions(cost.macs)} M", "mult-adds"),
        (f"{millions(cost.params)} M", "parameters"),
        (f"{millions(cost.memory_access)} M", "elements read and written"),
    ]
    every = details_html(f"every node ({len(cost.rows)})", table_html(cost.table()))
    blocks = cost.by_block()
    if not blocks:
        return fragment(facts_html(facts) + table_html(cost.table()))
    lengths = {
        "mult-adds M": [row.macs for row in blocks],
        "params k": [row.params for row in blocks],
        "memory access M": [row.memory_access for row in blocks],
    }
    return fragment(facts_html(facts) + bars_table_html(block_table(cost), lengths) + every)


def block_table(cost: Cost) -> Table:
    """The rows of `Cost.by_block`."""
    blocks = cost.by_block()
    return Table(
        "Cost",
        [
            Column("block", [row.name for row in blocks], f"{len(blocks)} rows", right=False),
            Column("times", [f"× {row.times}" if row.times > 1 else "" for row in blocks], right=False),
            Column("what it does", [row.text for row in blocks], right=False),
            Column("output", [shape_text(row.shape) for row in blocks]),
            Column("mult-adds M", [millions(row.macs) for row in blocks], millions(cost.macs)),
            Column("params k", [thousands(row.params) for row in blocks], thousands(cost.params)),
            Column("memory access M", [millions(row.memory_access) for row in blocks], millions(cost.memory_access)),
        ],
        cost.table().notes,
    )
