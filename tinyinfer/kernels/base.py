"""What a kernel is: which operator it computes, when it applies, how it packs weights, how it runs.

Inside a plan, images are NHWC.  A kernel sees them as `FeatureMap`: one flat float32 array and the
distance between pixels, so that the inputs of a concat can be written straight into its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.ops.base import Op

# what a kernel is in the end: a function of no arguments that reads and writes the arrays it was bound to
Bound = Callable[[], None]


def image_dims(shape: Shape) -> tuple[int, int, int, int]:
    """(n, c, h, w) of a value of any rank: a matrix (N, C) is 1x1 images, other ranks are one long pixel."""
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    return (shape[0], shape[1], 1, 1) if len(shape) == 2 else (1, math.prod(shape), 1, 1)


class FeatureMap(NamedTuple):
    """An NHWC image batch in memory; kernels call its data and pixel stride x and x_stride, y and y_stride ...

    ``data`` is flat and starts at the first element; pixel p (of n * h * w) starts at ``p * pixel_stride``.
    """

    data: np.ndarray
    n: int
    h: int
    w: int
    c: int
    pixel_stride: int

    @property
    def pixels(self) -> int:
        """Pixels of the whole batch."""
        return self.n * self.h * self.w

    @classmethod
    def place(cls, memory: np.ndarray, shape: Shape, pixel_stride: int) -> FeatureMap:
        """A value of this shape at the start of some memory."""
        n, c, h, w = image_dims(shape)
        return cls(memory[: (n * h * w - 1) * pixel_stride + c], n, h, w, c, pixel_stride)

    def nhwc(self) -> np.ndarray:
        """A (n, h, w, c) view."""
        s = self.pixel_stride * 4
        return np.lib.stride_tricks.as_strided(
            self.data, (self.n, self.h, self.w, self.c), (self.h * self.w * s, self.w * s, s, 4)
        )

    def nchw(self) -> np.ndarray:
        """A (n, c, h, w) view."""
        return self.nhwc().transpose(0, 3, 1, 2)

    def logical(self, shape: Shape) -> np.ndarray:
        """A view in the shape that operators know: (N, C, H, W), (N, C), or any other of as many elements."""
        if len(shape) == 4:
            return self.nchw()
        return self.nhwc()[:, 0, 0, :] if len(shape) == 2 else self.data.reshape(shape)


class Planes(FeatureMap):
    """A caller's NCHW images, which lie elsewhere at every run: data[0] is their address, the pixel stride 0."""


@dataclass(frozen=True)
class Layer:
    """An operator and its weights: all that packing may depend on, as plans of many input shapes share the result."""

    op: Op
    params: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Problem(Layer):
    """All a kernel may know before it runs: a layer, NCHW shapes, threads."""

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    threads: int = 1

    @property
    def layer(self) -> Layer:
        """What of it does not depend on the input."""
        return Layer(self.op, self.params)


class Kernel:
    """Base of all kernels: ``pack`` once per layer, construct once per input shape, ``bind`` once per arena.

    Subclasses set the class variables and, where they keep ``scratch_floats`` floats of temporary memory
    (for all threads together), set it in ``__init__``.  One that sets ``reads_planes`` can be bound to `Planes` as its
    first input.
    """

    op: ClassVar[str]
    name: ClassVar[str]
    # largest error against the float64 reference over its standard deviation: float32 rounds by 6e-8, a sum of K terms
    # by about sqrt(K) times that, 4e-6 for the 4608 of a wide 3x3 layer, and the largest of many is some times that
    tolerance: ClassVar[float] = 2e-5

    def __init__(self, problem: Problem, packed: Any) -> None:
        self.problem = problem
        self.packed = packed
        self.scratch_floats = 0
        self.reads_planes = False

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        """Whether this kernel can compute the problem at all (not whether it is the best)."""
        raise NotImplementedError

    @classmethod
    def pack(cls, layer: Layer) -> Any:
        """Weights in the kernel's own layout; what depends on the input's shape is for ``__init__``."""
        return None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], scratch: np.ndarray) -> Bound:
        """The call that computes the outputs from the inputs; all sizes are settled here, none is checked later."""
        raise NotImplementedError
