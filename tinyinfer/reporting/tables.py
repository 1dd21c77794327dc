"""One description of a table, rendered for a terminal, for Jupyter and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tinyinfer.errors import InputError
from tinyinfer.graph import Shape, TensorType

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table as RichTable

By = Literal["node", "op", "kernel"]

TERMINAL_COLUMNS = 100
LEAST_TEXT = 12  # characters that a text column keeps in a narrow terminal


@dataclass(frozen=True)
class Column:
    """A heading, the cells, and what stands below them in the totals row."""

    title: str
    cells: Sequence[str]
    total: str = ""
    right: bool = True  # numbers are aligned to the right
    prose: bool = False  # sentences are cut at their end; names at their start, where those of neighbours are alike
    whole: bool = False  # never cut

    @property
    def shrinks(self) -> bool:
        """Whether its cells may be shortened: names may, numbers and single words may not."""
        return not self.right and not self.whole and self.width > LEAST_TEXT

    def fit(self, cell: str, width: int) -> str:
        """The cell, cut to ``width`` characters."""
        if len(cell) <= width:
            return cell
        return f"{cell[: width - 1].rstrip()}…" if self.prose else f"…{cell[len(cell) - width + 1 :]}"

    @property
    def width(self) -> int:
        """Characters that the cells, the total and each word of the heading need."""
        return max(map(len, (*self.cells, self.total, *self.title.split())), default=0)


@dataclass(frozen=True)
class Table:
    """Columns of equal length under a title, with notes below."""

    title: str
    columns: Sequence[Column]
    notes: Sequence[str] = field(default_factory=tuple)

    def rows(self) -> list[tuple[str, ...]]:
        """The cells, row by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """For a terminal: numbers in full, long names shortened; text is literal, so a name like "[input]" stays.

        What does not fit side by side comes in bands, one below the other, each beginning with the first column.
        """
        from rich.text import Text

        yield Text(self.title, style="bold")
        for band in self._bands(options.max_width):
            widths = _widths(band, options.max_width)
            # as wide as it must be: rich would cut numbers to make it fit
            fitting = options.update(max_width=max(options.max_width, sum(widths) + len(band) - 1))
            yield from console.render(self._band(band, widths), fitting)
        for note in self.notes:
            yield Text(note, style="dim")

    def _bands(self, room: int) -> list[list[Column]]:
        """The columns in as many groups as it takes for each to fit, the first column leading them all."""
        first, *others = self.columns
        bands = [[first]]
        for column in others:
            if len(bands[-1]) > 1 and _least_width([*bands[-1], column]) > room:
                bands.append([first])
            bands[-1].append(column)
        return bands

    def _band(self, columns: Sequence[Column], widths: Sequence[int]) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, show_footer=self.has_totals, padding=0)
        for column, width in zip(columns, widths, strict=True):
            justify: Literal["left", "right"] = "right" if column.right else "left"
            header, total = Text(column.title), Text(column.fit(column.total, width))
            table.add_column(header, total, justify=justify, width=width, vertical="bottom")
        for row in zip(*(column.cells for column in columns), strict=True):
            cells = zip(columns, row, widths, strict=True)
            table.add_row(*(Text(column.fit(cell, width)) for column, cell, width in cells))
        return table

    @property
    def has_totals(self) -> bool:
        """Whether anything stands in the totals row."""
        return any(column.total for column in self.columns)

    def __str__(self) -> str:
        from rich.console import Console

        out = io.StringIO()
        Console(width=TERMINAL_COLUMNS, file=out, color_system=None, legacy_windows=False).print(self)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _least_width(columns: Sequence[Column]) -> int:
    """Characters that columns need side by side when all that may be shortened are."""
    return sum(LEAST_TEXT if column.shrinks else column.width for column in columns) + len(columns) - 1


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """What each column needs; text columns share what the numbers leave, the widest giving way first."""
    widths = [column.width for column in columns]
    flexible = [i for i, column in enumerate(columns) if column.shrinks]
    while sum(widths) + len(columns) - 1 > room:
        widest = max(flexible, key=lambda i: widths[i], default=None)
        if widest is None or widths[widest] <= LEAST_TEXT:
            break
        widths[widest] -= 1
    return widths


def check_by(by: str) -> None:
    """Raise InputError unless ``by`` is a way to group rows."""
    if by not in ("node", "op", "kernel"):
        raise InputError(f"by: expected 'node', 'op' or 'kernel', found {by!r}")


def to_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """Rows under the names of the first one's fields; shapes as 1x3x224x224, lists separated by blanks."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if records:
        writer.writerow(records[0])
    for record in records:
        writer.writerow([_cell(value) for value in record.values()])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if all(isinstance(item, int) for item in value):
            return shape_text(tuple(value))
        return " ".join(str(_cell(item)) for item in value)
    return value


def shape_text(shape: Shape) -> str:
    """1x3x224x224."""
    return str(TensorType(shape))


def shorten(text: str, width: int) -> str:
    """The text with its middle left out where it is too long: names differ at their ends."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def millions(count: float) -> str:
    """A count in millions, to five digits at most."""
    value = count / 1e6
    return f"{value:,.1f}" if value >= 1000 else f"{value:.2f}" if count >= 5000 else f"{value:.3f}" if count else "-"


def thousands(count: float) -> str:
    """A count in thousands."""
    return f"{count / 1e3:,.1f}" if count else "-"
