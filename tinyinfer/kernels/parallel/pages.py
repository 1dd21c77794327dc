"""Memory in huge pages: 2 MiB a page and not 4 KiB, for what kernels read in every run.

Where a page lies, a CPU has to look up, and it keeps some thousand answers at hand.  Weights that stream by are on
another page every 4 KiB, and in a virtual machine each look-up takes two walks through tables: huge pages make
that rare, which networks with many weights gain by most.  NumPy asks Linux for them for arrays of 4 MiB and more, so
smaller ones are cut from a large one, in the order in which they are packed.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from collections.abc import Callable

import numpy as np

LINE = 16  # floats of a cache line and of an AVX-512 register; in misaligned buffers registers span two lines
HUGE = 512 * 1024  # floats of a huge page on x86-64, and on Arm where small ones are of 4 KiB
CHUNK = 32 * HUGE  # floats of address space, taking memory as they are written; the C library reuses none so large

# Bytes between what one thread writes and what another uses meanwhile.  Where a loop steps through memory row by row,
# AMD's CPUs fetch some six rows more than it reads, and so take lines from the core that is writing them: in
# depthwise chains on two threads, for example.
APART = 128 * 1024


class _Chunk(threading.local):
    """The memory that a thread cuts arrays from while any of them is in use, and where the rest of it begins."""

    def __init__(self) -> None:
        self.memory: Callable[[], np.ndarray | None] = lambda: None
        self.at = 0


_chunk = _Chunk()


def own_pages(size: int) -> np.ndarray:
    """So many bytes on pages that hold nothing else."""
    memory, at = _fresh(-(-size // 4))
    return memory[at:].view(np.uint8)[:size]


def aligned_empty(count: int) -> np.ndarray:
    """A flat float32 array that starts on a cache line, beside the one that the thread asked for before.

    Memory is free again when all arrays cut from it are.
    """
    memory, at = _chunk.memory(), _chunk.at
    if memory is None or memory.size - at < count:
        memory, at = _fresh(count)
    _chunk.memory, _chunk.at = weakref.ref(memory), at + -(-count // LINE) * LINE
    return memory[at : at + count]


def aligned_alone(count: int) -> np.ndarray:
    """A flat float32 array that starts on a cache line, in memory of its own that is free again when it is."""
    memory = np.empty(count + LINE, np.float32)
    at = -memory.ctypes.data % (4 * LINE) // 4
    return memory[at : at + count]


def aligned(array: np.ndarray) -> np.ndarray:
    """A flat, aligned float32 copy."""
    copy = aligned_empty(array.size)
    copy[:] = array.reshape(-1)
    return copy


def return_freed() -> None:
    """Have the C library give back to the system what has been freed, where it can be told to.

    Where weights of a checkpoint lay, and what took part in packing them, are holes that it keeps for itself, which
    can be a quarter of a network's memory.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # GNU's has it
        if trim is not None:
            trim(ctypes.c_size_t(0))


def _fresh(count: int) -> tuple[np.ndarray, int]:
    """Memory for ``count`` floats, and where its first huge page begins."""
    memory = np.empty(max(count, CHUNK) + HUGE, np.float32)
    return memory, -memory.ctypes.data % (4 * HUGE) // 4
