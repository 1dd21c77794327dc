"""What the machine can do at most: chains of fused multiply-adds that touch no memory, and a stream that only moves it.

These kernels compute nothing of use; the roofline (Williams, Waterman and Patterson, 2009) is drawn from their speed.
"""

from __future__ import annotations

from numba import prange

from tinyinfer.kernels.cpu import LANES, vector_registers
from tinyinfer.kernels.jit import jit, jit_parallel
from tinyinfer.kernels.simd import vector_function

# two FMA units of latency 4 or 5 need 10 independent chains; a few more cost nothing while registers last
CHAINS = 24 if vector_registers() == 32 else 12
MACS_A_STEP = CHAINS * LANES
CHAIN_FLOATS = (CHAINS + 2) * LANES  # accumulators, then the two factors


@vector_function(state="address", steps="int")
def fma_chains(v, state, steps):
    """Add the product of two vectors to every accumulator, ``steps`` times."""
    a, b = v.load(state, CHAINS * LANES), v.load(state, (CHAINS + 1) * LANES)
    sums = [v.variable(v.load(state, i * LANES)) for i in range(CHAINS)]
    with v.loop(steps):
        for total in sums:
            total.set(v.fma(a, b, total.get()))
    for i, total in enumerate(sums):
        v.store(total.get(), state, i * LANES)


@jit
def multiply_adds(state, steps):
    """``steps * MACS_A_STEP`` multiply-adds on one thread; ``state`` is [1, CHAIN_FLOATS]."""
    fma_chains(state.ctypes.data, steps)


@jit_parallel
def multiply_adds_parallel(state, steps):
    """`multiply_adds` on each row of ``state``, one thread a row."""
    for t in prange(state.shape[0]):
        fma_chains(state.ctypes.data + t * CHAIN_FLOATS * 4, steps)


@jit
def stream(x, y, factor):
    """y = factor * x: as many bytes read as written (the "scale" of McCalpin's STREAM, 1995)."""
    for i in range(x.size):
        y[i] = factor * x[i]


@jit_parallel
def stream_parallel(x, y, factor, threads):
    """`stream`, a part for each of ``threads``."""
    for t in prange(threads):
        for i in range(x.size * t // threads, x.size * (t + 1) // threads):
            y[i] = factor * x[i]
