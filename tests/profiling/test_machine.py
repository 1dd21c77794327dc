"""The line that says which machine figures are from."""

from __future__ import annotations

import tinyinfer as ti
from tinyinfer.profiling.caches import Cache
from tinyinfer.profiling.machine import Machine, cpu_name
from tinyinfer.profiling.roofline import Peak, machine_peak
from tinyinfer.runtime.cores import available_cores


def test_names_the_machine_that_it_runs_on() -> None:
    here = ti.machine()
    assert here.cpu.startswith(cpu_name())
    assert here.cores == available_cores()
    assert here.peak is machine_peak(1)
    assert here.has_tiles == (here.peak.units == "tile")
    assert here.lanes in (4, 8, 16)


def test_says_it_in_a_line() -> None:
    peak = Peak(gflops=200, gbytes=10, caches=(Cache("L1", 2**15, 400.0),))
    line = "A CPU (haswell), 2 cores, AVX2; measured with 1 thread: 100 GMAC/s; L1 400, memory 10.0 GB/s"
    assert str(Machine("A CPU (haswell)", 2, "AVX2", 8, False, peak)) == line
    assert (
        Machine("A CPU", 1, "AVX2", 8, False, peak)
        ._repr_markdown_()
        .startswith("**This machine:** A CPU, 1 core, AVX2;")
    )


def test_names_matrix_units_and_both_peaks() -> None:
    peak = Peak(gflops=800, gbytes=10, threads=2, fma_gflops=200)
    line = (
        "X, 4 cores, AVX-512 and AMX; measured with 2 threads: 400 GMAC/s on tiles, 100 on FMA units; memory 10.0 GB/s"
    )
    assert str(Machine("X", 4, "AVX-512", 16, True, peak)) == line
