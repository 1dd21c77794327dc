"""Benchmarks against other engines: the same network, weights and inputs, measured in one run.

Engines take turns round by round, so that what slows the machine down slows all of them; their outputs are
compared before anything is timed.
"""

from __future__ import annotations

from tinyinfer.bench.by_layer import bench_layers
from tinyinfer.bench.by_network import bench
from tinyinfer.bench.layer_report import LayerReport
from tinyinfer.bench.networks import make_inputs
from tinyinfer.bench.report import BenchReport, BenchRow
from tinyinfer.bench.sweep import SWEEPS, bench_sweep
from tinyinfer.bench.sweep_report import SweepReport

__all__ = [
    "SWEEPS",
    "BenchReport",
    "BenchRow",
    "LayerReport",
    "SweepReport",
    "bench",
    "bench_layers",
    "bench_sweep",
    "make_inputs",
]
