"""What a benchmark of layers found: a row for each, the kernel that plans choose beside the others."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyinfer import ops
from tinyinfer.bench.layers import Layer
from tinyinfer.bench.report import quartiles
from tinyinfer.files import write_text
from tinyinfer.graph import Shape
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.profiling.roofline import Peak
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table, shape_text

CLEARLY = 0.95  # of the chosen kernel's time, and less than all of it in three rounds of four


@dataclass(frozen=True)
class Rival:
    """Another kernel on the same layer: ``ratio`` is its time over the chosen one's, the median of the rounds'."""

    kernel: str
    ms: float
    ratio: float
    ratio_quartiles: tuple[float, float]

    @property
    def wins(self) -> bool:
        """Whether it was clearly faster than the chosen kernel."""
        return self.ratio < CLEARLY and self.ratio_quartiles[1] < 1


@dataclass(frozen=True)
class LayerRow:
    """One layer with one number of threads: ``ms`` is the chosen kernel's median, ``uses`` how often networks have it.

    ``bytes`` are those of inputs, weights and outputs; the shares are of the machine's measured peaks.
    """

    op: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: Mapping[str, Shape]
    attrs: Mapping[str, Any]
    uses: dict[str, int]
    threads: int
    kernel: str
    why: str
    ms: float
    min_ms: float
    quartiles_ms: tuple[float, float]
    macs: int
    bytes: int
    gmacs_per_s: float
    peak_share: float
    gbytes_per_s: float
    bandwidth_share: float
    rivals: tuple[Rival, ...]

    @property
    def count(self) -> int:
        """Uses in all networks."""
        return sum(self.uses.values())

    @property
    def text(self) -> str:
        """The layer of one image in a line, with the size of its input: 3x3 /2 64→128 at 56x56 relu + residual."""
        words = self._window()
        if self.params and len(self.inputs[0]) in (2, 4):
            through = self.params["expand_weight"][:1] if "expand_weight" in self.params else ()
            words.append("→".join(map(str, (self.inputs[0][1], *through, self.outputs[0][1]))))
            words += [f"at {shape_text(self.inputs[0][2:])}"] if len(self.inputs[0]) == 4 else []
        else:
            words.append(", ".join(shape_text(shape[1:]) for shape in self.inputs))
        epilogues = {str(value) for name, value in self.attrs.items() if name.endswith("activation") and value}
        return " ".join(words + sorted(epilogues) + self._further_inputs())

    def _further_inputs(self) -> list[str]:
        op = ops.get(self.op)
        further = len(self.inputs) - op.arity if self.params and op.arity is not None else 0
        return [f"+ {role}" for role in op.optional_inputs[:further]]

    def _window(self) -> list[str]:
        attrs, weight = self.attrs, self.params.get("weight") or self.params.get("depthwise_weight") or ()
        size = weight[2:] if len(weight) == 4 else attrs.get("kernel_size") or ()
        found = ["x".join(map(str, size))] if size else []
        if "stride" in attrs and max(attrs["stride"]) > 1:
            found.append(f"/{max(attrs['stride'])}")
        if 1 < attrs.get("groups", 1) < self.inputs[0][1]:
            found.append(f"{attrs['groups']} groups")
        return found


def make_row(layer: Layer, peak: Peak, seconds: Mapping[str, np.ndarray]) -> LayerRow:
    """The row of a layer from its kernels' seconds, the chosen one's first."""
    chosen, *others = seconds
    times, problem = seconds[chosen], layer.problem
    median = float(np.median(times))
    rivals = []
    for name in others:
        ratios = seconds[name] / times[: len(seconds[name])]
        rivals.append(Rival(name, float(np.median(seconds[name])) * 1e3, float(np.median(ratios)), quartiles(ratios)))
    return LayerRow(
        op=problem.op.name,
        inputs=problem.inputs,
        outputs=problem.outputs,
        params={role: array.shape for role, array in problem.params.items()},
        attrs=problem.op.attrs,
        uses=layer.uses,
        threads=peak.threads,
        kernel=chosen,
        why=layer.why,
        ms=median * 1e3,
        min_ms=float(times.min()) * 1e3,
        quartiles_ms=quartiles(times * 1e3),
        macs=layer.macs,
        bytes=layer.bytes,
        gmacs_per_s=layer.macs / median / 1e9,
        peak_share=layer.macs / median / 1e9 / peak.gmacs,
        gbytes_per_s=layer.bytes / median / 1e9,
        bandwidth_share=layer.bytes / median / 1e9 / peak.gbytes,
        rivals=tuple(sorted(rivals, key=lambda rival: rival.ratio)),
    )


@dataclass(repr=False)
class LayerReport(Report):
    """All layers of one run, those first whose uses take longest; the machine's measured peaks by threads."""

    rows: list[LayerRow]
    peaks: dict[int, Peak]

    def __post_init__(self) -> None:
        self.rows.sort(key=lambda row: (row.threads, -row.ms * row.count))

    def networks(self) -> list[dict[str, Any]]:
        """Milliseconds of each network's layers by threads: as chosen, and with what was clearly faster."""
        found: dict[tuple[str, int], dict[str, Any]] = {}
        for row in self.rows:
            best = min([row.ms, *(rival.ms for rival in row.rivals if rival.wins)])
            for name, uses in row.uses.items():
                start = {"model": name, "threads": row.threads, "ms": 0.0, "best_ms": 0.0}
                total = found.setdefault((name, row.threads), start)
                total["ms"] += uses * row.ms
                total["best_ms"] += uses * best
        return list(found.values())

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [{"text": row.text, **dataclasses.asdict(row)} for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        peaks = {str(n): peak.to_dict() for n, peak in self.peaks.items()}
        return {"machine": {"cpu": cpu_name(), "peaks": peaks}, "networks": self.networks(), "layers": self.records()}

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `to_dict` to a file; raises OSError."""
        write_text(path, json.dumps(self.to_dict(), indent=1))

    def table(self, by: By = "node") -> Table:
        rows = self.rows
        threads = [Column("threads", [str(row.threads) for row in rows])] if len(self.peaks) > 1 else []
        columns = [
            Column("layer", [row.text for row in rows], right=False, whole=True),
            *threads,
            Column("uses", [str(row.count) for row in rows]),
            Column("operator, kernel", [_label(row) for row in rows], right=False, prose=True),
            Column("ms", [f"{row.ms:.3f}" for row in rows]),
            Column("GMAC/s", [f"{row.gmacs_per_s:.1f}" if row.macs else "-" for row in rows]),
            Column("of\npeak", [f"{row.peak_share:.0%}" if row.macs else "-" for row in rows]),
            Column("GB/s", [f"{row.gbytes_per_s:.1f}" for row in rows]),
            Column("others / chosen", [_rivals(row.rivals) for row in rows], right=False, prose=True),
        ]
        images = max((row.inputs[0][0] for row in rows), default=1)
        title = f"Layers with cold weights, batch {images}, kernels by turns, most time first"
        return Table(title, columns, self._notes())

    def _notes(self) -> list[str]:
        notes = [cpu_name()]
        for n, peak in self.peaks.items():
            notes.append(f"threads {n}: measured peaks {peak.arithmetic}, {peak.gbytes:.0f} GB/s of memory")
        for row in self.rows:
            wins = [rival for rival in row.rivals if rival.wins]
            if wins:
                saved = (row.ms - min(rival.ms for rival in wins)) * row.count
                notes.append(
                    f"clearly faster than {row.kernel} on {row.text}, threads {row.threads}: "
                    f"{', '.join(map(_with_spread, wins))}; saves {saved:.3f} ms in all, "
                    f"{', '.join(f'{count} in {name}' for name, count in row.uses.items())}"
                )
        for found in self.networks():
            faster = f", {found['best_ms']:.2f} with what was clearly faster" if found["best_ms"] < found["ms"] else ""
            notes.append(f"{found['model']}, threads {found['threads']}: layers add up to {found['ms']:.2f} ms{faster}")
        return notes


def _label(row: LayerRow) -> str:
    """The kernel, where it tells the operator; the operator, where it has no other kernel."""
    if row.op in ("conv2d", "depthwise_chain"):
        return row.kernel
    return f"{row.op} {row.kernel}" if row.rivals else row.op


def _with_spread(rival: Rival) -> str:
    low, high = rival.ratio_quartiles
    return f"{rival.kernel} {rival.ratio:.2f} ({low:.2f} {high:.2f})"


def _rivals(rivals: Sequence[Rival]) -> str:
    return ", ".join(f"{r.kernel} {r.ratio:.2f}" if r.ratio < 10 else f"{r.kernel} {r.ratio:.0f}" for r in rivals)
