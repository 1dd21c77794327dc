"""Pooling over sliding windows: max_pool2d and avg_pool2d."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    flag,
    integer,
    operator,
    pair,
    require,
    require_rank,
)
from tinyinfer.ops.dtypes import CODES, FLOAT32
from tinyinfer.ops.geometry import Padding, normalize_padding, pad_image, resolve_padding, taps, window_counts

Pair = tuple[int, int]


def _case(*x: int, **attrs: object) -> Case:
    return Case(attrs, (x,))


class WindowPool(Op):
    """What max_pool2d and avg_pool2d share: windows of ``kernel_size`` over x (N, C, H, W)."""

    kernel_size: Pair
    stride: Pair | None
    padding: Padding
    dilation: Pair
    ceil_mode: bool

    def _normalize_windows(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        self.normalize(
            kernel_size=pair(self.kernel_size, "kernel_size", least=1),
            stride=pair(stride, "stride", least=1),
            padding=normalize_padding(self.padding),
            ceil_mode=flag(self.ceil_mode, "ceil_mode"),
        )

    @property
    def step(self) -> Pair:
        """The stride, known to be set."""
        assert self.stride is not None
        return self.stride

    def pads(self, size: Pair) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) for an image of this size."""
        return resolve_padding(self.padding, size, self.kernel_size, self.step, self.dilation)

    def out_size(self, size: Pair) -> Pair:
        """Number of windows down and across an image of this size; raises GraphError when none fits."""
        return window_counts(self.padding, size, self.kernel_size, self.step, self.dilation, self.ceil_mode)

    def overhang(self, size: Pair) -> Pair:
        """Rows and columns by which the last windows reach past the padded image (in ceil_mode only)."""
        return self._overhang(size, 0), self._overhang(size, 1)

    def _overhang(self, size: Pair, i: int) -> int:
        before, after = self.pads(size)[2 * i : 2 * i + 2]
        end = (self.out_size(size)[i] - 1) * self.step[i] + self._extent(i)
        return max(end - (before + size[i] + after), 0)

    def _extent(self, i: int) -> int:
        return (self.kernel_size[i] - 1) * self.dilation[i] + 1

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        require_rank(x, 4)
        n, c, h, w = x.shape
        for i, p in enumerate(self.pads((h, w))):
            # or a window could lie in the padding altogether
            require(p < self._extent(i // 2), f"padding {p} is not smaller than the window of {self._extent(i // 2)}")
        return [x.reshaped((n, c, *self.out_size((h, w))))]


@operator
class MaxPool2d(WindowPool):
    """The largest value of each window, of numbers or of codes; padding counts as minus infinity.

    ``stride`` is ``kernel_size`` unless given; ``padding`` as in conv2d; ``ceil_mode`` lets the last windows
    overhang, as torch does.
    """

    name: ClassVar[str] = "max_pool2d"
    dtypes: ClassVar[Sequence[str]] = (*FLOAT32, *CODES)

    kernel_size: Pair
    stride: Pair | None = None
    padding: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        self._normalize_windows()
        self.normalize(dilation=pair(self.dilation, "dilation", least=1))

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        size = (x.shape[2], x.shape[3])
        (top, bottom, left, right), (below, beside) = self.pads(size), self.overhang(size)
        lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
        padded = pad_image(x, (top, bottom + below, left, right + beside), constant_values=lowest)
        y = np.full((), lowest, x.dtype)
        for _, _, seen in taps(padded, self.kernel_size, self.step, self.dilation):
            y = np.maximum(y, seen)
        return [y]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            _case(1, 5, 11, 13, kernel_size=3, stride=2, padding=1),
            _case(2, 7, 12, 9, kernel_size=2),
            _case(1, 21, 9, 12, kernel_size=2),
            _case(1, 19, 13, 13, kernel_size=3, stride=2, ceil_mode=True),
            _case(1, 8, 9, 10, kernel_size=(3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1)),
            _case(1, 6, 8, 11, kernel_size=3, stride=2, padding="same"),
            _case(1, 6, 8, 10, kernel_size=3, stride=2, padding="same_lower"),
            _case(1, 3, 9, 9, kernel_size=1, stride=2),
            Case({"kernel_size": 3, "stride": 2, "padding": 1}, ((2, 67, 9, 8),), dtypes=("uint8",)),
            Case({"kernel_size": 2}, ((1, 7, 6, 9),), dtypes=("int8",)),
            Case({"kernel_size": (5, 2), "stride": 1, "padding": (2, 0)}, ((1, 19, 9, 8),), dtypes=("uint8",)),
        ]


@operator
class AvgPool2d(WindowPool):
    """The mean of each window.

    ``count_include_pad`` counts padded zeros as elements (what overhangs in ceil_mode never counts);
    ``divisor_override`` divides by a number of your own.
    """

    name: ClassVar[str] = "avg_pool2d"

    kernel_size: Pair
    stride: Pair | None = None
    padding: Padding = (0, 0, 0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None

    dilation: ClassVar[Pair] = (1, 1)  # type: ignore[misc]

    def __post_init__(self) -> None:
        self._normalize_windows()
        self.normalize(count_include_pad=flag(self.count_include_pad, "count_include_pad"))
        if self.divisor_override is not None:
            self.normalize(divisor_override=integer(self.divisor_override, "divisor_override", least=1))

    def sums(self, x: np.ndarray, border: float = 0.0) -> np.ndarray:
        """Sum of each window, the padding being ``border`` and the overhang 0."""
        size = (x.shape[2], x.shape[3])
        below, beside = self.overhang(size)
        padded = pad_image(pad_image(x, self.pads(size), constant_values=border), (0, below, 0, beside))
        y = np.zeros((), x.dtype)
        for _, _, seen in taps(padded, self.kernel_size, self.step):
            y = y + seen
        return y

    def counts(self, size: Pair) -> np.ndarray:
        """What the sum of each window is divided by: (1, 1, H', W'), or (1, 1, 1, 1) with divisor_override."""
        if self.divisor_override is not None:
            return np.full((1, 1, 1, 1), float(self.divisor_override))
        return self.sums(np.ones((1, 1, *size)), border=float(self.count_include_pad))

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        return [self.sums(x) / self.counts((x.shape[2], x.shape[3])).astype(x.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            _case(1, 5, 11, 13, kernel_size=3, stride=2, padding=1),
            _case(2, 7, 12, 9, kernel_size=2),
            _case(1, 21, 9, 12, kernel_size=2),
            _case(1, 19, 13, 12, kernel_size=3, stride=2, padding=1, ceil_mode=True),
            _case(1, 6, 9, 10, kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
            _case(1, 6, 8, 11, kernel_size=(3, 2), stride=(2, 3), padding="same", count_include_pad=False),
            _case(1, 4, 9, 9, kernel_size=2, padding=(0, 1, 0, 1), divisor_override=3),
            _case(2, 33, 7, 7, kernel_size=7),
        ]


OPS = (MaxPool2d, AvgPool2d)
