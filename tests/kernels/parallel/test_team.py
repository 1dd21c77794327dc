"""Teams: every part of every task runs once, in the order of the tasks, whichever threads come, and whenever."""

from __future__ import annotations

import threading
import time

import numba
import numpy as np
import pytest

from tinyinfer.kernels.parallel import thread_team as team
from tinyinfer.kernels.parallel.task import in_turn, task
from tinyinfer.kernels.parallel.thread_team import LINE, OTHERS
from tinyinfer.runtime.threads import guard

SIZE = 3
team_thread = numba.njit(nogil=True)(team.thread)


@task
def follow(part, parts, counts, number, spins, seen):
    """Count this part; note what the counts of the task before were, after a while if this part is the last."""
    for _ in range(spins * (part + 1 == parts)):
        counts[number, part] += 0
    counts[number, part] += 1
    if number > 0:
        seen[number, part] = counts[number - 1].sum()


class Tasks:
    """A list of tasks of 1 to 5 parts that count how often they run."""

    def __init__(self, rng: np.random.Generator, length: int = 40) -> None:
        self.parts = rng.integers(1, 6, length)
        self.counts, self.seen = np.zeros((2, length, 5), np.int64)
        spins = rng.choice([0, 100, 20_000], length)
        self.call = in_turn(
            [follow.bind(int(p), self.counts, i, int(spins[i]), self.seen) for i, p in enumerate(self.parts)]
        )

    def flags(self, others: int = 0) -> np.ndarray:
        flags = np.zeros((team.CORE + 1, 5, LINE), np.int64)
        flags[OTHERS, 0, 0] = others
        return flags

    def check(self, runs: int = 1) -> None:
        expected = runs * (np.arange(5) < self.parts[:, None])
        assert np.array_equal(self.counts, expected)
        before = np.where(expected[1:], runs * self.parts[:-1, None], 0)
        assert np.array_equal(self.seen[1:], before)  # all parts of the task before had ended


def test_a_member_that_is_alone_takes_everything_over(rng):
    for order in ([0, 1, 2], [2, 0, 1], [1]):
        tasks = Tasks(rng)
        flags = tasks.flags()
        for me in order:
            team_thread(me, SIZE, tasks.call.tasks, flags)
            tasks.check()


@pytest.mark.parametrize("others", [0, 1])
def test_threads_may_come_at_any_time(rng, others):
    for _ in range(40):
        tasks = Tasks(rng)
        flags = tasks.flags(others)

        def come(me, delay, table=tasks.call.tasks, flags=flags):
            time.sleep(delay)
            team_thread(me, SIZE, table, flags)

        delays = rng.choice([0, 1e-5, 1e-4, 1e-3], SIZE)
        threads = [threading.Thread(target=come, args=(me, float(delays[me]))) for me in range(SIZE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tasks.check()


def test_a_team_can_be_gathered_again_and_again(rng):
    tasks = Tasks(rng)
    for runs in range(1, 200):
        tasks.call()
        tasks.check(runs)


def test_teams_count_each_other(rng):
    running = [Tasks(rng) for _ in range(4)]

    def run(tasks):
        for _ in range(50):
            with guard(SIZE):
                tasks.call()

    threads = [threading.Thread(target=run, args=(tasks,)) for tasks in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tasks in running:
        tasks.check(50)
    assert team._teams[0] == 0


@task
def fail_if(part, parts, wanted):
    """Raise in the parts that are wanted."""
    if wanted[part]:
        raise ValueError("wanted")


def test_a_team_works_again_after_an_exception(rng):
    wanted, tasks = np.zeros(4, np.bool_), Tasks(rng)
    call = in_turn([tasks.call, fail_if.bind(4, wanted), tasks.call])
    for failing in ([], [1], [0, 2, 3], []):
        wanted[:] = [i in failing for i in range(4)]
        tasks.counts[:] = 0
        if failing:
            with pytest.raises(RuntimeError, match="a kernel has failed"):
                call()
        else:
            call()
        tasks.check(1 if failing else 2)
