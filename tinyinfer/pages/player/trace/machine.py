"""The machine that the traces are written for: it computes with the numbers in memory and counts what it does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinyinfer.pages.player.trace.program import (
    Chapter,
    Copy,
    Instruction,
    Load,
    MultiplyAdd,
    Phase,
    Run,
    Store,
    Transform,
)
from tinyinfer.pages.player.trace.winograd_matrices import ADDITIONS, MATRICES

REGISTERS, LANES = 4, 4


@dataclass
class Counts:
    """Load and store instructions, mult-adds, and the additions of transforms."""

    loads: int = 0
    stores: int = 0
    macs: int = 0
    additions: int = 0


@dataclass
class Machine:
    """Memory, vector registers, counts, and the addresses of each access: (first address, numbers side by side)."""

    memory: np.ndarray
    counts: Counts = field(default_factory=Counts)
    accesses: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._vector = np.zeros(0)
        self._sums = [np.zeros(LANES) for _ in range(REGISTERS)]

    def run(self, chapter: Chapter) -> None:
        """A whole chapter; only its counted phases are counted."""
        for phase in chapter.phases:
            self._phase(phase)

    def _phase(self, phase: Phase) -> None:
        for run in phase.runs:
            self._steps(run)
        if phase.when != "counted":
            self.counts = Counts()
            self.accesses.clear()

    def _steps(self, run: Run) -> None:
        for bases in run.steps():
            for instruction in run.template.instructions:
                self._execute(instruction, bases)

    def _execute(self, instruction: Instruction, bases: tuple[int, ...]) -> None:
        match instruction:
            case Load(base, offset, count):
                self._vector = self._read(bases[base] + offset, count)
            case MultiplyAdd(register, base, offset):
                lanes = len(self._vector)
                self._sums[register][:lanes] += self._read(bases[base] + offset, 1) * self._vector
                self.counts.macs += lanes
            case Store(register, base, offset, count, stride):
                self._write(bases[base] + offset, self._sums[register][:count], stride)
                self._sums[register][:] = 0
            case Copy(source, offset, count, stride, target, target_offset):
                values = self._read(bases[source] + offset, count, stride)
                self._write(bases[target] + target_offset, values)
            case Transform(name, source, offsets, target, target_offsets):
                values = np.concatenate([self._read(bases[source] + offset, 1) for offset in offsets])
                for offset, value in zip(target_offsets, MATRICES[name] @ values, strict=True):
                    self._write(bases[target] + offset, np.array([value]))
                self.counts.additions += ADDITIONS[name]

    def _read(self, address: int, count: int, stride: int = 1) -> np.ndarray:
        self.counts.loads += self._touch(address, count, stride)
        return self.memory[address : address + count * stride : stride].copy()

    def _write(self, address: int, values: np.ndarray, stride: int = 1) -> None:
        self.counts.stores += self._touch(address, len(values), stride)
        self.memory[address : address + len(values) * stride : stride] = values

    def _touch(self, address: int, count: int, stride: int) -> int:
        """Note the accesses; how many instructions they take."""
        if stride == 1:
            self.accesses.append((address, count))
            return 1
        self.accesses.extend((address + i * stride, 1) for i in range(count))
        return count
