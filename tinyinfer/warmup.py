"""Compile every kernel ahead of its first use."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from tinyinfer import kernels, ops
from tinyinfer.graph import TensorType
from tinyinfer.kernels.base import Kernel, Problem
from tinyinfer.kernels.on_arrays import run
from tinyinfer.ops.base import Case, Op
from tinyinfer.runtime.options import make_options

Task = tuple[type[Kernel], Problem]


def tasks(threads: int | None = None) -> list[Task]:
    """One small problem for every kernel, for one thread and for ``threads`` (None: all cores)."""
    counts = sorted({1, make_options(threads).threads})
    found = []
    for name in ops.names():
        for kernel in kernels.list(name):
            problems = (_problem(ops.get(name), case, count) for count in counts for case in ops.get(name).cases())
            taken: dict[int, Problem] = {}
            for problem in problems:
                if problem.threads not in taken and kernel.applies(problem):
                    taken[problem.threads] = problem
            found += [(kernel, problem) for problem in taken.values()]
    return found


def warm(todo: Sequence[Task], progress: Callable[[int, int], None] | None = None) -> float:
    """Run the tasks, which compiles what is not yet compiled; returns the seconds it took."""
    start = time.perf_counter()
    for done, (kernel, problem) in enumerate(todo, 1):
        run(kernel, problem, [np.ones(shape, np.float32) for shape in problem.inputs])
        if progress:
            progress(done, len(todo))
    return time.perf_counter() - start


def _problem(cls: type[Op], case: Case, threads: int) -> Problem:
    op = cls(**case.attrs)
    inputs = [TensorType(shape) for shape in case.inputs]
    outputs = op.infer(inputs, {role: TensorType(shape) for role, shape in case.params.items()})
    params = {role: np.ones(shape, np.float32) for role, shape in case.params.items()}
    return Problem(op, tuple(case.inputs), tuple(t.shape for t in outputs), params, threads)
