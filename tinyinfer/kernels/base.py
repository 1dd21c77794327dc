"""What a kernel is: which operator it computes, when it applies, how it packs weights, how it runs.

Inside a plan, images are NHWC, and all other values lie as NumPy has them.  A kernel sees either as `FeatureMap`: one
flat array and the distance between pixels, so that the inputs of a concat can be written straight into its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from tinyinfer.graph import Shape
from tinyinfer.ops.base import Op

# what a kernel is in the end: a function of no arguments that reads and writes the arrays it was bound to
Bound = Callable[[], None]


Layout = Literal["nhwc", "rows"]  # pixels of channels, or rows of the last dimension in NumPy's order
NHWC: Layout = "nhwc"
ROWS: Layout = "rows"

ANY_RANK = range(64)


def usual_layout(shape: Shape, four: Layout | None = None) -> Layout:
    """How a value lies that is in no plan: with four dimensions as images, unless ``four`` says otherwise."""
    return (four or NHWC) if len(shape) == 4 else ROWS


def pixel_dims(shape: Shape, layout: Layout | None = None) -> tuple[int, int, int, int]:
    """(n, c, h, w) of images, or of rows: each of them is an image of one pixel, so that a matrix is (N, C, 1, 1)."""
    if (layout or usual_layout(shape)) == NHWC:
        n, c, h, w = shape
        return n, c, h, w
    return (math.prod(shape[:-1]), shape[-1], 1, 1) if shape else (1, 1, 1, 1)


class FeatureMap(NamedTuple):
    """A value in memory, images or rows; kernels call its data and pixel stride x and x_stride, y and y_stride ...

    ``data`` is flat, of the value's dtype, and starts at the first element; pixel p (of n * h * w, see `pixel_dims`)
    starts at ``p * pixel_stride``, in elements.
    """

    data: np.ndarray
    n: int
    h: int
    w: int
    c: int
    pixel_stride: int
    layout: Layout = NHWC

    @property
    def pixels(self) -> int:
        """Pixels of the whole batch."""
        return self.n * self.h * self.w

    @classmethod
    def place(cls, memory: np.ndarray, shape: Shape, pixel_stride: int, layout: Layout | None = None) -> FeatureMap:
        """A value of this shape at the start of some memory, whose dtype it has."""
        layout = layout or usual_layout(shape)
        n, c, h, w = pixel_dims(shape, layout)
        return cls(memory[: (n * h * w - 1) * pixel_stride + c], n, h, w, c, pixel_stride, layout)

    def nhwc(self) -> np.ndarray:
        """A (n, h, w, c) view."""
        element = self.data.itemsize
        s = self.pixel_stride * element
        return np.lib.stride_tricks.as_strided(
            self.data, (self.n, self.h, self.w, self.c), (self.h * self.w * s, self.w * s, s, element)
        )

    def nchw(self) -> np.ndarray:
        """A (n, c, h, w) view."""
        return self.nhwc().transpose(0, 3, 1, 2)

    def logical(self, shape: Shape) -> np.ndarray:
        """A view in the shape that operators know; rows with gaps between them can only be those of a matrix."""
        if self.layout == NHWC:
            return self.nchw()
        return self.data.reshape(shape) if self.pixel_stride == self.c else self.nhwc()[:, 0, 0, :]


class Planes(FeatureMap):
    """A caller's NCHW images, which lie elsewhere at every run: data[0] is their address, the pixel stride 0."""


@dataclass(frozen=True)
class Layer:
    """An operator and its weights: all that packing may depend on, as plans of many input shapes share the result."""

    op: Op
    params: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Problem(Layer):
    """All a kernel may know before it runs: a layer, shapes (images NCHW), threads, dtypes (none said: float32).

    ``kept`` says that the weights of the whole network stay in a cache from one call to the next, ``exact`` that its
    products need all digits of float32.
    """

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    threads: int = 1
    input_dtypes: tuple[str, ...] = ()
    output_dtypes: tuple[str, ...] = ()
    kept: bool = False
    exact: bool = False

    @property
    def dtypes(self) -> set[str]:
        """Those of all inputs and outputs."""
        return {*self.input_dtypes, *self.output_dtypes} or {"float32"}

    @property
    def layer(self) -> Layer:
        """What of it does not depend on the input."""
        return Layer(self.op, self.params)


class Kernel:
    """Base of all kernels: ``pack`` once per layer, construct once per input shape, ``bind`` once per arena.

    Subclasses set the class variables and, where they keep ``workspace_floats`` floats of temporary memory
    (for all threads together), set it in ``__init__``.  One that sets ``reads_planes`` can be bound to `Planes` as its
    first input.  ``dtypes`` and ``ranks`` are all that its inputs and outputs may have.
    """

    op: ClassVar[str]
    name: ClassVar[str]
    dtypes: ClassVar[Container[str]] = ("float32",)
    ranks: ClassVar[Container[int]] = (2, 4)
    # largest error against the float64 reference over its standard deviation: float32 rounds by 6e-8, a sum of K terms
    # by about sqrt(K) times that, 4e-6 for the 4608 of a wide 3x3 layer, and the largest of many is some times that
    tolerance: ClassVar[float] = 2e-5

    def __init__(self, problem: Problem, packed: Any) -> None:
        self.problem = problem
        self.packed = packed
        self.workspace_floats = 0
        self.reads_planes = False

    @classmethod
    def takes(cls, problem: Problem) -> bool:
        """Whether this kernel can compute the problem at all (not whether it is the best)."""
        known = all(len(shape) in cls.ranks for shape in (*problem.inputs, *problem.outputs))
        return known and all(dtype in cls.dtypes for dtype in problem.dtypes) and cls.applies(problem)

    @classmethod
    def applies(cls, problem: Problem) -> bool:
        """What `takes` has to know beyond ranks and dtypes, which it has looked at."""
        raise NotImplementedError

    @classmethod
    def layout(cls, op: Op, inputs: Sequence[Shape]) -> Layout | None:
        """How values of four dimensions have to lie; None where they may in either way, but all in the same."""
        return NHWC

    @classmethod
    def pack(cls, layer: Layer) -> Any:
        """Weights in the kernel's own layout; what depends on the input's shape is for ``__init__``."""
        return None

    def bind(self, inputs: Sequence[FeatureMap], outputs: Sequence[FeatureMap], workspace: np.ndarray) -> Bound:
        """The call that computes the outputs from the inputs; all sizes are settled here, none is checked later."""
        raise NotImplementedError
