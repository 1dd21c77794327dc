"""Timing engines side by side, so that a change of the machine's speed meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import numpy as np

from tinyinfer.errors import TinyInferError
from tinyinfer.profiling.compare import relative_error

PAUSE = 0.05  # seconds before each engine's turn: idle threads of the one before spin for a while
TURN = 0.02  # seconds of timed calls that a turn aims at
MOST_CALLS, TRIALS = 50, 3  # in a turn, and those before the first turn that tell how many it takes
SHORTEST = 1e-9  # seconds: some clocks stand still during a call
TOLERANCE = 1e-3  # largest difference between two engines' outputs over their standard deviation


Name = TypeVar("Name", bound=Hashable)


def interleaved(
    runs: Mapping[Name, Callable[[], Any]],
    rounds: int,
    pause: float = PAUSE,
    rest: float = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, np.ndarray]:
    """Seconds per call of each engine, one number a round.

    In every round each engine takes a turn: a pause (of use only between engines with threads of their own), an
    untimed call, then timed calls whose median counts.  The order is reversed from round to round, so that no engine
    always follows the same one.  ``rest`` is the seconds of sleep before each timed call.  ``clock`` gives seconds:
    `time.thread_time` those of the calling thread alone, for runs of one thread on a machine that does other things.
    """
    calls = {name: _calls_per_turn(run, clock) for name, run in runs.items()}
    seconds: dict[Name, list[float]] = {name: [] for name in runs}
    for index in range(rounds):
        for name in list(runs) if index % 2 == 0 else list(runs)[::-1]:
            time.sleep(pause)
            runs[name]()
            seconds[name].append(float(np.median([_seconds(runs[name], clock, rest) for _ in range(calls[name])])))
    return {name: np.array(values) for name, values in seconds.items()}


def _calls_per_turn(run: Callable[[], Any], clock: Callable[[], float]) -> int:
    run()
    shortest = min(_seconds(run, clock) for _ in range(TRIALS))
    return int(np.clip(TURN / max(shortest, SHORTEST), 1, MOST_CALLS))


def _seconds(run: Callable[[], Any], clock: Callable[[], float], rest: float = 0) -> float:
    if rest > 0:
        time.sleep(rest)
    start = clock()
    run()
    return clock() - start


def disagreement(found: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """Largest difference over all outputs, each over the standard deviation of what is expected."""
    if [a.shape for a in found] != [a.shape for a in expected]:
        return float("inf")
    # NumPy's maximum, unlike Python's, lets no NaN pass
    return float(np.max([relative_error(a, b) for a, b in zip(found, expected, strict=True)]))


def check_agreement(outputs: Mapping[str, list[np.ndarray]], truth: list[np.ndarray], what: str) -> dict[str, float]:
    """Each engine's disagreement with the truth; raises TinyInferError naming one that exceeds `TOLERANCE`."""
    errors = {name: disagreement(found, truth) for name, found in outputs.items()}
    for name, error in errors.items():
        if not error <= TOLERANCE:
            raise TinyInferError(
                f"{what}: {name}'s output is {error:.2g} standard deviations off, at most {TOLERANCE} is allowed; "
                "engines that compute different things can't be compared"
            )
    return errors
