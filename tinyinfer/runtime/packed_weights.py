"""Weights as kernels packed them, which the plans of one model for different input shapes share."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from tinyinfer.kernels.base import ROWS, FeatureMap, Kernel, Layer
from tinyinfer.kernels.parallel.pages import return_freed
from tinyinfer.ops.base import Op
from tinyinfer.passes.machine.assign_layout import Placement, buffer_size
from tinyinfer.tensor_type import TensorType
from tinyinfer.weights import Weights

RETURN_AFTER = 2 * 1024 * 1024  # floats of weights let go: to return memory takes milliseconds


class PackedWeights:
    """They are found again by what they were packed from: kernel, operator and the arrays, never by names.

    Names come from model files, where two layers may say that they stand for the same one.
    """

    def __init__(self) -> None:
        self._packed: dict[Hashable, tuple[Weights, Any]] = {}
        self._let_go = 0

    def of(self, kernel: type[Kernel], op: Op, params: Weights) -> Any:
        """What the kernel packs for this layer; where it is new, ``params`` are let go if they can be fetched again."""
        key = kernel, op, params.identity
        if key not in self._packed:
            packed = kernel.pack(Layer(op, {role: params[role] for role in params}))
            self._packed[key] = params, packed  # with the params, whose identity means nothing without them
            params.release(params)
            self._let_go += sum(math.prod(params.shape(role)) for role in params)
            if self._let_go >= RETURN_AFTER:
                self.return_memory()
        return self._packed[key][1]

    def constant(self, params: Weights, place: Placement) -> np.ndarray:
        """The value of a constant as it lies in memory, flat: the array itself where it can be that."""
        key = place.layout, params.identity
        if key not in self._packed:
            self._packed[key] = params, _laid_out(params["value"], place)
            params.release(params)
        flat: np.ndarray = self._packed[key][1]
        return flat

    def return_memory(self) -> None:
        """Give the system back what was let go."""
        if self._let_go > 0:
            return_freed()
            self._let_go = 0


def _laid_out(value: np.ndarray, place: Placement) -> np.ndarray:
    if place.layout == ROWS:
        return np.require(value, requirements=["C", "A", "W"]).reshape(-1)  # compiled code knows no read-only arrays
    memory = np.zeros(buffer_size(TensorType(value.shape, str(value.dtype)), place.layout), value.dtype)
    FeatureMap.place(memory, value.shape, place.pixel_stride, place.layout).logical(value.shape)[...] = value
    return memory
