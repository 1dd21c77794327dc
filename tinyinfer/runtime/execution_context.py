"""A plan ready to run: an arena, and every step bound to its place in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tinyinfer.kernels.base import NHWC
from tinyinfer.passes.machine.choose_kernels import REFERENCE
from tinyinfer.runtime.arena import Arena
from tinyinfer.runtime.plan import Plan, Step

Call = Callable[[], None]
Results = dict[str, np.ndarray]


class ExecutionContext:
    """An arena for one call at a time, the calls that compute the steps over it, and ``run``, all of them at once.

    The arena's ``given`` takes the caller's inputs before a run, ``results`` holds the outputs after it.  No call knows
    the context, nor does that know its plan: see `Arena`.
    """

    def __init__(self, plan: Plan) -> None:
        self.arena = Arena(plan)
        self.results: Results = {}
        fast, threads = plan.options.kernels != REFERENCE, plan.options.threads
        self.calls = [_bind(i, step, self.arena, self.results, fast, threads) for i, step in enumerate(plan.steps)]
        self.run = _all_calls(self.calls, fast)


def _all_calls(calls: list[Call], fast: bool) -> Call:
    if not fast:
        return partial(_run_each, calls)
    from tinyinfer.kernels.parallel.task import in_turn  # here, since it brings Numba

    return in_turn(calls)


def _run_each(calls: list[Call]) -> None:
    for call in calls:
        call()


def _bind(number: int, step: Step, arena: Arena, results: Results, fast: bool, threads: int) -> Call:
    if step.node.op.name == "input":
        return _bind_copy_in(step.inputs[0], arena, fast, threads)
    if step.node.op.name == "output":
        return _bind_copy_out(step.inputs[0], arena, results, fast, threads)
    if step.implementation is None:
        return partial(
            _run_reference, step, [arena.view(v) for v in step.inputs], [arena.view(v) for v in step.outputs]
        )
    inputs = [arena.feature_map(value) for value in step.inputs]
    outputs = [arena.feature_map(value) for value in step.outputs]
    return step.implementation.bind(inputs, outputs, arena.workspace(number, step.workspace_bytes))


def _run_reference(step: Step, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    for target, result in zip(outputs, step.node.op.reference(inputs, step.params), strict=True):  # type: ignore[attr-defined]
        np.copyto(target, result)


def _bind_copy_in(value: str, arena: Arena, fast: bool, threads: int) -> Call:
    if arena.is_planar(value):
        return partial(arena.locate, value)
    if fast and _can_transpose(value, arena):
        return _bind_transpose_in(value, arena, threads)
    target = arena.view(value)

    def copy_in() -> None:
        np.copyto(target, arena.given[value])

    return copy_in


def _can_transpose(value: str, arena: Arena) -> bool:
    """Whether a value is of images, in elements that kernels transpose."""
    place = arena.feature_map(value)
    return place.layout == NHWC and (place.data.dtype == np.float32 or place.data.itemsize == 1)


def _bind_transpose_in(value: str, arena: Arena, threads: int) -> Call:
    """For images a kernel does it, in a fraction of NumPy's time."""
    from tinyinfer.kernels.movement.borders import bind_to_images
    from tinyinfer.kernels.parallel.task import in_turn

    transpose = bind_to_images(threads, arena.address(value), arena.feature_map(value))
    return in_turn([partial(arena.locate, value), transpose])


def _bind_copy_out(value: str, arena: Arena, results: Results, fast: bool, threads: int) -> Call:
    source = arena.view(value)
    if fast and _can_transpose(value, arena) and source.shape[1] > 1 < source[0, 0].size:
        return _bind_transpose_out(value, arena, results, threads)

    def copy_out() -> None:
        results[value] = source.copy(order="C")

    return copy_out


def _bind_transpose_out(value: str, arena: Arena, results: Results, threads: int) -> Call:
    """For maps a kernel does it, in half of NumPy's time, most of which new pages take."""
    from tinyinfer.kernels.movement.borders import bind_to_planes

    fm, address = arena.feature_map(value), np.zeros(1, np.int64)
    transpose = bind_to_planes(threads, fm, address)

    def copy_out() -> None:
        y = results[value] = np.empty((fm.n, fm.c, fm.h, fm.w), fm.data.dtype)
        address[0] = y.ctypes.data
        transpose()

    return copy_out
