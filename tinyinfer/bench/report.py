"""What a benchmark found: rows by network, threads, batch and engine; ratios with their spread; JSON and a table."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinyinfer.bench import engines
from tinyinfer.files import write_text
from tinyinfer.graph import Shape
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.profiling.roofline import Microkernel, Peak
from tinyinfer.reporting.figure import plot
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS = "tinyinfer"


class Setting(NamedTuple):
    """What is measured: a network, images a call, threads, and the value of what a sweep goes through."""

    model: str
    batch: int
    threads: int
    sweep: str = ""
    value: float | None = None

    def __str__(self) -> str:
        swept = f"{self.sweep} {self.value:g}, " if self.value is not None and self.sweep not in self._fields else ""
        return f"{self.model}, {swept}batch {self.batch}, threads {self.threads}"


class Counts(NamedTuple):
    """What one call takes and costs: mult-adds of the network, and bytes that the steps of our plan read and write."""

    input_shapes: Mapping[str, Shape]
    macs: int
    bytes: int


@dataclass(frozen=True)
class BenchRow:
    """One engine on one network.

    Times are milliseconds a call, ``rounds_ms`` one number a round.  ``ratio`` is tinyinfer's time over this
    engine's, the median of the rounds' ratios, with their quartiles: under 1, tinyinfer is faster.
    ``peak_share`` is ``gmacs_per_s`` over the mult-adds that the machine was measured to do at most (`Peak.gmacs`);
    ``bandwidth_share`` is ``gbytes_per_s`` over the stream that it was measured to move, known of tinyinfer alone, and
    above 1 where values stay in caches.  ``error`` is the largest difference from the first peer's output over its
    standard deviation.  ``value`` is that of what a sweep goes through.
    """

    model: str
    input_shapes: Mapping[str, Shape]
    batch: int
    threads: int
    engine: str
    version: str
    macs: int
    median_ms: float
    min_ms: float
    quartiles_ms: tuple[float, float]
    ratio: float
    ratio_quartiles: tuple[float, float]
    gmacs_per_s: float
    peak_share: float
    gbytes_per_s: float | None
    bandwidth_share: float | None
    error: float
    rounds_ms: tuple[float, ...]
    value: float | None = None


class Measured(NamedTuple):
    """A row for each engine of one setting, and a line for each peer that could not run it."""

    rows: list[BenchRow]
    left_out: list[str]


def make_rows(
    setting: Setting, counts: Counts, peak: Peak, seconds: Mapping[str, np.ndarray], errors: Mapping[str, float]
) -> list[BenchRow]:
    """A row for each engine from its seconds a call in every round."""
    rows = []
    for name, times in seconds.items():
        median, ratios = float(np.median(times)), seconds[OURS] / times
        speed = counts.macs / median / 1e9
        moved = counts.bytes / median / 1e9 if name == OURS else None
        rows.append(
            BenchRow(
                model=setting.model,
                input_shapes=counts.input_shapes,
                batch=setting.batch,
                threads=setting.threads,
                engine=name,
                version=engines.version(name),
                macs=counts.macs,
                median_ms=median * 1e3,
                min_ms=float(times.min()) * 1e3,
                quartiles_ms=quartiles(times * 1e3),
                ratio=float(np.median(ratios)),
                ratio_quartiles=quartiles(ratios),
                gmacs_per_s=speed,
                peak_share=speed / peak.gmacs,
                gbytes_per_s=moved,
                bandwidth_share=None if moved is None else moved / peak.gbytes,
                error=errors[name],
                rounds_ms=tuple((times * 1e3).tolist()),
                value=setting.value,
            )
        )
    return rows


def best_peer(group: Mapping[str, BenchRow]) -> BenchRow | None:
    """The fastest engine beside tinyinfer; None where there is no other."""
    return min((row for row in group.values() if row.engine != OURS), key=lambda row: row.median_ms, default=None)


def quartiles(values: np.ndarray) -> tuple[float, float]:
    """The lower and the upper one."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(low), float(high)


