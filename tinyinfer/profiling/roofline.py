"""The machine's measured roofs, and which of them an operator runs into.

The roofline model (Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009):
an operator can't run faster than its mult-adds at the arithmetic peak, nor than its bytes at memory bandwidth.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from tinyinfer.runtime.threads import guard

Bound = Literal["compute", "memory", "overhead", ""]

# an operator whose nearest roof accounts for less than this part of its time spends it on something else:
# starting, scattered access, scalar code
EXPLAINED = 0.25

STEPS = 20_000  # of the FMA chains in one timed run: some 0.1 ms
STREAM_FLOATS = 16 * 1024 * 1024  # 64 MiB, twice: beyond the last cache of a usual machine
PIECE_FLOATS = STREAM_FLOATS // 16  # timed at once: some 0.25 ms, which other work on the machine often spares
SECONDS = 0.15  # spent on each roof; clocks rise within the first hundredths


@dataclass(frozen=True)
class Peak:
    """Measured roofs of this machine with ``threads`` threads: 10^9 operations and 10^9 bytes a second.

    A fused multiply-add is two floating-point operations, so ``gmacs`` is half of ``gflops``.
    """

    gflops: float
    gbytes: float
    threads: int = 1

    @property
    def gmacs(self) -> float:
        """10^9 mult-adds a second."""
        return self.gflops / 2

    @property
    def ridge(self) -> float:
        """Mult-adds per byte from which on arithmetic and not memory is the nearer roof."""
        return self.gmacs / self.gbytes

    def roof(self, intensity: float) -> float:
        """10^9 mult-adds a second that an operator with this many mult-adds per byte can reach."""
        return min(self.gmacs, intensity * self.gbytes)

    def bound(self, macs: int, bytes_: int, seconds: float) -> Bound:
        """What holds an operator back: the roof that takes longer, or neither if even that explains little."""
        compute, memory = macs / (self.gmacs * 1e9), bytes_ / (self.gbytes * 1e9)
        if max(compute, memory) < EXPLAINED * seconds:
            return "overhead"
        return "compute" if compute >= memory else "memory"


@functools.cache
def machine_peak(threads: int = 1) -> Peak:
    """The roofs, measured once a process: FMA chains in registers, and a stream through memory.

    The best of many short runs counts, as only a disturbed one is slower than the machine.
    """
    with guard(threads):
        return Peak(gflops=2 * _measure_macs(threads) / 1e9, gbytes=_measure_bytes(threads) / 1e9, threads=threads)


def _measure_macs(threads: int) -> float:
    from tinyinfer.kernels import peak

    state = np.full((threads, peak.CHAIN_FLOATS), 1e-3, np.float32)
    run: Callable[..., None] = peak.multiply_adds if threads == 1 else peak.multiply_adds_parallel
    return STEPS * peak.MACS_A_STEP * threads / best_seconds(lambda: run(state, STEPS))


def _measure_bytes(threads: int) -> float:
    from tinyinfer.kernels import peak

    x, y = (np.ones(STREAM_FLOATS, np.float32) for _ in range(2))
    run: Callable[..., None] = peak.stream if threads == 1 else partial(peak.stream_parallel, threads=threads)
    starts = itertools.cycle(range(0, STREAM_FLOATS, PIECE_FLOATS))

    def next_piece() -> None:
        start = next(starts)
        run(x[start : start + PIECE_FLOATS], y[start : start + PIECE_FLOATS], np.float32(1.5))

    return 2 * PIECE_FLOATS * x.itemsize / best_seconds(next_piece)


def best_seconds(run: Callable[[], object], spend: float = SECONDS) -> float:
    """The shortest time of a call, repeated for ``spend`` seconds after one call that is not counted."""
    run()
    best, stop = float("inf"), time.perf_counter() + spend
    while (start := time.perf_counter()) < stop:
        run()
        best = min(best, time.perf_counter() - start)
    return best


def microkernel_share() -> float:
    """Mult-adds a second of the GEMM microkernel on one thread, over the FMA peak measured in the same breath."""
    from tinyinfer import kernels
    from tinyinfer.kernels.base import Problem
    from tinyinfer.kernels.gemm import MR, NR
    from tinyinfer.kernels.on_arrays import empty_map
    from tinyinfer.ops.conv2d import Conv2d

    channels, outputs, pixels = 256, 4 * NR, 16 * MR  # whole tiles in L2, enough of them that the call weighs little
    x, y = empty_map((1, channels, 1, pixels)), empty_map((1, outputs, 1, pixels))
    x.data[:] = 1
    weight = np.ones((outputs, channels, 1, 1), np.float32)
    problem = Problem(Conv2d(), (x.nchw().shape,), (y.nchw().shape,), {"weight": weight})
    kernel = kernels.find("conv2d", "pointwise")
    run = kernel(problem, kernel.pack(problem)).bind([x], [y], np.empty(0, np.float32))
    return pixels * channels * outputs / best_seconds(run) / _measure_macs(threads=1)
