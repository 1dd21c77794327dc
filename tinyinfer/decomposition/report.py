"""What was decomposed, layer by layer, and what was not, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table, millions


@dataclass(frozen=True)
class LowRankRow:
    """A layer and the form that it has now, if ``made``, or would have had: the best of those that were measured.

    ``error`` is the share of its weight's energy that is lost; times are milliseconds of all that the plan computes in
    one step with the layer, and ``faster`` tells whether the form was clearly so: all None where none was measured.
    """

    name: str
    made: bool
    form: str
    ranks: tuple[int, ...]
    error: float | None
    macs: int
    macs_after: int | None
    kernel: str
    kernel_after: str
    ms: float | None
    ms_after: float | None
    faster: bool | None

    @property
    def verdict(self) -> str:
        """Whether it was decomposed, or why not."""
        if self.made:
            return "made"
        if self.faster is not None:
            return "not needed" if self.faster else "not faster"
        return "stays"


@dataclass(frozen=True, repr=False)
class LowRankReport(Report):
    """A row for each layer that can be decomposed, the network's mult-adds, and how many layers of groups it has."""

    name: str
    rows: tuple[LowRankRow, ...]
    macs: int
    macs_after: int
    of_groups: int

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [{**asdict(row), "verdict": row.verdict} for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Totals and rows, for JSON."""
        totals = {"macs": self.macs, "macs_after": self.macs_after, "of_groups": self.of_groups}
        return {"name": self.name, **totals, "rows": self.records()}

    def table(self, by: By = "node") -> Table:
        rows = self.rows
        columns = [
            Column("node", [row.name for row in rows], f"{sum(row.made for row in rows)} made", right=False),
            Column("form", [row.form or "-" for row in rows], right=False),
            Column("rank", ["x".join(map(str, row.ranks)) or "-" for row in rows]),
            Column("error", ["-" if row.error is None else f"{row.error:.1%}" for row in rows]),
            Column("mult-adds M", [millions(row.macs) for row in rows], f"{millions(self.macs)} in all"),
            Column("after", [_millions(row.macs_after) for row in rows], millions(self.macs_after)),
        ]
        if any(row.ms is not None for row in rows):
            columns += [
                Column("kernel", [row.kernel for row in rows], right=False, prose=True),
                Column("ms", [_ms(row.ms) for row in rows]),
                Column("kernels after", [row.kernel_after or "-" for row in rows], right=False, prose=True),
                Column("ms after", [_ms(row.ms_after) for row in rows]),
            ]
        columns.append(Column("verdict", [row.verdict for row in rows], right=False))
        return Table(f"Low rank of {self.name}", columns, self._notes())

    def _notes(self) -> list[str]:
        notes = ["error: share of the squared singular values that is left out"]
        if any(row.ms is not None for row in self.rows):
            notes.append("ms: of all that the plan computes in one step with the layer, weights cold, in turns")
        if self.of_groups:
            notes.append(
                f"{self.of_groups} grouped or depthwise convolutions stay: each group's weight is too small to cut"
            )
        return notes


def _millions(count: int | None) -> str:
    return "-" if count is None else millions(count)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
