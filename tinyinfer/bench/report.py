"""What a benchmark found: rows by network, threads, batch and engine; ratios with their spread; JSON and a table."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyinfer.bench import engines
from tinyinfer.files import write_text
from tinyinfer.graph import Shape
from tinyinfer.profiling.report import Report
from tinyinfer.profiling.tables import By, Column, Table

OURS = "tinyinfer"


class Setting(NamedTuple):
    """What is measured: a network, images a call, threads, and the machine's peak at that many threads."""

    model: str
    batch: int
    threads: int
    peak: float  # GMAC/s

    def __str__(self) -> str:
        return f"{self.model}, batch {self.batch}, threads {self.threads}"


@dataclass(frozen=True)
class BenchRow:
    """One engine on one network.

    Times are milliseconds a call, ``rounds_ms`` one number a round.  ``ratio`` is tinyinfer's time over this
    engine's, the median of the rounds' ratios, with their quartiles: under 1, tinyinfer is faster.
    ``peak_share`` is ``gmacs_per_s`` over the fused multiply-adds that the machine was measured to do.
    ``error`` is the largest difference from the first peer's output over its standard deviation.
    """

    model: str
    input_shapes: Mapping[str, Shape]
    batch: int
    threads: int
    engine: str
    version: str
    median_ms: float
    min_ms: float
    quartiles_ms: tuple[float, float]
    ratio: float
    ratio_quartiles: tuple[float, float]
    gmacs_per_s: float
    peak_share: float
    error: float
    rounds_ms: tuple[float, ...]


def make_rows(
    setting: Setting,
    shapes: Mapping[str, Shape],
    macs: int,
    seconds: Mapping[str, np.ndarray],
    errors: Mapping[str, float],
) -> list[BenchRow]:
    """A row for each engine from its seconds a call in every round."""
    rows = []
    for name, times in seconds.items():
        ratios = seconds[OURS] / times
        speed = macs / float(np.median(times)) / 1e9
        rows.append(
            BenchRow(
                model=setting.model,
                input_shapes=shapes,
                batch=setting.batch,
                threads=setting.threads,
                engine=name,
                version=engines.version(name),
                median_ms=float(np.median(times)) * 1e3,
                min_ms=float(times.min()) * 1e3,
                quartiles_ms=quartiles(times * 1e3),
                ratio=float(np.median(ratios)),
                ratio_quartiles=quartiles(ratios),
                gmacs_per_s=speed,
                peak_share=speed / setting.peak,
                error=errors[name],
                rounds_ms=tuple((times * 1e3).tolist()),
            )
        )
    return rows


def quartiles(values: np.ndarray) -> tuple[float, float]:
    """The lower and the upper one."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(low), float(high)


@dataclass
class BenchReport(Report):
    """All rows of one run; the machine's measured peak in GMAC/s by threads, and the microkernel's share of it."""

    rows: list[BenchRow]
    peaks: dict[int, float]
    microkernel_share: float

    def summary(self) -> list[dict[str, Any]]:
        """Per threads and batch: geometric mean and worst case, over networks, of the ratio to each one's best peer."""
        best: dict[tuple[int, int], dict[str, BenchRow]] = {}
        for row in self.rows:
            if row.engine != OURS:
                group = best.setdefault((row.threads, row.batch), {})
                if row.model not in group or row.median_ms < group[row.model].median_ms:
                    group[row.model] = row
        found = []
        for (threads, batch), group in best.items():
            ratios = [row.ratio for row in group.values()]
            worst = max(group.values(), key=lambda row: row.ratio)
            mean = math.exp(float(np.mean(np.log(ratios))))
            found.append(
                {"threads": threads, "batch": batch, "geomean": mean, "worst": worst.ratio, "worst_model": worst.model}
            )
        return found

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        machine = {
            "cpu": cpu_name(),
            "peak_gmacs_per_s": {str(count): peak for count, peak in self.peaks.items()},
            "microkernel_share": self.microkernel_share,
        }
        return {"machine": machine, "rows": self.records(), "summary": self.summary()}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; raises OSError."""
        write_text(path, json.dumps(self.to_dict(), indent=1))

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
            Column("tinyinfer\n/ engine", [f"{row.ratio:.2f}" if row else "" for row in peers]),
            Column("\nquartiles", ["{:.2f} {:.2f}".format(*row.ratio_quartiles) if row else "" for row in peers]),
        ]
        return Table("Time per call, engines by turns", columns, self._notes())

    def _notes(self) -> list[str]:
        peaks = ", ".join(f"{peak:.0f} with {threads}" for threads, peak in self.peaks.items())
        versions = dict.fromkeys(f"{row.engine} {row.version}" for row in self.rows)
        notes = [
            ", ".join(versions),
            f"{cpu_name()}; measured peak in GMAC/s by threads: {peaks}",
            f"the GEMM microkernel reaches {self.microkernel_share:.0%} of the peak of one thread",
        ]
        for s in self.summary():
            notes.append(
                f"batch {s['batch']}, threads {s['threads']}: tinyinfer / best peer {s['geomean']:.2f} "
                f"(geometric mean), at worst {s['worst']:.2f} ({s['worst_model']})"
            )
        return notes


def cpu_name() -> str:
    """The processor's name where the system tells it, its architecture elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
