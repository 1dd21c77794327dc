"""What a sweep found: how mult-adds and every engine's time grow with one thing, network by network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinyinfer.bench.report import OURS, BenchReport, BenchRow, best_peer
from tinyinfer.reporting.figure import plot
from tinyinfer.reporting.tables import By, Column, Table, millions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Group = dict[str, BenchRow]


@dataclass
class SweepReport(BenchReport):
    """All rows of one run; ``sweep`` is what their values are of: a key of `sweep.SWEEPS`."""

    sweep: str = ""

    @property
    def axis(self) -> str:
        """What changes, with its unit if it has one."""
        return "pause ms" if self.sweep == "pause" else self.sweep

    def to_dict(self) -> dict[str, Any]:
        return {"sweep": self.sweep, **super().to_dict()}

    def series(self) -> dict[str, list[Group]]:
        """The groups along the sweep for each network, and for each of the settings that do not follow it."""
        found: dict[str, list[Group]] = {}
        for group in self.groups():
            row = group[OURS]
            fixed = {"batch": row.batch, "threads": row.threads}
            fixed.pop(self.sweep, None)
            settings = ", ".join(f"{name} {value}" for name, value in fixed.items())
            found.setdefault(f"{row.model}, {settings}", []).append(group)
        return found

    def summary(self) -> list[dict[str, Any]]:
        """For each series the exponents with which mult-adds and times grow, and the last times over the first.

        An exponent of 1 is growth in proportion; they are fitted to logarithms.
        """
        return [
            {
                "series": name,
                "macs_exponent": _exponent(groups, [group[OURS].macs for group in groups]),
                "time_exponents": {e: _exponent(groups, [group[e].median_ms for group in groups]) for e in groups[0]},
                "last_over_first": {e: groups[-1][e].median_ms / groups[0][e].median_ms for e in groups[0]},
            }
            for name, groups in self.series().items()
        ]

    def table(self, by: By = "node") -> Table:
        groups = [group for series in self.series().values() for group in series]
        ours = [group[OURS] for group in groups]
        peers = [best_peer(group) for group in groups]
        columns = [
            *self._fixed(ours),
            Column(self.axis.replace(" ", "\n"), [f"{row.value:g}" for row in ours]),
            Column("mult-adds\nM", [millions(row.macs) for row in ours]),
            *(Column(f"{name}\nms", [f"{group[name].median_ms:.3g}" for group in groups]) for name in groups[0]),
            Column("ms an\nimage", [f"{row.median_ms / row.batch:.3g}" for row in ours]),
            Column("GMAC/s", [f"{row.gmacs_per_s:.1f}" for row in ours]),
            Column("of\npeak", [f"{row.peak_share:.0%}" for row in ours]),
        ]
        if any(peers):
            columns.append(Column("ours /\nbest", [f"{row.ratio:.2f}" if row else "" for row in peers]))
        return Table(f"Time per call by {self.sweep}, engines by turns", columns, self._notes())

    def plot(self) -> Figure:
        """Times along the sweep, a panel for each network; needs the ``plots`` extra."""
        return plot(self)

    def _fixed(self, rows: Sequence[BenchRow]) -> list[Column]:
        """Columns of what changes beside the sweep."""
        columns = [
            Column("network", [row.model for row in rows], right=False),
            Column("batch", [str(row.batch) for row in rows]),
            Column("threads", [str(row.threads) for row in rows]),
        ]
        return [c for c in columns if c.title == "network" or (c.title != self.sweep and len(set(c.cells)) > 1)]

    def _notes(self) -> list[str]:
        notes = self.circumstances()
        for found in self.summary():
            if self.sweep in ("threads", "pause"):
                better, power = ("fast", -1) if self.sweep == "threads" else ("long", 1)
                gains = ", ".join(f"{name} {ratio**power:.2f}" for name, ratio in found["last_over_first"].items())
                notes.append(f"{found['series']}: times as {better} at the end as at the beginning: {gains}")
            elif found["macs_exponent"] is not None:
                grows = ", ".join(f"^{power:.2f} ({name})" for name, power in found["time_exponents"].items())
                macs = f"{self.sweep}^{found['macs_exponent']:.2f}"
                notes.append(f"{found['series']}: mult-adds grow as {macs}, times as {grows}")
        return notes


def _exponent(groups: list[Group], grown: Sequence[float]) -> float | None:
    """The slope of a straight line through the logarithms; None of one point."""
    values = np.array([group[OURS].value for group in groups], np.float64)
    if len(set(values)) < 2:
        return None
    return float(np.polyfit(np.log(values), np.log(np.array(grown, np.float64)), 1)[0])
