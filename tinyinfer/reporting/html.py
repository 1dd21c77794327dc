"""Self-contained HTML: inline CSS and SVG, nothing fetched, every name escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tinyinfer.reporting.tables import Table

# two classes a selector: Jupyter's own rules for tables have as many
CSS = """
.ti { font: 14px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; color: #1f2933; background: #ffffff; }
.ti h1 { font-size: 22px; font-weight: 600; margin: 0 0 4px; } .ti h2 { font-size: 16px; margin: 26px 0 8px; }
.ti p { color: #52606d; margin: 4px 0; }
.ti table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 0; }
.ti caption { text-align: left; font-weight: 600; padding: 0 0 6px; }
.ti .grid th, .ti .grid td { padding: 3px 10px 3px 0; text-align: left; white-space: nowrap; }
.ti .grid th, .ti .grid td { background: none; border: 0; }
.ti .grid th { border-bottom: 1px solid #9aa5b1; vertical-align: bottom; font-weight: 600; }
.ti .grid td.n, .ti .grid th.n { text-align: right; padding-left: 8px; }
.ti tbody tr:nth-child(even) { background: #f5f7fa; }
.ti .grid tfoot td { border-top: 1px solid #9aa5b1; font-weight: 600; }
.ti .facts { display: flex; flex-wrap: wrap; gap: 10px 36px; margin: 14px 0; }
.ti .facts b { display: block; font-size: 20px; font-weight: 600; } .ti .facts span { color: #52606d; font-size: 12px; }
.ti svg { max-width: 100%; height: auto; } .ti .scroll { overflow-x: auto; } .ti .scroll svg { max-width: none; }
.ti details { margin: 10px 0; } .ti summary { cursor: pointer; color: #005a8f; }
.ti .bar { display: inline-block; height: 10px; border-radius: 2px; background: #0072b2; margin-left: 8px; }
.ti .grid td.bars { min-width: 96px; }
"""

LONGEST_BAR = 80  # pixels, of bars in tables

# Okabe and Ito's palette, told apart with every kind of colour vision ("Color Universal Design", 2008)
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")


def fragment(body: str) -> str:
    """A piece to stand inside another page, as Jupyter wants it."""
    return f'<div class="ti"><style>{CSS}</style>{body}</div>'


def page(title: str, body: str) -> str:
    """A whole document; ``body`` is HTML, ``title`` plain text."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>body {{ margin: 32px auto; max-width: 1100px; padding: 0 20px; background: #fff; }} {CSS}</style>"
        f'</head><body class="ti">{body}</body></html>\n'
    )


def table_html(table: Table) -> str:
    """A table with its title as caption, totals as footer and notes below."""
    classes = [' class="n"' if column.right else "" for column in table.columns]

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}{c}>{escape(t)}</{tag}>" for t, c in zip(cells, classes, strict=True)) + "</tr>"

    head = row([column.title for column in table.columns], "th")
    body = "".join(row(cells, "td") for cells in table.rows())
    foot = row([column.total for column in table.columns], "td")
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    return (
        f'<table class="grid">{caption}<thead>{head}</thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>{notes}'
    )


def bars_table_html(table: Table, lengths: Mapping[str, Sequence[float]]) -> str:
    """A table with a column of bars behind each that ``lengths`` has values for, by its title."""
    head, foot, body = [], [], [""] * len(table.rows())
    for column in table.columns:
        kind = ' class="n"' if column.right else ""
        values = lengths.get(column.title)
        head.append(f"<th{kind}>{escape(column.title)}</th>" + ("<th></th>" if values else ""))
        foot.append(f"<td{kind}>{escape(column.total)}</td>" + ("<td></td>" if values else ""))
        longest = max(values or (), default=0) or 1
        for at, cell in enumerate(column.cells):
            body[at] += f"<td{kind}>{escape(cell)}</td>"
            if values:
                width = LONGEST_BAR * values[at] / longest
                body[at] += f'<td class="bars"><span class="bar" style="width: {width:.1f}px"></span></td>'
    lines = "".join(f"<tr>{row}</tr>" for row in body)
    notes = "".join(f"<p>{escape(note)}</p>" for note in table.notes)
    return (
        f'<div class="scroll"><table class="grid"><thead><tr>{"".join(head)}</tr></thead><tbody>{lines}</tbody>'
        f"<tfoot><tr>{''.join(foot)}</tr></tfoot></table></div>{notes}"
    )


def details_html(summary: str, body: str) -> str:
    """What is shown when its summary, plain text, is clicked; ``body`` is HTML."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def facts_html(facts: Sequence[tuple[str, str]]) -> str:
    """A line of big numbers: (value, what it is)."""
    return (
        '<div class="facts">'
        + "".join(f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for value, what in facts)
        + "</div>"
    )
