"""Compile every kernel ahead of its first use."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from tinyinfer import kernels, ops
from tinyinfer.errors import InputError
from tinyinfer.graph import Shape
from tinyinfer.kernels.base import Bound, Kernel
from tinyinfer.ops.base import Case, Op
from tinyinfer.profiling.roofline import machine_peak
from tinyinfer.runtime.options import make_options

LARGE = 256 * 1024  # floats: enough for every kernel to take the threads it is given


def tasks(threads: int | None = None) -> list[Callable[[], object]]:
    """A call for every compiled function, for one thread and for ``threads`` (None: all cores).

    A kernel has several functions where sizes decide, so all examples of its operator are looked at.
    """
    counts = sorted({1, make_options(threads).threads})
    found: dict[tuple[type[Kernel], Any], Bound] = {}
    for cls in map(ops.get, ops.names()):
        for kernel in kernels.list(cls.name):
            for count in counts:
                for case, factor in product(cls.cases(), (1, LARGE) if count > 1 else (1,)):
                    bound = _bind(kernel, cls, case, count, factor)
                    if bound is not None:
                        found.setdefault((kernel, getattr(bound, "func", count)), bound)
    roofs = [partial(machine_peak, count) for count in counts]
    borders = [partial(_cross_border, count) for count in counts]
    return [*found.values(), *borders, *roofs]


def warm(todo: Sequence[Callable[[], object]], progress: Callable[[int, int], None] | None = None) -> float:
    """Run the tasks, which compiles what is not yet compiled; returns the seconds it took."""
    start = time.perf_counter()
    for done, call in enumerate(todo, 1):
        call()
        if progress:
            progress(done, len(todo))
    return time.perf_counter() - start


def _bind(kernel: type[Kernel], cls: type[Op], case: Case, threads: int, least: int) -> Bound | None:
    """The kernel prepared for an example, its batch enlarged to ``least`` floats; None where it does not apply."""
    shapes = _enlarged(case.inputs, least)
    inputs = [np.ones(shape, np.float32) for shape in shapes]
    plain = len(inputs) if cls.arity is None else cls.arity
    named = dict(zip(cls.optional_inputs, inputs[plain:], strict=False))
    params = {role: np.ones(shape, np.float32) for role, shape in case.params.items()}
    try:
        return kernels.prepare(kernel, *inputs[:plain], threads=threads, **named, **params, **case.attrs)  # type: ignore[no-any-return]
    except InputError:
        return None


def _enlarged(shapes: Sequence[Shape], least: int) -> list[Shape]:
    factor = -(-least // max(map(math.prod, shapes)))
    return [(shape[0] * factor, *shape[1:]) for shape in shapes]


def _cross_border(threads: int) -> None:
    """The compiled functions that plans call and no kernel stands for."""
    from tinyinfer.kernels.layout import to_nhwc, to_nhwc_parallel

    serial: Callable[..., None] = to_nhwc
    parallel: Callable[..., None] = to_nhwc_parallel
    arguments = np.ones(3, np.float32), 1, 3, 1, np.empty(3, np.float32), 3
    serial(*arguments) if threads == 1 else parallel(*arguments, threads)
