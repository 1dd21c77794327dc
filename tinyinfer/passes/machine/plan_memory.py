"""Give every buffer an offset in one arena, so that buffers which never live together share memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

ALIGNMENT = 64  # bytes: a cache line and an AVX-512 register
SMALL_GAPS = 5  # the largest of small buffers, in gaps: beside a larger one what a CPU fetches beyond it matters less


@dataclass(frozen=True)
class BufferLifetime:
    """A buffer of ``size`` bytes that is alive from step ``first`` to step ``last``, both included."""

    name: Hashable
    size: int
    first: int
    last: int


def plan_memory(lifetimes: Sequence[BufferLifetime], apart: int = 0) -> tuple[dict[Hashable, int], int]:
    """Offsets in bytes by name, and the arena's size.

    Small buffers that live together lie at least ``apart`` bytes apart (`kernels.pages.APART`).

    Largest first, each into the lowest gap that is free for its whole life (greedy by size; Pisarchyk and Lee,
    "Efficient Memory Management for Deep Neural Net Inference", 2020).
    """
    offsets: dict[Hashable, int] = {}
    placed: list[tuple[int, int, BufferLifetime]] = []  # start, end, lifetime
    for lifetime in sorted(lifetimes, key=lambda r: (-r.size, r.first)):
        size = -(-lifetime.size // ALIGNMENT) * ALIGNMENT
        taken = []  # by those it lives with, gaps included
        for other_start, other_end, other in placed:
            if lifetime.first <= other.last and other.first <= lifetime.last:
                gap = apart if max(size, other.size) <= SMALL_GAPS * apart else 0
                taken.append((other_start - gap, other_end + gap))
        start = 0
        for taken_from, taken_to in sorted(taken):
            if start + size > taken_from:
                start = max(start, taken_to)
        placed.append((start, start + size, lifetime))
        offsets[lifetime.name] = start
    return offsets, max((end for _, end, _ in placed), default=0)


def live_bound(lifetimes: Sequence[BufferLifetime]) -> int:
    """The most bytes alive at any one step: no plan can use less."""
    return max(
        (sum(r.size for r in lifetimes if r.first <= step <= r.last) for step in {r.first for r in lifetimes}),
        default=0,
    )
