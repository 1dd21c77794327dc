"""A graph: a drawing of its blocks, or a table of them where there is text alone."""

from __future__ import annotations

from html import escape

from tinyinfer.drawing.draw import draw
from tinyinfer.errors import TinyInferError
from tinyinfer.graph import Graph
from tinyinfer.reporting.html import fragment
from tinyinfer.reporting.tables import Column, Table
from tinyinfer.showing import to_html, to_text
from tinyinfer.structure.folding import fold, row_name


@to_html.register
def graph_html(graph: Graph) -> str:
    """A line that says what it is, and the drawing; an unfinished graph has the line alone."""
    try:
        drawing = f'<div class="scroll">{draw(graph)}</div>'
    except TinyInferError as error:
        drawing = f"<p>It can't be drawn: {escape(str(error))}</p>"
    return fragment(f"<p>{escape(summary(graph))}</p>{drawing}")


@to_text.register
def graph_text(graph: Graph) -> str:
    """The same line, and a row for each block or for several that do the same."""
    try:
        folded = fold(graph)
    except TinyInferError as error:
        return f"{summary(graph)}\nIt can't be folded: {error}"
    columns = [
        Column("block", [row_name(row) for row in folded.rows], right=False),
        Column("times", [f"x {len(row)}" if len(row) > 1 else "" for row in folded.rows], right=False),
        Column("what it does", [folded.text(row) for row in folded.rows], right=False, prose=True),
    ]
    return str(Table(summary(graph), columns))


def summary(graph: Graph) -> str:
    """153 nodes, input ?x3x224x224, output classifier."""
    given = ", ".join(f"{i.name} {i.text}" for i in graph.inputs)
    return f"Graph of {len(graph.nodes)} nodes; inputs: {given}; outputs: {', '.join(graph.outputs)}"
