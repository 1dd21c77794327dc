"""Timing kernels on a layer as it is inside a network: all is fresh in the cache but its weights."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinyinfer.kernels.bare import peak
from tinyinfer.kernels.base import Bound

EVICTED_FLOATS = 4 << 20  # read, and as many written: 32 MiB, several times what a core keeps to itself
TRIALS, HOPELESS = 3, 4.0  # a kernel that still takes so many times as long as the first is timed no more


class Surroundings:
    """What other layers do to the caches between two calls of this one."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._evict = self._stream(*(np.ones(EVICTED_FLOATS, np.float32) for _ in range(2)))

    def evict(self) -> None:
        """Move as much memory as pushes everything else out of the cores' own caches."""
        self._evict()

    def touch(self, arrays: Sequence[np.ndarray]) -> None:
        """Write values as the layer before would just have done, a part in each thread; they stay what they are."""
        for x in arrays:
            self._stream(x, x)()

    def _stream(self, x: np.ndarray, y: np.ndarray) -> Bound:
        return peak.stream.bind(self._threads, x, y, np.float32(1))


@dataclass(frozen=True)
class Entrant:
    """A call, and the memory that is in the cache before it.

    First come workspace and outputs, whose places in the arena held other values a moment ago, and last the inputs,
    which the layer before has just written.
    """

    call: Bound
    warm: Sequence[np.ndarray]


class Contest:
    """Calls that compute the same, timed round by round; the first is the standard.

    Those that are hopeless after a few rounds sit out the rest.
    """

    def __init__(self, entrants: Mapping[str, Entrant]) -> None:
        self._entrants = dict(entrants)
        self._seconds: dict[str, list[float]] = {name: [] for name in entrants}

    def play(self, around: Surroundings) -> None:
        """One round: each call timed once, in an order that is reversed from round to round.

        A call before brings weights and outputs as near as a network's last run would have left them: back into the
        cache that all cores share, if that holds a network.
        """
        first = next(iter(self._seconds))
        played = len(self._seconds[first])
        for name, entrant in list(self._entrants.items())[:: 1 if played % 2 == 0 else -1]:
            entrant.call()
            around.evict()
            around.touch(entrant.warm)
            self._seconds[name].append(_seconds(entrant.call))
        if played + 1 == TRIALS:
            limit = HOPELESS * min(self._seconds[first])
            self._entrants = {name: one for name, one in self._entrants.items() if min(self._seconds[name]) <= limit}

    @property
    def seconds(self) -> dict[str, np.ndarray]:
        """Seconds of each call, one number for every round that it played, from the first on."""
        return {name: np.array(values) for name, values in self._seconds.items()}


def _seconds(call: Bound) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
