"""The machine that figures were measured on, in a line that stands beside them."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from tinyinfer.profiling.roofline import Peak, machine_peak
from tinyinfer.runtime.cores import available_cores

VECTORS = {16: "AVX-512", 8: "AVX2", 4: "vectors of 4"}


@dataclass(frozen=True, repr=False)
class Machine:
    """A CPU by name, the ``cores`` that this process may use, its vector unit, and the peaks of ``peak.threads``.

    A vector register holds ``lanes`` floats.  ``has_tiles`` says whether kernels use matrix units, which they do not
    with ``TINYINFER_AMX=0``.
    """

    cpu: str
    cores: int
    vectors: str
    lanes: int
    has_tiles: bool
    peak: Peak

    @property
    def measured(self) -> str:
        """The peaks in words."""
        return f"{self.peak.arithmetic}; {self.peak.bandwidths}"

    def __repr__(self) -> str:
        units = f"{self.vectors} and AMX" if self.has_tiles else self.vectors
        cores, threads = _count(self.cores, "core"), _count(self.peak.threads, "thread")
        return f"{self.cpu}, {cores}, {units}; measured with {threads}: {self.measured}"

    def _repr_markdown_(self) -> str:
        return f"**This machine:** {self}."


def machine(threads: int = 1) -> Machine:
    """The machine that this process runs on, and its peaks with so many threads, measured once a process."""
    from tinyinfer.kernels.codegen.cpu import CPU, LANES, has_amx

    cpu = cpu_name() if CPU.name in ("", "generic") else f"{cpu_name()} ({CPU.name})"
    vectors = "NEON" if platform.machine() in ("aarch64", "arm64") else VECTORS[LANES]
    return Machine(cpu, available_cores(), vectors, LANES, has_amx(), machine_peak(threads))


def cpu_name() -> str:
    """The processor's name where the system tells it, its architecture elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
