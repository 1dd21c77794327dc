"""The data caches of this machine: what each holds, and how fast vectors stream through it."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/devices/system/cpu")  # where Linux says it
SMALLEST, LARGEST = 16 * 1024, 64 * 1024 * 1024  # bytes: the working sets of a staircase
DROP = 0.8  # of a level's speed: less is that of the next
FASTER = 1.05  # times what is behind it: less is no roof of its own, such as a cache that neighbours fill
FILLED = 0.5  # of a cache: more of it may be pushed out by what else runs
MOST = 32 * 1024 * 1024  # bytes of a working set to measure: enough to be beyond any inner cache


@dataclass(frozen=True)
class Cache:
    """A level: the bytes it holds for all threads together, and 10^9 bytes a second that these move through it."""

    name: str
    bytes: int
    gbytes: float


def measure_caches(threads: int, rate: Callable[[int], float], memory: float) -> tuple[Cache, ...]:
    """The levels from the innermost; ``rate`` measures bytes a second for a working set, ``memory`` is beyond them."""
    sizes = listed_sizes(threads) or staircase([(size, rate(size)) for size in _steps()])
    found: list[Cache] = []
    behind = memory
    for name, size in reversed(sizes):
        speed = rate(min(int(FILLED * size), MOST))
        if speed > FASTER * behind:
            found.insert(0, Cache(name, size, speed / 1e9))
            behind = speed
    return tuple(found)


def listed_sizes(threads: int, sysfs: Path = SYSFS) -> list[tuple[str, int]]:
    """Names and bytes that ``threads`` threads have together, as the operating system lists them; else nothing."""
    instances: dict[int, dict[str, int]] = {}  # by level: bytes by the CPUs that share them
    for cpu in _cpus():
        for index in sorted(sysfs.glob(f"cpu{cpu}/cache/index*")):
            with contextlib.suppress(OSError, ValueError):
                if (index / "type").read_text().strip() in ("Data", "Unified"):
                    size = _bytes((index / "size").read_text().strip())
                    sharing = (index / "shared_cpu_list").read_text().strip()
                    instances.setdefault(int((index / "level").read_text()), {})[sharing] = size
    return [(f"L{level}", min(sizes.values()) * min(threads, len(sizes))) for level, sizes in sorted(instances.items())]


def _cpus() -> list[int]:
    """The CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _bytes(text: str) -> int:
    """What "2048K" says."""
    units = {"K": 1024, "M": 1024**2, "G": 1024**3}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def _steps() -> Iterator[int]:
    size = SMALLEST
    while size <= LARGEST:
        yield size
        size *= 2


def staircase(rates: Sequence[tuple[int, float]]) -> list[tuple[str, int]]:
    """Names and bytes of caches, from speeds of growing working sets: each ends where the speed falls to the next."""
    found: list[tuple[str, int]] = []
    best = rates[0][1]
    for (size, speed), (_, following) in itertools.pairwise(rates):
        best = max(best, speed)
        if following < DROP * best:
            if speed >= DROP * best:
                found.append((f"L{len(found) + 1}", size))
            best = following
    return found
