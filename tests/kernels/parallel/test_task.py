"""Tasks: every part runs once, with the arguments it was bound to, in the order of the calls."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from python_process import environment

from tinyinfer.kernels.parallel.task import in_turn, task


@task
def count(part, parts, counts, numbers):
    """What each part was given."""
    counts[part] += 1
    counts[parts] = parts
    factor, (offset, shift) = numbers
    counts[parts + 1 + part] = factor * part + offset[0] + offset[1] + shift


@task
def times_ten_plus(part, parts, total, number):
    """total[part] = 10 total[part] + number."""
    total[part] = 10 * total[part] + number


@task
def fail(part, parts, least):
    """Raise in parts from ``least`` on."""
    if part >= least:
        raise ValueError("too many")


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 64])
def test_every_part_runs_once_with_its_arguments(parts):
    counts = np.zeros(2 * parts + 1, np.int64)
    call = count.bind(parts, counts, (3, (np.array([4, 5]), 6)))
    gc.collect()  # the array in the tuple is the call's alone now
    for runs in (1, 2):
        call()
        assert (counts[:parts] == runs).all()
        assert counts[parts] == parts
        assert np.array_equal(counts[parts + 1 :], 3 * np.arange(parts) + 15)


@pytest.mark.parametrize("parts", [1, 4])
def test_calls_in_turn_wait_for_each_other(parts):
    total = np.zeros(parts, np.int64)
    tasks = [times_ten_plus.bind(parts, total, number) for number in range(1, 5)]

    def double() -> None:
        total[:] *= 2

    in_turn([tasks[0], tasks[1], double, tasks[2], double, double, tasks[3]])()
    assert (total == ((12 * 2 * 10 + 3) * 4) * 10 + 4).all()
    total[:] = 0
    in_turn(tasks)()
    assert (total == 1234).all()
    total[:] = 0
    in_turn([in_turn(tasks[:2]), in_turn(tasks[2:])])()
    assert (total == 1234).all()
    in_turn([])()


@pytest.mark.parametrize("parts", [1, 3])
def test_an_exception_of_any_part_is_raised(parts):
    fail.bind(parts, parts)()
    call = fail.bind(parts, parts - 1)
    with pytest.raises(RuntimeError, match="a kernel has failed"):
        call()
    after = np.zeros(parts, np.int64)
    with pytest.raises(RuntimeError, match="a kernel has failed"):
        in_turn([call, times_ten_plus.bind(parts, after, 1)])()
    assert (after == 0).all()


FACTORY = """
import sys
import numpy as np
from tinyinfer.kernels.parallel.task import task

def make(number):
    @task
    def add(part, parts, x):
        x[part] += number
    return add

made = {number: make(number) for number in (1, 10)}
x = np.zeros(2)
for argument in sys.argv[1:]:
    made[int(argument)].bind(2, x)()
print(x, sum(sum(d.store.stats.cache_misses.values()) for d in made.values()))
"""


@pytest.mark.slow
def test_tasks_of_one_factory_are_kept_apart_and_found_again(tmp_path: Path) -> None:
    (tmp_path / "factory.py").write_text(FACTORY)
    for arguments, printed in (
        (["1"], "[1. 1.] 1"), (["10"], "[10. 10.] 1"), (["1", "10"], "[11. 11.] 0"),
    ):  # fmt: skip
        command = [sys.executable, str(tmp_path / "factory.py"), *arguments]
        env = environment(TINYINFER_CACHE_DIR=str(tmp_path))
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.strip()) == (0, printed), done.stderr[-2000:]
