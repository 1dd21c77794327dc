"""What costs, profiles, comparisons and benchmarks have in common: a table, shown everywhere alike."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from tinyinfer.files import write_text
from tinyinfer.reporting.html import fragment, page, table_html
from tinyinfer.reporting.tables import By, Table, to_csv


class Report(ABC):
    """Base of what can be shown as a table: by node, or added up by operator or by operator and kernel."""

    @abstractmethod
    def table(self, by: By = "node") -> Table:
        """The table that a terminal and Jupyter show."""

    @abstractmethod
    def records(self, by: By = "node") -> list[dict[str, Any]]:
        """The rows as JSON-able mappings with plain units (elements, bytes, milliseconds)."""

    def to_csv(self, path: str | os.PathLike[str] | None = None, by: By = "node") -> str:
        """The rows as CSV with a heading; written to ``path`` if given.  Raises OSError."""
        text = to_csv(self.records(by))
        if path is not None:
            write_text(path, text)
        return text

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a self-contained page.  Raises OSError."""
        table = self.table()
        write_text(path, page(table.title, table_html(table)))

    def __rich__(self) -> Table:
        return self.table()

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.table().title}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))  # in Jupyter, what stands beside the HTML for those who can't see it

    def _repr_html_(self) -> str:
        return fragment(table_html(self.table()))


class Counts(Protocol):
    """What the rows of a cost table and of a profile count."""

    @property
    def macs(self) -> int:
        """Multiply-adds."""
        ...

    @property
    def params(self) -> int:
        """Learnable parameters."""
        ...

    @property
    def bytes(self) -> int:
        """Bytes read and written."""
        ...


Row = TypeVar("Row", bound=Counts)


class CountingReport(Report, Generic[Row]):
    """A report whose rows count; every total is the sum of its rows."""

    rows: tuple[Row, ...]

    @property
    def macs(self) -> int:
        """Multiply-adds of one run; the papers' "mult-adds"."""
        return sum(row.macs for row in self.rows)

    @property
    def params(self) -> int:
        """Learnable parameters, those that several nodes share once."""
        return sum(row.params for row in self.rows)

    @property
    def bytes(self) -> int:
        """Bytes that all nodes read and write if nothing stays in a cache."""
        return sum(row.bytes for row in self.rows)

    def _gather(self, name: Callable[[Row], str]) -> dict[str, list[Row]]:
        """Rows by a name that several of them have."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(name(row), []).append(row)
        return groups
