"""What a benchmark found: rows by network, threads, batch and engine; ratios with their spread; JSON and a table."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from tinyinfer.bench import engines
from tinyinfer.graph import Shape

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
                quartiles_ms=_quartiles(times * 1e3),
                ratio=float(np.median(ratios)),
                ratio_quartiles=_quartiles(ratios),
                gmacs_per_s=speed,
                peak_share=speed / setting.peak,
                error=errors[name],
                rounds_ms=tuple((times * 1e3).tolist()),
            )
        )
    return rows


def _quartiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(low), float(high)


@dataclass
class BenchReport:
    """All rows of one run, and the machine's measured peak in GMAC/s by threads."""

    rows: list[BenchRow]
    peaks: dict[int, float]

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

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        rows = [dataclasses.asdict(row) for row in self.rows]
        machine = {"cpu": cpu_name(), "peak_gmacs_per_s": {str(count): peak for count, peak in self.peaks.items()}}
        return {"machine": machine, "rows": rows, "summary": self.summary()}

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` to a file."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1), encoding="utf-8")

    def __rich__(self) -> Table:
        table = Table(
            "network", "threads", "batch", "engine", title="Time per call, engines interleaved",
            caption="\n".join(self._captions()), caption_justify="left", title_justify="left",
        )  # fmt: skip
        for heading in ("median ms", "min ms", "GMAC/s", "of peak", "tinyinfer / engine", "quartiles"):
            table.add_column(heading, justify="right", no_wrap=True)
        above = None
        for row in self.rows:
            setting = (row.model, row.threads, row.batch)
            if setting != above:
                table.add_section()
            table.add_row(
                *(("", "", "") if setting == above else map(str, setting)),
                row.engine,
                f"{row.median_ms:.3g}",
                f"{row.min_ms:.3g}",
                f"{row.gmacs_per_s:.1f}",
                f"{row.peak_share:.0%}",
                *_ratio_cells(row),
            )
            above = setting
        return table

    def _captions(self) -> list[str]:
        peaks = ", ".join(f"{peak:.0f} GMAC/s with {threads} threads" for threads, peak in self.peaks.items())
        lines = [f"{cpu_name()}, measured peak {peaks}"]
        for s in self.summary():
            lines.append(
                f"threads {s['threads']}, batch {s['batch']}: geometric mean against the best peer "
                f"{s['geomean']:.2f}, worst {s['worst']:.2f} ({s['worst_model']})"
            )
        return lines


def _ratio_cells(row: BenchRow) -> tuple[str, str]:
    if row.engine == OURS:
        return "", ""
    colour = "green" if row.ratio <= 1 else "red"
    low, high = row.ratio_quartiles
    return f"[{colour}]{row.ratio:.2f}[/]", f"{low:.2f} - {high:.2f}"


def cpu_name() -> str:
    """The processor's name where the system tells it, its architecture elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
