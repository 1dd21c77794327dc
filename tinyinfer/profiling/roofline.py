"""The machine's measured roofs, which of them an operator runs into, and how near the microkernel comes.

The roofline model (Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009):
an operator can't run faster than its mult-adds at the arithmetic peak, nor than its bytes at the bandwidth of where
they are: one of the caches, or memory (Ilic, Pratas and Sousa, "Cache-aware roofline model", 2014).
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from tinyinfer.profiling.caches import Cache, measure_caches
from tinyinfer.profiling.reuse import Traffic
from tinyinfer.runtime.threads import guard

Bound = Literal["compute", "L1", "L2", "L3", "L4", "memory", "overhead", ""]
Units = Literal["most", "fma", "codes"]  # whichever do most floats, those of FMA alone, those that multiply 8-bit codes

# an operator whose nearest roof accounts for less than this part of its time spends it on something else:
# starting, scattered access, scalar code
EXPLAINED = 0.25

TILE_KERNELS = ("bf16x3",)  # those whose arithmetic is all on tiles

STEPS = 20_000  # of the FMA chains in one timed run: some 0.1 ms
TILE_STEPS = 4_000  # of the chains of tile products: some 3 ms, as clocks take a while to fall
STREAM_FLOATS = 16 * 1024 * 1024  # 64 MiB, twice: beyond the last cache of a usual machine, but for some of it
CACHED_BYTES = 4 * 1024 * 1024  # that go through a cache in one timed run: some 0.1 ms
CACHED_SECONDS = 0.02  # spent on each cache
SECONDS = 0.15  # spent on each roof; clocks rise within the first hundredths


@dataclass(frozen=True)
class Peak:
    """Measured roofs of this machine with ``threads`` threads: 10^9 operations and 10^9 bytes a second.

    A multiply-add is two floating-point operations, so ``gmacs`` is half of ``gflops``.  On AMX tiles three products of
    bfloat16 count as one of float32; there ``fma_gflops`` is what the FMA units do, None where nothing does more.
    ``code_gmacs`` are 10^9 multiply-adds of 8-bit codes, None where they were not measured.
    """

    gflops: float
    gbytes: float
    threads: int = 1
    fma_gflops: float | None = None
    caches: tuple[Cache, ...] = ()  # from the innermost; ``gbytes`` is of what lies behind them, memory
    code_gmacs: float | None = None

    @property
    def gmacs(self) -> float:
        """10^9 mult-adds a second, on whichever units do most."""
        return self.gflops / 2

    @property
    def fma_gmacs(self) -> float:
        """10^9 mult-adds a second on the FMA units."""
        return (self.gflops if self.fma_gflops is None else self.fma_gflops) / 2

    @property
    def units(self) -> str:
        """The units that ``gmacs`` is the peak of: FMA or tile."""
        return "FMA" if self.fma_gflops is None else "tile"

    @property
    def arithmetic(self) -> str:
        """The arithmetic peaks in words: 366 GMAC/s on tiles, 108 on FMA units."""
        both = "" if self.fma_gflops is None else f" on tiles, {self.fma_gmacs:.0f} on FMA units"
        codes = "" if self.code_gmacs is None else f", {self.code_gmacs:.0f} of 8-bit codes"
        return f"{self.gmacs:.0f} GMAC/s{both}{codes}"

    @property
    def bandwidths(self) -> str:
        """The bandwidths in words: L1 300, L2 120, memory 13 GB/s."""
        levels = "".join(f"{cache.name} {cache.gbytes:.0f}, " for cache in self.caches)
        return f"{levels}memory {self.gbytes:.1f} GB/s"

    def to_dict(self) -> dict[str, Any]:
        """The roofs, ready for JSON."""
        arithmetic = {"gmacs_per_s": self.gmacs, "fma_gmacs_per_s": self.fma_gmacs}
        if self.code_gmacs is not None:
            arithmetic["code_gmacs_per_s"] = self.code_gmacs
        caches = [{"name": c.name, "bytes": c.bytes, "gbytes_per_s": c.gbytes} for c in self.caches]
        return {**arithmetic, "gbytes_per_s": self.gbytes, **({"caches": caches} if caches else {})}

    @property
    def ridge(self) -> float:
        """Mult-adds per byte from which on arithmetic and not memory is the nearer roof."""
        return self.gmacs / self.gbytes

    @property
    def of_codes(self) -> Peak:
        """The roofs of arithmetic on 8-bit codes alone, which were measured."""
        assert self.code_gmacs is not None
        return Peak(2 * self.code_gmacs, self.gbytes, self.threads, caches=self.caches)

    def gmacs_of(self, units: Units) -> float:
        """10^9 mult-adds a second on some units; of codes as many as of floats where they were not measured."""
        codes = self.gmacs if self.code_gmacs is None else self.code_gmacs
        return {"most": self.gmacs, "fma": self.fma_gmacs, "codes": codes}[units]

    def roof(self, intensity: float) -> float:
        """10^9 mult-adds a second that an operator with this many mult-adds per byte can reach."""
        return min(self.gmacs, intensity * self.gbytes)

    def level(self, distance: float) -> tuple[Bound, float]:
        """Where bytes are found when so many were touched since, and its 10^9 bytes a second."""
        for cache in self.caches:
            if distance <= cache.bytes:
                return cast(Bound, cache.name), cache.gbytes
        return "memory", self.gbytes

    def bound(
        self, macs: int, bytes_: int, seconds: float, units: Units = "most", parts: Sequence[Traffic] | None = None
    ) -> Bound:
        """What holds an operator back: the roof that takes longer, or neither if even that explains little.

        ``units`` says whose peak it is held against.  ``parts`` are its bytes by where they were left; without them all
        come from memory.  Of several levels the one is named that takes longest.
        """
        gmacs = self.gmacs_of(units)
        moved: dict[Bound, float] = {}
        for size, distance in [(bytes_, math.inf)] if parts is None else parts:
            name, gbytes = self.level(distance)
            moved[name] = moved.get(name, 0.0) + size / (gbytes * 1e9)
        compute, transfer = macs / (gmacs * 1e9), sum(moved.values())
        if max(compute, transfer) < EXPLAINED * seconds:
            return "overhead"
        return "compute" if compute >= transfer else max(moved, key=lambda name: moved[name])


@functools.cache
def machine_peak(threads: int = 1, codes: bool = False) -> Peak:
    """The roofs, measured once a process: FMA chains and tile products in registers, streams through caches and memory.

    With ``codes`` the roof of arithmetic on 8-bit codes too.  The best of many short runs counts, as only a disturbed
    one is slower than the machine.
    """
    if codes:
        floats = machine_peak(threads)  # before the guard, which it takes itself
        with guard(threads):
            return replace(floats, code_gmacs=_measure_code_macs(threads) / 1e9)
    with guard(threads):
        fma, tiles, memory = _measure_macs(threads), _measure_tile_macs(threads), _measure_bytes(threads)
        caches = measure_caches(threads, functools.partial(_measure_cached_bytes, threads), memory)
    on_tiles = tiles is not None and tiles >= fma
    most = tiles if tiles is not None and on_tiles else fma
    return Peak(2 * most / 1e9, memory / 1e9, threads, 2 * fma / 1e9 if on_tiles else None, caches)


def _measure_macs(threads: int) -> float:
    from tinyinfer.kernels.bare import peak

    state = np.full((threads, peak.CHAIN_FLOATS), 1e-3, np.float32)
    return STEPS * peak.MACS_A_STEP * threads / best_seconds(peak.multiply_adds.bind(threads, state, STEPS))


def _measure_tile_macs(threads: int) -> float | None:
    from tinyinfer.kernels.bare import peak
    from tinyinfer.kernels.codegen import amx
    from tinyinfer.kernels.matmul.bf16x3 import split_numbers

    if not amx.available():
        return None
    # zeros take less power and would give more, as the clock falls with the power; hence numbers as in a network
    numbers = np.random.default_rng(0).standard_normal((threads, 2 * peak.TILE_CHAIN_FLOATS), np.float32)
    words = (split_numbers(numbers)[0].view(np.uint32) >> 16).astype(np.uint16)  # bfloat16
    products = peak.tile_products.bind(threads, whole_lines(words.view(np.float32)), TILE_STEPS)
    return TILE_STEPS * peak.TILE_MACS_A_STEP * threads / best_seconds(products)


def _measure_code_macs(threads: int) -> float:
    """On vector units or on tiles, whichever do more."""
    from tinyinfer.kernels.bare import peak
    from tinyinfer.kernels.codegen import amx

    state = np.full((threads, peak.CHAIN_FLOATS), 0x01020304, np.int32).view(np.float32)
    vectors = peak.code_multiply_adds.bind(threads, state, STEPS)
    macs = STEPS * peak.CODE_MACS_A_STEP * threads / best_seconds(vectors)
    if amx.available():
        numbers = np.random.default_rng(0).integers(0, 2**31, (threads, peak.TILE_CHAIN_FLOATS), np.int32)
        products = peak.code_tile_products.bind(threads, whole_lines(numbers.view(np.float32)), TILE_STEPS)
        macs = max(macs, TILE_STEPS * peak.CODE_TILE_MACS_A_STEP * threads / best_seconds(products))
    return macs


def whole_lines(numbers: np.ndarray) -> np.ndarray:
    """The same floats from the beginning of a cache line on: rows of tiles that span two take twice as long to load."""
    from tinyinfer.kernels.parallel.pages import aligned_empty

    copy = aligned_empty(numbers.size).reshape(numbers.shape)
    copy[...] = numbers
    return copy


def _measure_bytes(threads: int) -> float:
    from tinyinfer.kernels.bare import peak

    x, y = (np.ones(STREAM_FLOATS, np.float32) for _ in range(2))
    # all of it at once: the best of many pieces would be one that the last cache still held
    return 2 * x.nbytes / best_seconds(peak.stream.bind(threads, x, y, np.float32(1.5)))


def _measure_cached_bytes(threads: int, size: int) -> float:
    """Bytes a second of a stream whose numbers, read and written, take ``size`` bytes together."""
    from tinyinfer.kernels.bare import peak

    x, y = (np.ones(max(size // 8, 64), np.float32) for _ in range(2))
    times = max(1, CACHED_BYTES // (2 * x.nbytes))
    run = peak.stream_again.bind(threads, x, y, np.float32(1.5), times)
    return 2 * x.nbytes * times / best_seconds(run, CACHED_SECONDS)


def best_seconds(run: Callable[[], object], spend: float = SECONDS) -> float:
    """The shortest time of a call, repeated for ``spend`` seconds after one call that is not counted."""
    run()
    best, stop = float("inf"), time.perf_counter() + spend
    while (start := time.perf_counter()) < stop:
        run()
        best = min(best, time.perf_counter() - start)
    return best


@dataclass(frozen=True)
class Microkernel:
    """What the kernel of matrix products reaches on one thread, and the peaks measured in the same breath: GMAC/s."""

    kernel: str
    gmacs: float
    fma_gmacs: float
    tile_gmacs: float | None = None

    @property
    def share(self) -> float:
        """Of the FMA peak; above 1 for a kernel that runs on tiles."""
        return self.gmacs / self.fma_gmacs

    @property
    def tile_share(self) -> float | None:
        """Of the tile peak, for a kernel that runs on tiles."""
        return None if self.tile_gmacs is None else self.gmacs / self.tile_gmacs

    def __str__(self) -> str:
        of_tiles = "" if self.tile_share is None else f", {self.tile_share:.0%} of the tile peak"
        return (
            f"the microkernel ({self.kernel}) reaches {self.gmacs:.0f} GMAC/s with one thread: "
            f"{self.share:.0%} of the FMA peak{of_tiles}"
        )


def measure_microkernel() -> Microkernel:
    """The microkernel that large 1x1 convolutions use on this machine."""
    from tinyinfer.kernels.codegen import amx

    kernel = "bf16x3" if amx.available() else "pointwise"
    tiles = _measure_tile_macs(threads=1)
    return Microkernel(
        kernel, _measure_kernel(kernel) / 1e9, _measure_macs(threads=1) / 1e9, None if tiles is None else tiles / 1e9
    )


def _measure_kernel(name: str) -> float:
    """Mult-adds a second of a convolution kernel on a 1x1 layer whose operands stay in L2."""
    from tinyinfer import kernels
    from tinyinfer.kernels.matmul.gemm import MR, NR

    # whole tiles, and enough of them that the call weighs little; with AMX, that splitting the inputs does
    channels, outputs, pixels = (512, 512, 256) if name == "bf16x3" else (256, 4 * NR, 16 * MR)
    random = np.random.default_rng(0)
    shapes = (1, channels, 1, pixels), (outputs, channels, 1, 1)
    run = kernels.prepare(f"conv2d/{name}", *(random.standard_normal(shape, np.float32) for shape in shapes))
    return pixels * channels * outputs / best_seconds(run)
