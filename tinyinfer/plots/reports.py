"""Which figure shows which report."""

from __future__ import annotations

from tinyinfer.bench.report import BenchReport
from tinyinfer.bench.sweep_report import SweepReport
from tinyinfer.plots.benchmarks import ratios, sweep
from tinyinfer.plots.timings import profile
from tinyinfer.profiling.timings import Profile
from tinyinfer.reporting.figure import figure

figure.register(BenchReport)(ratios)
figure.register(SweepReport)(sweep)
figure.register(Profile)(profile)
