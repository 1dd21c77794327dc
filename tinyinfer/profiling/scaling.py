"""How the steps of a network gain by threads: its plans for several numbers of them, profiled in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinyinfer.errors import InputError
from tinyinfer.profiling.profile import Session, check_counts
from tinyinfer.profiling.scaling_rows import ScalingRow, efficiency, step_rows, sum_ms
from tinyinfer.profiling.subject import Inputs
from tinyinfer.profiling.timings import Profile
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table, check_by, millions, shape_text
from tinyinfer.runtime.runnable import Runnable

GOOD = 0.85  # the efficiency from which on a step makes good use of its threads


@dataclass(frozen=True, repr=False)
class Scaling(Report):
    """Profiles of one network by number of threads, and their steps side by side."""

    profiles: dict[int, Profile]
    rows: tuple[ScalingRow, ...]

    @property
    def name(self) -> str:
        """The network's name."""
        return next(iter(self.profiles.values())).name

    @property
    def total_ms(self) -> dict[int, float]:
        """Median of whole runs without a hook, by number of threads."""
        return {n: profile.total_ms for n, profile in self.profiles.items()}

    @property
    def efficiency(self) -> float:
        """That of whole runs."""
        return efficiency(self.total_ms)

    @property
    def good_share(self) -> float:
        """The part of the steps' time with the most threads that goes into those with an efficiency of ``GOOD``."""
        most = max(self.profiles)
        return sum(row.ms[most] for row in self.rows if row.efficiency >= GOOD) / sum_ms(self.rows)[most]

    def grouped(self, by: By = "op") -> list[ScalingRow]:
        """Rows added up by operator, or by operator and kernel; slowest first."""
        groups: dict[str, list[ScalingRow]] = {}
        for row in self.rows:
            groups.setdefault(row.op if by == "op" else row.label, []).append(row)
        added = [
            ScalingRow(name, rows[0].op, name, (), sum(row.macs for row in rows), sum_ms(rows), "")
            for name, rows in groups.items()
        ]
        return sorted(added, key=lambda row: -row.ms[max(row.ms)])

    def _rows(self, by: By) -> Sequence[ScalingRow]:
        check_by(by)
        return self.rows if by == "node" else self.grouped(by)

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [row.to_dict() for row in self._rows(by)]

    def to_dict(self, by: By = "node") -> dict[str, Any]:
        """Totals and rows, ready for JSON."""
        totals = {"total_ms": self.total_ms, "efficiency": self.efficiency, "good_share": self.good_share}
        peaks = {n: profile.peak and profile.peak.to_dict() for n, profile in self.profiles.items()}
        return {"name": self.name, **totals, "good": GOOD, "peaks": peaks, "rows": self.records(by)}

    def table(self, by: By = "node") -> Table:
        rows = self._rows(by)
        sums = sum_ms(rows)
        numbers = [
            Column("MACs M", [millions(row.macs) for row in rows], millions(sum(row.macs for row in rows))),
            *(Column(f"ms\non {n}", [f"{row.ms[n]:.3f}" for row in rows], f"{ms:.3f}") for n, ms in sums.items()),
            Column("efficiency %", [f"{100 * row.efficiency:.0f}" for row in rows], f"{100 * efficiency(sums):.0f}"),
        ]
        names = Column("operator" if by == "op" else "operator, kernel", [row.label for row in rows], right=False)
        left, right = [names], []
        if by == "node":
            steps = Column("node", [row.name for row in rows], f"{len(rows)} rows", right=False)
            left = [steps, names, Column("shape", [shape_text(row.shape) for row in rows])]
            right = [Column("bound", [row.bound for row in rows], right=False)]
        return Table(f"Threads in {self.name}", [*left, *numbers, *right], self._notes())

    def _notes(self) -> list[str]:
        fewest, most = min(self.profiles), max(self.profiles)
        totals = ", ".join(f"{ms:.3f} ms on {n}" for n, ms in self.total_ms.items())
        peak = self.profiles[most].peak
        roofs = [f"measured roofs on {most} threads: {peak.arithmetic}; {peak.bandwidths}"] if peak else []
        return [
            f"a run unwatched: {totals} threads; efficiency {self.efficiency:.0%}",
            f"steps with an efficiency of at least {GOOD:.0%} take {self.good_share:.0%} of the time on {most} threads",
            f"efficiency: {fewest} x ms on {fewest} over {most} x ms on {most}",
            *roofs,
        ]


def scaling(models: Sequence[Runnable], x: Inputs = None, repeats: int = 20, warmup: int = 3) -> Scaling:
    """Time every step of one network with several numbers of threads, a model for each, in turn.

    Times are milliseconds, medians of ``repeats``.  Raises InputError when ``x`` does not fit, and unless there are
    several numbers of threads.
    """
    check_counts(repeats, warmup)
    sessions = {session.plan.options.threads: session for session in (Session(model, x) for model in models)}
    if len(sessions) < 2:
        raise InputError(f"expected models with different numbers of threads, found {', '.join(map(str, sessions))}")
    for turn in range(warmup + repeats):
        for session in sessions.values():
            session.run()  # after another's turn, weights are to come into the cache and threads to wake up
            if turn >= warmup:
                session.measure()
    profiles = {n: sessions[n].report() for n in sorted(sessions)}
    return Scaling(profiles, tuple(step_rows({n: profile.rows for n, profile in profiles.items()})))