@dataclass(repr=False)
class BenchReport(Report):
    """All rows of one run; the machine's measured peaks by threads, and what one thread's microkernel reaches.

    ``left_out`` has a line for each peer that could not run a network; ``cpu`` and ``date`` are of the measurement.
    """

    rows: list[BenchRow]
    peaks: dict[int, Peak]
    microkernel: Microkernel
    left_out: list[str] = field(default_factory=list, kw_only=True)
    cpu: str = field(default_factory=cpu_name, kw_only=True)
    date: str = field(default_factory=lambda: datetime.date.today().isoformat(), kw_only=True)

    def add(self, measured: Measured) -> None:
        """Take in what was measured in one setting."""
        self.rows += measured.rows
        self.left_out += measured.left_out

    def groups(self) -> list[dict[str, BenchRow]]:
        """The rows by engine of everything that was measured in one go, in order."""
        found: dict[Any, dict[str, BenchRow]] = {}
        for row in self.rows:
            found.setdefault((row.model, row.value, row.batch, row.threads), {})[row.engine] = row
        return list(found.values())

    def summary(self) -> list[dict[str, Any]]:
        """Per threads and batch: geometric mean and worst case, over networks, of the ratio to each one's best peer."""
        against: dict[tuple[int, int], list[BenchRow]] = {}
        for group in self.groups():
            if (peer := best_peer(group)) is not None:
                against.setdefault((peer.threads, peer.batch), []).append(peer)
        found = []
        for (threads, batch), peers in against.items():
            worst = max(peers, key=lambda row: row.ratio)
            mean = math.exp(float(np.mean([math.log(row.ratio) for row in peers])))
            found.append(
                {"threads": threads, "batch": batch, "geomean": mean, "worst": worst.ratio, "worst_model": worst.model}
            )
        return found

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        machine = {
            "cpu": self.cpu,
            "date": self.date,
            "peak_gmacs_per_s": {str(count): peak.gmacs for count, peak in self.peaks.items()},
            "peak_fma_gmacs_per_s": {str(count): peak.fma_gmacs for count, peak in self.peaks.items()},
            "peak_code_gmacs_per_s": {str(count): peak.code_gmacs for count, peak in self.peaks.items()},
            "peak_gbytes_per_s": {str(count): peak.gbytes for count, peak in self.peaks.items()},
            "microkernel": dataclasses.asdict(self.microkernel),
            "microkernel_share": self.microkernel.share,
            "microkernel_tile_share": self.microkernel.tile_share,
        }
        rows, summary = self.records(), self.summary()
        return {"machine": machine, "rows": rows, "summary": summary, "left_out": self.left_out}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> BenchReport:
        """The report that `to_dict` was made of."""
        machine = found["machine"]
        most, fma, gbytes = (machine[f"peak_{what}_per_s"] for what in ("gmacs", "fma_gmacs", "gbytes"))
        codes = machine.get("peak_code_gmacs_per_s", {})
        peaks = {
            int(n): Peak(
                2 * most[n], gbytes[n], int(n), None if fma[n] == most[n] else 2 * fma[n], code_gmacs=codes.get(n)
            )
            for n in most
        }
        rows, microkernel = [BenchRow(**row) for row in found["rows"]], Microkernel(**machine["microkernel"])
        report = cls(rows, peaks, microkernel, left_out=list(found.get("left_out", ())))
        report.cpu, report.date = machine["cpu"], machine.get("date", "")  # which older reports lack
        return report

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; raises OSError."""
        write_text(path, json.dumps(self.to_dict(), indent=1))

    def plot(self) -> Figure:
        """Our time over the peers', network by network; needs the ``plots`` extra.  Raises InputError without peers."""
        return plot(self)

    def table(self, by: By = "node") -> Table:
        rows = self.rows
        peers = [row if row.engine != OURS else None for row in rows]
        columns = [
            Column("network", [row.model for row in rows], right=False),
            Column("batch", [str(row.batch) for row in rows]),
            Column("threads", [str(row.threads) for row in rows]),
            Column("engine", [row.engine for row in rows], right=False),
            Column("median\nms", [f"{row.median_ms:.3g}" for row in rows]),
            Column("least\nms", [f"{row.min_ms:.3g}" for row in rows]),
            Column("GMAC/s", [f"{row.gmacs_per_s:.1f}" for row in rows]),
            Column("of\npeak", [f"{row.peak_share:.0%}" for row in rows]),
            Column("of\nstream", [f"{row.bandwidth_share:.0%}" if row.bandwidth_share else "" for row in rows]),
            Column("tinyinfer\n/ engine", [f"{row.ratio:.2f}" if row else "" for row in peers]),
            Column("\nquartiles", ["{:.2f} {:.2f}".format(*row.ratio_quartiles) if row else "" for row in peers]),
        ]
        return Table("Time per call, engines by turns", columns, self._notes())

    def circumstances(self) -> list[str]:
        """Which peers could not run, the engines' versions, and what the machine was measured to do at most."""
        return [
            *self.left_out,
            ", ".join(dict.fromkeys(f"{row.engine} {row.version}" for row in self.rows)),
            self.cpu,
            "measured peaks of multiply-adds and of a stream through memory: "
            + "; ".join(
                f"{peak.arithmetic} and {peak.gbytes:.0f} GB/s with {n} thread{'s' if n > 1 else ''}"
                for n, peak in self.peaks.items()
            ),
            str(self.microkernel),
        ]

    def _notes(self) -> list[str]:
        notes = self.circumstances()
        for s in self.summary():
            notes.append(
                f"batch {s['batch']}, threads {s['threads']}: tinyinfer / best peer {s['geomean']:.2f} "
                f"(geometric mean), at worst {s['worst']:.2f} ({s['worst_model']})"
            )
        return notes
