"""Benchmarks against other engines: the same network, weights and inputs, measured in one run.

Engines take turns round by round, so that what slows the machine down slows all of them; their outputs are
compared before anything is timed.  Memory is measured in a process for each engine, which must not bring in what is
ours or the others', so nothing is imported here before it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyinfer.bench.by_layer import bench_layers
    from tinyinfer.bench.by_network import bench
    from tinyinfer.bench.by_precision import bench_int8
    from tinyinfer.bench.layer_report import LayerReport
    from tinyinfer.bench.memory import MemoryReport, bench_memory
    from tinyinfer.bench.networks import make_inputs
    from tinyinfer.bench.precision_report import PrecisionReport
    from tinyinfer.bench.report import BenchReport, BenchRow
    from tinyinfer.bench.sweep import SWEEPS, bench_sweep
    from tinyinfer.bench.sweep_report import SweepReport

_NAMES = {
    "SWEEPS": "sweep",
    "BenchReport": "report",
    "BenchRow": "report",
    "LayerReport": "layer_report",
    "MemoryReport": "memory",
    "PrecisionReport": "precision_report",
    "SweepReport": "sweep_report",
    "bench": "by_network",
    "bench_int8": "by_precision",
    "bench_layers": "by_layer",
    "bench_memory": "memory",
    "bench_sweep": "sweep",
    "make_inputs": "networks",
}

__all__ = [
    "SWEEPS",
    "BenchReport",
    "BenchRow",
    "LayerReport",
    "MemoryReport",
    "PrecisionReport",
    "SweepReport",
    "bench",
    "bench_int8",
    "bench_layers",
    "bench_memory",
    "bench_sweep",
    "make_inputs",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"tinyinfer.bench.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'tinyinfer.bench' has no attribute {name!r}")
