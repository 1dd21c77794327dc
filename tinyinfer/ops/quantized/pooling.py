"""Means of 8-bit codes: exact sums of a window, of which a unit is worth input_scale / count."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.base import Arrays, Case, Op, Params, ParamTypes, Types, integer, operator, require
from tinyinfer.ops.geometry import Padding
from tinyinfer.ops.pooling.adaptive_pooling import AdaptiveAvgPool2d, AdaptivePool2d, OutputSize
from tinyinfer.ops.pooling.pooling import AvgPool2d, Pair
from tinyinfer.ops.quantized.requantization import FLOAT, Requantization, Term, check_scale, positive
from tinyinfer.ops.quantized.weights import fields_of

FURTHER = 2.0**-20  # as a share of a mean: more than float32 rounds by, less than lies between two means


@operator(kw_only=True)
class QuantizedPool(Requantization):
    """Base: a mean of codes; padding is the input's zero point, which stands for 0.

    Of a few codes many means lie halfway between two.  With ``halves_from`` these are rounded away from that code, as
    TFLite rounds away from code 0: all means lie a millionth further from it.
    """

    input_scale: float
    input_zero_point: int = 0
    halves_from: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.normalize(input_scale=positive(self.input_scale, "input_scale"))
        if self.halves_from is not None:
            self.normalize(halves_from=integer(self.halves_from, "halves_from"))
            codes = self.dtype != FLOAT and self.is_clip
            require(codes, "halves_from: expected codes as results, without an activation but clips")

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
        further = 0.0 if self.halves_from is None else FURTHER
        return np.asarray(self.input_scale / self.counts(size) * (1 + further))

    @property
    def shift(self) -> float:
        """What is added to all means, in `unit`: that of the zero point to move away from ``halves_from`` too."""
        return 0.0 if self.halves_from is None else float(np.float32((self.zero_point - self.halves_from) * FURTHER))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        check_scale(inputs[0], self.input_scale, self.input_zero_point, "input")
        (out,) = self.pool.output_types(inputs, {})
        return [self.output(out.shape)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Sums in float64, where they are exact."""
        x = inputs[0].astype(np.float64) - self.input_zero_point
        terms: list[Term] = [(self.sums(x), self.worths((x.shape[2], x.shape[3])))]
        if self.halves_from is not None:
            terms.append((np.ones(1), self.shift * self.unit))
        return [self.finish(terms)]


@operator(kw_only=True)
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
            Case({**scales, "kernel_size": 2, "scale": 0.02, "halves_from": 100}, ((1, 37, 8, 6),), dtypes=("uint8",)),
            Case({**signed, "kernel_size": 4, "stride": 2, "halves_from": 0}, ((1, 33, 9, 8),), dtypes=("int8",)),
            Case({**scales, "kernel_size": 7, "dtype": "float32"}, ((2, 33, 7, 7),), dtypes=("uint8",)),
            Case({**scales, "kernel_size": 2, "activation": "hardsigmoid"}, ((1, 66, 4, 5),), dtypes=("uint8",)),
        ]  # fmt: skip


class BinSums(AdaptiveAvgPool2d):
    """The sum of each bin in place of its mean."""

    def reduce(self, window: np.ndarray) -> np.ndarray:
        """Sum over height and width."""
        return np.asarray(window.sum(axis=(2, 3)))


@operator(kw_only=True)
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
