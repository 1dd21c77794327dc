"""What the machine can do at most: chains of multiply-adds and of tile products in registers, and a stream of memory.

Multiply-adds are of float32 or, four a lane, of 8-bit codes.

These kernels compute nothing of use; the roofline (Williams, Waterman and Patterson, 2009) is drawn from their speed.
"""

from __future__ import annotations

from tinyinfer.kernels.codegen import amx
from tinyinfer.kernels.codegen.amx import DEPTH, TILE, TILE_BYTES
from tinyinfer.kernels.codegen.cpu import LANES, vector_registers
from tinyinfer.kernels.codegen.dot_products import PAIRED, VNNI
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.parallel.parts import own_units
from tinyinfer.kernels.parallel.task import task

# two FMA units of latency 4 or 5 need 10 independent chains; a few more cost nothing while registers last
CHAINS = 24 if vector_registers() == 32 else 12
MACS_A_STEP = CHAINS * LANES
CODE_MACS_A_STEP = 4 * MACS_A_STEP
CHAIN_FLOATS = (3 * CHAINS + 2) * LANES  # accumulators, two factors, and two registers of weights for each of them
# three products of bfloat16 count as one of float32 (bf16x3.py); 2 x 2 tiles of sums hide the latency, as they do there
PRODUCTS, SUM_TILES, GROUPS = 3, 4, 8
TILE_FLOATS = TILE_BYTES // 4
TILE_CHAIN_FLOATS = (SUM_TILES + 4 * GROUPS) * TILE_FLOATS  # sums, then groups of two and two factors: 32 KiB
TILE_MACS_A_STEP = GROUPS * SUM_TILES * TILE * TILE * DEPTH
CODE_TILE_MACS_A_STEP = 2 * TILE_MACS_A_STEP


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


@task
def multiply_adds(part, parts, state, steps):
    """``steps * MACS_A_STEP`` multiply-adds on each row of ``state`` [parts, CHAIN_FLOATS]."""
    fma_chains(state.ctypes.data + part * CHAIN_FLOATS * 4, steps)


@vector_function(state="address", steps="int")
def dot_chains(v, state, steps):
    """Add products of vectors of codes, four a lane, to every accumulator, ``steps`` times, as `byte_panels` does it.

    Where a product takes several instructions, each accumulator has weights of its own, at an address that may be
    another at each step: else LLVM would see that all products are the same, and multiply once.
    """
    a, b = v.load_sums(state, CHAINS * LANES), v.load_sums(state, (CHAINS + 1) * LANES)
    sums = [v.variable(v.load_sums(state, i * LANES)) for i in range(CHAINS)]
    with v.loop(steps):
        weights = v.optimization_barrier(state + (CHAINS + 2) * LANES * 4)
        codes = v.load_two_pairs(v.optimization_barrier(state + CHAINS * LANES * 4)) if PAIRED else a
        for i, total in enumerate(sums):
            if PAIRED:
                total.set(v.dot_sums(total.get(), codes, v.load_pairs(weights, i * 4 * LANES)))
            else:
                total.set(v.dot4(total.get(), a, b if VNNI else v.load_sums(weights, i * LANES)))
    for i, total in enumerate(sums):
        v.store_sums(total.get(), state, i * LANES)


@task
def code_multiply_adds(part, parts, state, steps):
    """``steps * CODE_MACS_A_STEP`` multiply-adds on each row of ``state`` [parts, CHAIN_FLOATS], its words integers."""
    dot_chains(state.ctypes.data + part * CHAIN_FLOATS * 4, steps)


def _tile_chains(v, state, steps, multiply, products):
    """Products of all groups of tiles, so many times each, added up in four tiles, ``steps`` times.

    The groups take turns, as registers that always hold the same numbers need less power, of which there is only so
    much: the clock would be higher than any kernel sees it.
    """
    amx.configure(v)
    factors = state + SUM_TILES * TILE_BYTES
    with v.loop(steps):
        for i in range(SUM_TILES):
            amx.zero(v, i)
        with v.loop(GROUPS) as group:
            for i in range(4):
                amx.load(v, SUM_TILES + i, factors + (group * 4 + i) * TILE_BYTES)
            for _ in range(products):
                for i in range(SUM_TILES):
                    multiply(v, i, SUM_TILES + i // 2, SUM_TILES + 2 + i % 2)
    for i in range(SUM_TILES):
        amx.store(v, i, state + i * TILE_BYTES, TILE * 4)
    amx.release(v)


@vector_function(state="address", steps="int")
def tile_chains(v, state, steps):
    """Chains of products of bfloat16 values."""
    _tile_chains(v, state, steps, amx.multiply, PRODUCTS)


@vector_function(state="address", steps="int")
def code_tile_chains(v, state, steps):
    """Chains of products of codes."""
    _tile_chains(v, state, steps, amx.multiply_codes, 1)


@task
def code_tile_products(part, parts, state, steps):
    """``steps * CODE_TILE_MACS_A_STEP`` multiply-adds on each row of ``state`` [parts, TILE_CHAIN_FLOATS]."""
    code_tile_chains(state.ctypes.data + part * TILE_CHAIN_FLOATS * 4, steps)


@task
def tile_products(part, parts, state, steps):
    """``steps * TILE_MACS_A_STEP`` multiply-adds on each row of ``state`` [parts, TILE_CHAIN_FLOATS]."""
    tile_chains(state.ctypes.data + part * TILE_CHAIN_FLOATS * 4, steps)


@vector_function(x="address", y="address", factor="float", count="int")
def scale(v, x, y, factor, count):
    """y = factor * x."""
    factor, end = v.broadcast(factor), count // LANES * LANES
    with v.loop(count // LANES) as i:
        v.store(v.mul(factor, v.load(x, i * LANES)), y, i * LANES)
    last = v.mask(count - end)
    v.store_masked(v.mul(factor, v.load_masked(x, end, last)), y, end, last)


@task
def stream(part, parts, x, y, factor):
    """y = factor * x: as many bytes read as written (the "scale" of McCalpin's STREAM, 1995).

    In vectors: a loop over elements, which is compiled for one float at a time here, takes
    several times as long as memory does.
    """
    i0, i1 = own_units(part, x.size, LANES, parts)
    scale(x.ctypes.data + i0 * 4, y.ctypes.data + i0 * 4, factor, i1 - i0)


@task
def stream_again(part, parts, x, y, factor, times):
    """`stream` so many times: each thread goes over its own part, which stays in the cache that it fits."""
    i0, i1 = own_units(part, x.size, LANES, parts)
    for _ in range(times):
        scale(x.ctypes.data + i0 * 4, y.ctypes.data + i0 * 4, factor, i1 - i0)
