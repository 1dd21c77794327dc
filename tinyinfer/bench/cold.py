"""Timing kernels on a layer as it is inside a network: its input fresh in the cache, its weights long gone from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tinyinfer.kernels import peak
from tinyinfer.kernels.base import Bound, FeatureMap

EVICTED_FLOATS = 4 << 20  # read, and as many written: 32 MiB, several times what a core keeps to itself
TRIALS, HOPELESS = 3, 4.0  # a kernel that still takes so many times as long as the first is timed no more


class Surroundings:
    """What other layers do to the caches between two calls of this one."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._read, self._written = (np.ones(EVICTED_FLOATS, np.float32) for _ in range(2))

    def evict(self) -> None:
        """Move as much memory as pushes everything else out of the cores' own caches."""
        self._stream(self._read, self._written)

    def touch(self, maps: Sequence[FeatureMap]) -> None:
        """Write values as the layer before would just have done, a part in each thread; they stay what they are."""
        for x in maps:
            self._stream(x.data, x.data)

    def _stream(self, x: np.ndarray, y: np.ndarray) -> None:
        stream: Callable[..., None] = peak.stream if self._threads == 1 else peak.stream_parallel
        stream(x, y, np.float32(1), *() if self._threads == 1 else (self._threads,))


def cold_times(
    calls: Mapping[str, Bound], inputs: Sequence[FeatureMap], around: Surroundings, rounds: int
) -> dict[str, np.ndarray]:
    """Seconds of each call, one number a round, all in turn in every round; the first call is the standard.

    Calls that are hopeless after a few rounds are left out of the others.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    hopeful = dict(calls)
    first = next(iter(calls))
    for index in range(rounds):
        for name in list(hopeful) if index % 2 == 0 else list(hopeful)[::-1]:
            around.evict()
            around.touch(inputs)
            seconds[name].append(_seconds(hopeful[name]))
        if index == TRIALS - 1:
            limit = HOPELESS * min(seconds[first])
            hopeful = {name: call for name, call in calls.items() if min(seconds[name]) <= limit}
    return {name: np.array(values) for name, values in seconds.items()}


def _seconds(call: Bound) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
