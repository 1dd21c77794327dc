"""Means of 8-bit codes: exact sums of a window, of which a unit is worth input_scale / count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types
from tinyinfer.ops.geometry import Padding
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptivePool2d, OutputSize
from tinyinfer.ops.pooling.pooling import AvgPool2d, Pair
from tinyinfer.ops.quantized.requantization import Requantization, check_scale, positive
from tinyinfer.ops.quantized.weights import fields_of


@dataclass(frozen=True, kw_only=True)
class QuantizedPool(Requantization):
    """Base: a mean of codes; padding is the input's zero point, which stands for 0."""

    input_scale: float
    input_zero_point: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(input_scale=positive(self.input_scale, "input_scale"))

    @property
    def pool(self) -> Op:
        """The pool of real numbers."""
        raise NotImplementedError

    def sums(self, x: np.ndarray) -> np.ndarray:
        """The sum of each window."""
        raise NotImplementedError

    def counts(self, size: Pair) -> np.ndarray:
        """What each sum is divided by, for images of this size: (1, 1, H', W') or (1, 1, 1, 1)."""
        raise NotImplementedError

    def worths(self, size: Pair) -> np.ndarray:
        """What a unit of each sum is worth, in shape as `counts`."""
        return np.asarray(self.input_scale / self.counts(size))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        check_scale(inputs[0], self.input_scale, self.input_zero_point, "input")
        (out,) = self.pool.output_types(inputs, {})
        return [self.output(out.shape)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Sums in float64, where they are exact."""
        x = inputs[0].astype(np.float64) - self.input_zero_point
        return [self.finish([(self.sums(x), self.worths((x.shape[2], x.shape[3])))])]


@dataclass(frozen=True, kw_only=True)
class QuantizedAvgPool2d(QuantizedPool):
    """avg_pool2d of codes; all attributes as there and in `QuantizedPool`."""

    name: ClassVar[str] = "quantized_avg_pool2d"

    kernel_size: Pair
    stride: Pair | None = None
    padding: Padding = (0, 0, 0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(**fields_of(self.pool, AvgPool2d))

    @property
    def pool(self) -> AvgPool2d:
        """The pool of real numbers."""
        return AvgPool2d(**fields_of(self, AvgPool2d))  # type: ignore[arg-type]

    def sums(self, x: np.ndarray) -> np.ndarray:
        """The sum of each window."""
        return self.pool.sums(x)

    def counts(self, size: Pair) -> np.ndarray:
        """What each sum is divided by."""
        return self.pool.counts(size)

    @classmethod
    def cases(cls) -> list[Case]:
        scales = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.017, "zero_point": 110}
        signed = {"input_scale": 0.02, "input_zero_point": -7, "scale": 0.02, "zero_point": -7, "dtype": "int8"}
        return [
            Case({**scales, "kernel_size": 3, "stride": 2, "padding": 1}, ((1, 35, 11, 13),), dtypes=("uint8",)),
            Case({**signed, "kernel_size": 2}, ((2, 7, 12, 9),), dtypes=("int8",)),
            Case(
                {**scales, "kernel_size": 3, "stride": 2, "padding": "same", "count_include_pad": False},
                ((1, 6, 8, 11),), dtypes=("uint8",),
            ),
            Case({**scales, "kernel_size": 7, "dtype": "float32"}, ((2, 33, 7, 7),), dtypes=("uint8",)),
            Case({**scales, "kernel_size": 2, "activation": "hardsigmoid"}, ((1, 66, 4, 5),), dtypes=("uint8",)),
        ]  # fmt: skip


class BinSums(AdaptiveAvgPool2d):
    """The sum of each bin in place of its mean."""

    def reduce(self, window: np.ndarray) -> np.ndarray:
        """Sum over height and width."""
        return np.asarray(window.sum(axis=(2, 3)))


@dataclass(frozen=True, kw_only=True)
class QuantizedAdaptiveAvgPool2d(QuantizedPool):
    """adaptive_avg_pool2d of codes, with ``output_size`` 1 the mean over height and width."""

    name: ClassVar[str] = "quantized_adaptive_avg_pool2d"

    output_size: OutputSize

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(output_size=self.pool.output_size)

    @property
    def pool(self) -> AdaptivePool2d:
        """The pool of real numbers."""
        return BinSums(self.output_size)

    def sums(self, x: np.ndarray) -> np.ndarray:
        """The sum of each bin."""
        (sums,) = self.pool.reference([x], {})
        return sums

    def counts(self, size: Pair) -> np.ndarray:
        """Pixels of each bin."""
        return self.sums(np.ones((1, 1, *size)))

    @classmethod
    def cases(cls) -> list[Case]:
        scales = {"input_scale": 0.02, "input_zero_point": 121, "scale": 0.003, "zero_point": 110}
        signed = {"input_scale": 0.02, "input_zero_point": -7, "scale": 0.01, "zero_point": -7, "dtype": "int8"}
        return [
            Case({**scales, "output_size": 1}, ((2, 67, 7, 7),), dtypes=("uint8",)),
            Case({**scales, "output_size": 1}, ((1, 40, 56, 55),), dtypes=("uint8",)),
            Case({**signed, "output_size": 3}, ((1, 5, 13, 11),), dtypes=("int8",)),
            Case({**scales, "output_size": (None, 1), "dtype": "float32"}, ((1, 6, 9, 10),), dtypes=("uint8",)),
        ]


OPS = (QuantizedAvgPool2d, QuantizedAdaptiveAvgPool2d)
