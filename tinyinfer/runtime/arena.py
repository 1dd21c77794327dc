"""The memory of one run of a plan, and where in it every value lies."""

from __future__ import annotations

import numpy as np

from tinyinfer.kernels.base import FeatureMap, Planes
from tinyinfer.kernels.pages import own_pages
from tinyinfer.runtime.plan import Plan, Scratch


class Arena:
    """Memory that values share, beside the caller's inputs, which some kernels read where they are.

    It knows neither plan nor workspace, which know it: what is let go is free at once, not when Python next looks for
    cycles.
    """

    def __init__(self, plan: Plan) -> None:
        self.memory = own_pages(plan.arena_floats)
        self.given: dict[str, np.ndarray] = {}
        self._types, self._placements, self._offsets = plan.types, plan.placements, plan.offsets
        self._planar = plan.planar
        self._addresses = {i.name: np.zeros(1, np.int64) for i in plan.graph.inputs}  # of what is given

    def view(self, value: str) -> np.ndarray:
        """A live view of a value in its logical shape, images as NCHW; read-only if it is the caller's own array."""
        if value in self._planar:
            callers = self.given[value].view()
            callers.flags.writeable = False
            return callers
        return self.feature_map(value).logical(self._types[value].shape)

    def feature_map(self, value: str) -> FeatureMap:
        """A value as kernels see it."""
        shape = self._types[value].shape
        if value in self._planar:
            n, c, h, w = shape
            return Planes(self._addresses[value], n, h, w, c, 0)
        place = self._placements[value]
        start = self._offsets[place.root] + place.offset
        return FeatureMap.place(self.memory[start:], shape, place.pixel_stride)

    def scratch(self, step: int, floats: int) -> np.ndarray:
        """Temporary memory of the step of this number."""
        start = self._offsets.get(Scratch(step), 0)
        return self.memory[start : start + floats]

    def is_planar(self, value: str) -> bool:
        """Whether it is an input that is read where the caller has it."""
        return value in self._planar

    def address(self, value: str) -> np.ndarray:
        """Where `locate` puts the address of an input."""
        return self._addresses[value]

    def locate(self, value: str) -> None:
        """Have kernels find what is given where it lies, until the run has ended.

        After weights have streamed through the caches all of Python comes from memory, so little of it is used: 14 us
        in ResNet-18, and 20 with ``np.require`` and ``ctypes``.
        """
        x = self.given[value] = np.ascontiguousarray(self.given[value], np.float32)
        self._addresses[value][0] = x.__array_interface__["data"][0]
