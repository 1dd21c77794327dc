"""The memory of one run of a plan, and where in it every value lies."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.base import FeatureMap, Planes
from tinyinfer.kernels.parallel.pages import own_pages
from tinyinfer.runtime.plan import Plan, Workspace
from tinyinfer.tensor_type import itemsize


class Arena:
    """Memory that values share, beside constants and the caller's inputs, which some kernels read where they are.

    It knows neither plan nor context, which know it: what is let go is free at once, not when Python next looks for
    cycles.
    """

    def __init__(self, plan: Plan) -> None:
        self.memory = own_pages(plan.arena_bytes)
        self.given: dict[str, np.ndarray] = {}
        self._types, self._placements, self._offsets = plan.types, plan.placements, plan.offsets
        self._planar, self._constants = plan.planar, plan.constants
        self._addresses = {i.name: np.zeros(1, np.int64) for i in plan.graph.inputs}  # of what is given

    def view(self, value: str) -> np.ndarray:
        """A live view of a value in its logical shape, images as NCHW; a constant's or the caller's is read-only."""
        if value in self._planar:
            view = self.given[value].view()
        else:
            view = self.feature_map(value).logical(self._types[value].shape).view()
        if value in self._planar or self._placements[value].root in self._constants:
            view.flags.writeable = False
        return view

    def feature_map(self, value: str) -> FeatureMap:
        """A value as kernels see it."""
        shape, dtype = self._types[value].shape, self._types[value].dtype
        if value in self._planar:
            n, c, h, w = shape
            return Planes(self._addresses[value], n, h, w, c, 0)
        place = self._placements[value]
        memory = self._constants.get(place.root)
        if memory is None:
            start = self._offsets[place.root]
            end = start + (self.memory.size - start) // itemsize(dtype) * itemsize(dtype)
            memory = self.memory[start:end].view(dtype)
        return FeatureMap.place(memory[place.offset :], shape, place.pixel_stride, place.layout)

    def workspace(self, step: int, size: int) -> np.ndarray:
        """Temporary memory of so many bytes, as floats, for the step of this number."""
        start = self._offsets.get(Workspace(step), 0)
        return self.memory[start : start + size].view(np.float32)

    def is_planar(self, value: str) -> bool:
        """Whether it is an input that is read where the caller has it."""
        return value in self._planar

    def address(self, value: str) -> np.ndarray:
        """Where `locate` puts the address of an input."""
        return self._addresses[value]

    def locate(self, value: str) -> None:
        """Have kernels find what is given where it lies, until the run has ended.

        After weights have streamed through the caches all of Python comes from memory, so little of it is used:
        neither ``np.require`` nor ``ctypes``.
        """
        x = self.given[value] = np.ascontiguousarray(self.given[value], self._types[value].dtype)
        self._addresses[value][0] = x.__array_interface__["data"][0]
