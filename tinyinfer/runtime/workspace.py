"""The memory of one run of a plan: an arena, and every step bound to its place in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tinyinfer.kernels.base import FeatureMap, Planes
from tinyinfer.kernels.pages import own_pages
from tinyinfer.passes.choose_kernels import REFERENCE
from tinyinfer.runtime.plan import Plan, Step, feature_map, scratch_name


class Workspace:
    """An arena for one call at a time, the calls that compute the steps over it, and ``run``, all of them at once.

    ``given`` takes the caller's inputs before a run, ``results`` holds the outputs after it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.arena = own_pages(plan.arena_floats)
        self.given: dict[str, np.ndarray] = {}
        self.results: dict[str, np.ndarray] = {}
        self._addresses = {i.name: np.zeros(1, np.int64) for i in plan.graph.inputs}  # of what is given
        self.calls = [self._bind(step) for step in plan.steps]
        self.run = self._all_calls()

    def view(self, value: str) -> np.ndarray:
        """A live view of a value in its logical shape, images as NCHW; read-only if it is the caller's own array."""
        if value in self.plan.planar:
            callers = self.given[value].view()
            callers.flags.writeable = False
            return callers
        return self._feature_map(value).logical(self.plan.types[value].shape)

    def _all_calls(self) -> Callable[[], None]:
        if self.plan.options.kernels == REFERENCE:
            return partial(_run_each, self.calls)
        from tinyinfer.kernels.task import in_turn  # here, since it brings Numba

        return in_turn(self.calls)

    def _bind(self, step: Step) -> Callable[[], None]:
        if step.node.op.name == "input":
            return self._bind_copy_in(step.inputs[0])
        if step.node.op.name == "output":
            return self._bind_copy_out(step.inputs[0])
        if step.implementation is None:
            return partial(
                _run_reference, step, [self.view(v) for v in step.inputs], [self.view(v) for v in step.outputs]
            )
        inputs = [self._feature_map(value) for value in step.inputs]
        outputs = [self._feature_map(value) for value in step.outputs]
        start = self.plan.offsets.get(scratch_name(step), 0)
        return step.implementation.bind(inputs, outputs, self.arena[start : start + step.scratch_floats])

    def _feature_map(self, value: str) -> FeatureMap:
        if value in self.plan.planar:
            n, c, h, w = self.plan.types[value].shape
            return Planes(self._addresses[value], n, h, w, c, 0)
        return feature_map(self.plan, self.arena, value)

    def _bind_copy_in(self, value: str) -> Callable[[], None]:
        if value in self.plan.planar:
            return partial(self._locate, value)
        target = self.view(value)
        if target.ndim == 4 and self.plan.options.kernels != REFERENCE:
            return self._bind_transpose_in(value)

        def copy_in() -> None:
            np.copyto(target, self.given[value])

        return copy_in

    def _bind_transpose_in(self, value: str) -> Callable[[], None]:
        """For images a kernel does it: 14 us for 224 x 224 x 3 where NumPy takes 184."""
        from tinyinfer.kernels.layout import to_nhwc
        from tinyinfer.kernels.task import in_turn

        fm, address = self._feature_map(value), self._addresses[value]
        transpose = to_nhwc.bind(self.plan.options.threads, address, fm.n, fm.c, fm.h * fm.w, fm.data, fm.pixel_stride)
        return in_turn([partial(self._locate, value), transpose])

    def _locate(self, value: str) -> None:
        """Have kernels find what is given where it lies, until the run has ended.

        After weights have streamed through the caches all of Python comes from memory, so little of it is used: 14 us
        in ResNet-18, and 20 with ``np.require`` and ``ctypes``.
        """
        x = self.given[value] = np.ascontiguousarray(self.given[value], np.float32)
        self._addresses[value][0] = x.__array_interface__["data"][0]

    def _bind_copy_out(self, value: str) -> Callable[[], None]:
        source = self.view(value)
        if source.ndim == 4 and source.shape[1] > 1 < source[0, 0].size and self.plan.options.kernels != REFERENCE:
            return self._bind_transpose_out(value)

        def copy_out() -> None:
            self.results[value] = source.copy(order="C")

        return copy_out

    def _bind_transpose_out(self, value: str) -> Callable[[], None]:
        """For maps a kernel does it: 2.5 ms for 520 x 520 x 21, most of it for new pages, where NumPy takes 5.9."""
        from tinyinfer.kernels.layout import to_given_planes

        fm, address = self._feature_map(value), np.zeros(1, np.int64)
        transpose = to_given_planes.bind(
            self.plan.options.threads, fm.data, fm.pixel_stride, fm.n, fm.c, fm.h * fm.w, address
        )

        def copy_out() -> None:
            y = self.results[value] = np.empty((fm.n, fm.c, fm.h, fm.w), np.float32)
            address[0] = y.ctypes.data
            transpose()

        return copy_out


def _run_each(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _run_reference(step: Step, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    for target, result in zip(outputs, step.node.op.reference(inputs, step.params), strict=True):  # type: ignore[attr-defined]
        np.copyto(target, result)
