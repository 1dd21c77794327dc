"""How much memory a network takes in each engine, measured in processes of their own (see `footprint`)."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyinfer.bench import engines, footprint
from tinyinfer.bench.networks import Network, make_inputs, named
from tinyinfer.bench.peers import FROM_ONNX
from tinyinfer.bench.report import OURS, Setting
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.formats.onnx.exporting.export import export_onnx, fix_inputs
from tinyinfer.graph import Shape
from tinyinfer.model import Model
from tinyinfer.profiling.machine import cpu_name
from tinyinfer.reporting.report import Report
from tinyinfer.reporting.tables import By, Column, Table


@dataclass(frozen=True)
class MemoryRow:
    """Peaks of resident memory in MiB: before the network is loaded, and once one call has run.

    ``ratio`` is what tinyinfer adds over what this engine adds: under 1, tinyinfer takes less.
    """

    model: str
    batch: int
    threads: int
    engine: str
    version: str
    before_mib: float
    peak_mib: float
    added_mib: float
    ratio: float


@dataclass(repr=False)
class MemoryReport(Report):
    """All rows of one run."""

    rows: list[MemoryRow]

    def records(self, by: By = "node") -> list[dict[str, Any]]:
        return [dataclasses.asdict(row) for row in self.rows]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return {"machine": {"cpu": cpu_name()}, "rows": self.records()}

    def table(self, by: By = "node") -> Table:
        rows = self.rows
        columns = [
            Column("network", [row.model for row in rows], right=False),
            Column("batch", [str(row.batch) for row in rows]),
            Column("threads", [str(row.threads) for row in rows]),
            Column("engine", [row.engine for row in rows], right=False),
            Column("before\nMiB", [f"{row.before_mib:.1f}" for row in rows]),
            Column("peak\nMiB", [f"{row.peak_mib:.1f}" for row in rows]),
            Column("added\nMiB", [f"{row.added_mib:.1f}" for row in rows]),
            Column("tinyinfer\n/ engine", [f"{row.ratio:.2f}" if row.engine != OURS else "" for row in rows]),
        ]
        notes = [
            ", ".join(dict.fromkeys(f"{row.engine} {row.version}" for row in rows)),
            "before: a peer is imported; with tinyinfer, one kernel has run",
        ]
        return Table("Memory of loading a network and one call, a process for each engine", columns, notes)


def bench_memory(
    networks: Network | Iterable[Network],
    against: Sequence[str] = ("onnxruntime",),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    input_shape: Shape | None = None,
    progress: Callable[[str], None] | None = None,
) -> MemoryReport:
    """Memory that networks (models, or what `tinyinfer.load` takes) add to a process, beside other engines.

    ``against`` names peers that read a file: keys of `peers.FROM_ONNX`.  Inputs are as in `bench`.  Raises InputError
    for an unknown or missing engine and for sizes that do not fit, UnsupportedOpError when a network can't be given to
    a peer, TinyInferError when an engine fails.
    """
    peers = tuple(name for name in dict.fromkeys(against) if name != OURS)
    for name in peers:
        if name in engines.ENGINES and name not in FROM_ONNX:
            raise InputError(f"memory is measured of engines that read a file: {', '.join(FROM_ONNX)}; found {name!r}")
    engines.check(peers)
    report = MemoryReport([])
    for network, model in named(networks):
        for images in batch:
            inputs = make_inputs(model.graph, images, input_shape)
            with tempfile.TemporaryDirectory() as folder:
                files = _write(Path(folder), model, inputs, with_onnx=bool(peers))
                for count in threads:
                    setting = Setting(network, images, count)
                    if progress is not None:
                        progress(str(setting))
                    report.rows += _rows(
                        setting, {name: _measure(name, files, setting, model) for name in (OURS, *peers)}
                    )
    return report


@dataclass(frozen=True)
class _Files:
    ours: Path
    onnx: Path
    inputs: Path


def _write(folder: Path, model: Model, inputs: Mapping[str, np.ndarray], with_onnx: bool) -> _Files:
    files = _Files(folder / "network.npz", folder / "network.onnx", folder / "inputs.npz")
    model.save(files.ours)
    np.savez(files.inputs, allow_pickle=False, **inputs)
    if with_onnx:
        export_onnx(fix_inputs(model.graph, {name: array.shape for name, array in inputs.items()}), files.onnx)
    return files


def _measure(engine: str, files: _Files, setting: Setting, model: Model) -> tuple[float, float]:
    """Peaks before the network and after one call, in MiB."""
    command = [sys.executable, footprint.__file__, engine]
    if engine != OURS:
        return _run([*command, str(files.onnx), str(files.inputs), str(setting.threads)], str(setting))
    command += [str(files.ours), str(files.inputs), str(setting.threads), *_kernels(model)]
    _run(command, str(setting))  # once without looking: what it compiles is not part of the network
    return _run(command, str(setting))


def _kernels(model: Model) -> list[str]:
    forced = model.options.kernels
    if not isinstance(forced, Mapping):
        return [forced] if forced else []
    return [",".join(f"{target}={kernel}" for target, kernel in forced.items())]


def _run(command: Sequence[str], what: str) -> tuple[float, float]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        raise TinyInferError(f"{what}: {command[2]} failed: {reason}")
    before, after = map(float, done.stdout.split()[-2:])
    return before, after


def _rows(setting: Setting, peaks: Mapping[str, tuple[float, float]]) -> list[MemoryRow]:
    added = {name: after - before for name, (before, after) in peaks.items()}
    return [
        MemoryRow(
            model=setting.model,
            batch=setting.batch,
            threads=setting.threads,
            engine=name,
            version=engines.version(name),
            before_mib=before,
            peak_mib=after,
            added_mib=added[name],
            ratio=added[OURS] / added[name] if added[name] else float("inf"),
        )
        for name, (before, after) in peaks.items()
    ]
