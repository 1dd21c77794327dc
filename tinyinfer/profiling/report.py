"""What costs, profiles, comparisons and benchmarks have in common: a table, shown everywhere alike."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any

from tinyinfer.files import write_text
from tinyinfer.profiling.html import fragment, page, table_html
from tinyinfer.profiling.tables import By, Table, to_csv


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

    def _repr_html_(self) -> str:
        return fragment(table_html(self.table()))
