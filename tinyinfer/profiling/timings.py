"""The timings of a plan and the ways to show them: tables, CSV, HTML, a Chrome trace, a plot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tinyinfer import showing
from tinyinfer.files import write_text
from tinyinfer.graph import Graph, TensorType
from tinyinfer.profiling.profile_rows import Buffer, ProfileGroup, ProfileRow, Rates
from tinyinfer.profiling.roofline import Peak
from tinyinfer.profiling.unwatched import unwatched
from tinyinfer.reporting.figure import plot
from tinyinfer.reporting.report import CountingReport
from tinyinfer.reporting.tables import By, Column, Table, check_by, millions, shape_text
from tinyinfer.reporting.trace import chrome_trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure


BUSY = 1.25  # a median this many times the least tells of other work on the machine


@dataclass(frozen=True, repr=False)
class Profile(CountingReport[ProfileRow]):
    """Timings of a plan.

    ``total_ms`` is the median of whole runs without a hook, taken in turn with the watched ones, whose median is
    ``watched_ms``; ``first_ms`` the first run, which loads or compiles kernels, and ``prepare_ms`` what preparing the
    plan took before it; ``starts`` and ``durations`` are the steps of one typical run.  All in milliseconds.
    """

    rows: tuple[ProfileRow, ...]
    total_ms: float
    total_min_ms: float
    total_p90_ms: float
    watched_ms: float
    prepare_ms: float
    first_ms: float
    repeats: int
    threads: int
    arena_bytes: int
    starts: tuple[float, ...]
    durations: tuple[float, ...]
    peak: Peak | None = None
    name: str = "network"
    cpu: str = ""
    date: str = ""  # of the measurement, year-month-day
    buffers: tuple[Buffer, ...] = ()
    graph: Graph | None = field(default=None, repr=False, compare=False)  # that ran, without its weights
    types: Mapping[str, TensorType] = field(default_factory=dict, repr=False, compare=False)  # of its values

    @property
    def sum_ms(self) -> float:
        """Sum of the rows' medians."""
        return sum(row.ms for row in self.rows)

    @property
    def other_ms(self) -> float:
        """Unwatched total minus the sum of rows: time between steps, less what watching costs; may be negative."""
        return self.total_ms - self.sum_ms

    @property
    def unwatched_ms(self) -> list[float]:
        """The rows' times less what watching them costs: together they are the total, or less."""
        return unwatched([row.ms for row in self.rows], self.total_ms)

    def grouped(self, by: By = "op") -> list[ProfileGroup]:
        """Rows added up by operator, or by operator and kernel; slowest first."""
        groups = self._gather(lambda row: row.op if by == "op" else row.label)
        added = [
            ProfileGroup(
                name=name,
                nodes=len(rows),
                macs=sum(r.macs for r in rows),
                params=sum(r.params for r in rows),
                bytes=sum(r.bytes for r in rows),
                ms=sum(r.ms for r in rows),
                share=sum(r.share for r in rows),
            )
            for name, rows in groups.items()
        ]
        return sorted(added, key=lambda group: -group.ms)

    def _rows(self, by: By) -> Sequence[ProfileRow | ProfileGroup]:
        check_by(by)
        return self.rows if by == "node" else self.grouped(by)

    # -- as data -------------------------------------------------------------------------------

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [row.to_dict() for row in self._rows(by)]

    def to_dict(self, by: By = "node") -> dict[str, Any]:
        """Totals and rows, ready for JSON."""
        fields = ("total_ms", "total_min_ms", "total_p90_ms", "watched_ms", "sum_ms", "other_ms")
        counts = ("prepare_ms", "first_ms", "macs", "params", "bytes", "arena_bytes", "repeats", "threads")
        peak = self.peak and self.peak.to_dict()
        totals = {field: getattr(self, field) for field in (*fields, *counts)}
        made = {"name": self.name, "cpu": self.cpu, "date": self.date}
        buffers = [buffer._asdict() for buffer in self.buffers]
        spans = zip(self.starts, self.durations, strict=True)
        timeline = [{"start_ms": start, "ms": ms} for start, ms in spans]
        return {**made, **totals, "peak": peak, "buffers": buffers, "timeline": timeline, "rows": self.records(by)}

    def to_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write one typical run for chrome://tracing or ui.perfetto.dev.  Raises OSError."""
        steps = zip(self.rows, self.starts, self.durations, strict=True)
        write_text(path, chrome_trace(self.name, steps))

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a self-contained page: graph, bars, table, timeline, roofline, arena.  Raises OSError."""
        write_text(path, showing.page(self))

    def plot(self) -> Figure:
        """Time by step and the roofline; needs the ``plots`` extra."""
        return plot(self)

    # -- as tables -----------------------------------------------------------------------------

    def table(self, by: By = "node") -> Table:
        rows = self._rows(by)
        total = Rates(self.macs, self.bytes, self.sum_ms)
        numbers = [
            Column("MACs M", [millions(r.macs) for r in rows], millions(self.macs)),
            Column("ms", [f"{r.ms:.3f}" for r in rows], f"{self.sum_ms:.3f}"),
            Column("share %", [f"{100 * r.share:.1f}" for r in rows], "100.0"),
            Column("GMAC/s", [_speed(r.gmacs_per_s) for r in rows], _speed(total.gmacs_per_s)),
            Column("GB/s", [_speed(r.gbytes_per_s) for r in rows], _speed(total.gbytes_per_s)),
        ]
        left = self._node_columns() if by == "node" else self._group_columns(by)
        right = [] if by != "node" else [Column("bound", [row.bound for row in self.rows], right=False)]
        return Table(f"Profile of {self.name}", [*left, *numbers, *right], self._notes())

    def _node_columns(self) -> list[Column]:
        return [
            Column("node", [row.name for row in self.rows], f"{len(self.rows)} steps", right=False),
            Column("operator, kernel", [row.label for row in self.rows], right=False),
            Column("shape", [shape_text(row.shape) for row in self.rows]),
        ]

    def _group_columns(self, by: By) -> list[Column]:
        groups = self.grouped(by)
        heading = "operator" if by == "op" else "operator, kernel"
        steps = Column("steps", [str(group.nodes) for group in groups], str(len(self.rows)))
        return [Column(heading, [group.name for group in groups], "sum", right=False), steps]

    def _notes(self) -> list[str]:
        why = ": steps take longer when they are watched" if self.other_ms < 0 else ""
        notes = [
            f"{self.total_ms:.3f} ms a run unwatched (median of {self.repeats}; least {self.total_min_ms:.3f}, "
            f"90 % within {self.total_p90_ms:.3f}); [other] {self.other_ms:+.3f} ms{why}",
            *self._warning(),
            f"first run {self.first_ms:.1f} ms after {self.prepare_ms:.1f} ms of preparation; "
            f"threads {self.threads}; arena {self.arena_bytes / 1e6:.2f} MB",
        ]
        if self.peak:
            notes.append(
                f"measured roofs: {self.peak.arithmetic}; {self.peak.bandwidths}; bound: the nearest, for what a step "
                "moves where it was left"
            )
        return [*notes, *(f"{label}: {why}" for label, why in self.choices())]

    def choices(self) -> list[tuple[str, str]]:
        """(operator and kernel, why it was chosen), each once."""
        return list(dict.fromkeys((row.label, row.why) for row in self.rows if row.why))

    def _warning(self) -> list[str]:
        if self.total_ms < BUSY * self.total_min_ms:
            return []
        return [
            f"the machine was busy ({self.watched_ms:.3f} ms a run watched): "
            "medians of short steps escape that, whole runs do not"
        ]

    # -- as HTML -------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        return showing.html(self)


def _speed(value: float) -> str:
    return f"{value:.1f}" if value >= 0.05 else "-"
