"""What a benchmark of quantised networks found: times in 8 bits and in floats, engine by engine."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer.bench.report import OURS, BenchReport, BenchRow, best_peer
from tinyinfer.files import write_text
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table

INT8, FLOAT32 = "int8", "float32"


@dataclass(repr=False)
class PrecisionReport(Report):
    """The same settings and engines twice, measured by turns: on the quantised networks and on those of floats.

    ``error`` of a row is the noise of its outputs: their difference from the float network's over these, in root mean
    squares.
    """

    int8: BenchReport
    float32: BenchReport

    def pairs(self) -> list[tuple[BenchRow, BenchRow]]:
        """Each engine's rows in 8 bits and in floats."""
        return list(zip(self.int8.rows, self.float32.rows, strict=True))

    def gains(self) -> dict[tuple[int, int], float]:
        """By batch and threads, the geometric mean of our time in 8 bits over our own in floats."""
        found: dict[tuple[int, int], list[float]] = {}
        for codes, floats in self.pairs():
            if codes.engine == OURS:
                ratio = np.median(np.array(codes.rounds_ms) / np.array(floats.rounds_ms))
                found.setdefault((codes.batch, codes.threads), []).append(math.log(float(ratio)))
        return {key: math.exp(float(np.mean(logs))) for key, logs in found.items()}

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [
            {**row, "precision": kind}
            for kind, report in ((INT8, self.int8), (FLOAT32, self.float32))
            for row in report.records()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Both reports, as JSON can hold them."""
        gains = [{"batch": b, "threads": t, "ours_over_float32": ratio} for (b, t), ratio in self.gains().items()]
        return {INT8: self.int8.to_dict(), FLOAT32: self.float32.to_dict(), "gains": gains}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> PrecisionReport:
        """The report that `to_dict` was made of."""
        return cls(BenchReport.from_dict(found[INT8]), BenchReport.from_dict(found[FLOAT32]))

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; raises OSError."""
        write_text(path, json.dumps(self.to_dict(), indent=1))

    def table(self, by: By = "node") -> Table:
        pairs = self.pairs()
        against = [codes if codes.engine != OURS else None for codes, _ in pairs]
        columns = [
            Column("network", [codes.model for codes, _ in pairs], right=False),
            Column("batch", [str(codes.batch) for codes, _ in pairs]),
            Column("threads", [str(codes.threads) for codes, _ in pairs]),
            Column("engine", [codes.engine for codes, _ in pairs], right=False),
            Column("int8\nms", [f"{codes.median_ms:.3g}" for codes, _ in pairs]),
            Column("float32\nms", [f"{floats.median_ms:.3g}" for _, floats in pairs]),
            Column("int8 /\nfloat32", [f"{codes.median_ms / floats.median_ms:.2f}" for codes, floats in pairs]),
            Column("of int8\npeak", [f"{codes.peak_share:.0%}" for codes, _ in pairs]),
            Column("noise\ndB", [decibels(codes.error) for codes, _ in pairs]),
            Column("tinyinfer / engine\nint8", [f"{row.ratio:.2f}" if row else "" for row in against]),
            Column("\nquartiles", ["{:.2f} {:.2f}".format(*row.ratio_quartiles) if row else "" for row in against]),
        ]
        return Table("Time per call in 8 bits and in floats, engines by turns", columns, self._notes())

    def _notes(self) -> list[str]:
        notes = self.int8.circumstances()
        gains = self.gains()
        for s in self.int8.summary():
            gain = gains[s["batch"], s["threads"]]
            notes.append(
                f"int8, batch {s['batch']}, threads {s['threads']}: tinyinfer / best peer {s['geomean']:.2f} "
                f"(geometric mean), at worst {s['worst']:.2f} ({s['worst_model']}); over its own float32 {gain:.2f}"
            )
        against_floats = [
            _over_best_float(group) for group in zip(self.int8.groups(), self.float32.groups(), strict=True)
        ]
        ratios = [ratio for ratio in against_floats if ratio is not None]
        if ratios:
            mean = math.exp(float(np.mean(np.log(ratios))))
            notes.append(f"tinyinfer's int8 over the best peer of either precision: {mean:.2f} (geometric mean)")
        return notes


def _over_best_float(groups: tuple[dict[str, BenchRow], dict[str, BenchRow]]) -> float | None:
    """Our time in 8 bits over the least of any peer, in 8 bits or floats; None without peers."""
    peers = [row for row in map(best_peer, groups) if row is not None]
    return groups[0][OURS].median_ms / min(row.median_ms for row in peers) if peers else None


def decibels(noise: float) -> str:
    """A signal-to-noise ratio as text."""
    return f"{-20 * math.log10(noise):.1f}" if 0 < noise < math.inf else "" if noise == 0 else "none"
