"""Numbers as integers and back: cast, quantize_linear, dequantize_linear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tinyinfer.graph import Quant, TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axis,
    integer,
    number,
    one_or_more,
    operator,
    require,
)
from tinyinfer.ops.dtypes import ANY_DTYPE, FLOATS, INTEGERS

CAST_TO = ("float16", "float32", *INTEGERS, "bool")
QUANTIZED = ("uint8", "int8")


def saturate(x: np.ndarray, dtype: str) -> np.ndarray:
    """Whole numbers as integers; what these can't hold becomes the smallest or the largest of them, NaN becomes 0."""
    limits, exact = np.iinfo(dtype), x.astype(np.float64)
    below, above = exact <= limits.min, exact >= limits.max
    y = np.where(below | above | np.isnan(exact), 0, exact).astype(dtype)
    return np.where(below, limits.min, np.where(above, limits.max, y)).astype(dtype)


@operator
class Cast(Op):
    """x as ``dtype``: floats become integers by cutting off the fraction, and true where they are not 0.

    Floats that an integer type can't hold saturate, and NaN becomes 0, on every machine; integers that do not fit keep
    their low bits.
    """

    name: ClassVar[str] = "cast"
    dtypes: ClassVar[Sequence[str]] = ANY_DTYPE

    dtype: str

    def __post_init__(self) -> None:
        require(self.dtype in CAST_TO, f"dtype: expected one of {', '.join(CAST_TO)}, found {self.dtype!r}")

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        return [TensorType(inputs[0].shape, self.dtype)]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        if str(x.dtype) in FLOATS and self.dtype in INTEGERS:
            return [saturate(np.trunc(x), self.dtype)]
        with np.errstate(over="ignore"):  # what float16 can't hold becomes infinite
            return [x.astype(self.dtype)]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Some numbers that differ by more than their fractions, of which all runtimes make the same integers."""
        (x,) = super().example_inputs(inputs, rng)
        if x.dtype == bool:
            return [x]
        return [np.asarray((abs(x) if self.dtype == "uint8" and x.dtype.kind == "f" else x) * 3, x.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        kinds = (
            ("float32", "int64"),
            *(("float32", to) for to in ("int8", "uint8", "int32", "bool")),
            *((of, "float32") for of in ("int8", "uint8", "int32", "int64", "bool")),
            ("int32", "uint8"),
            ("float16", "float32"),
            ("bool", "int32"),
        )
        return [Case({"dtype": to}, (shape,), dtypes=(of,)) for of, to in kinds for shape in ((2, 5, 3, 4), (3, 11))]


class LinearQuantization(Op):
    """Base: a real number r and its quantized q with r = (q - zero_point) * scale.

    ``scale`` and ``zero_point`` are one number each for the whole tensor, or one for each index along ``axis``; a
    single zero point goes for all scales (Jacob et al. 2018, "Quantization and Training of Neural Networks for
    Efficient Integer-Arithmetic-Only Inference", section 2.1).
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None

    def __post_init__(self) -> None:
        self.normalize(scale=_scales(self.scale), zero_point=one_or_more(self.zero_point, "zero_point"))
        if self.axis is None:
            count = len(self.scale)
            require(count == 1, f"axis: expected the dimension that {count} scales belong to, found none")
        else:
            self.normalize(axis=integer(self.axis, "axis"))
        fits = len(self.zero_point) in (1, len(self.scale))
        require(fits, f"zero_point: expected 1 or {len(self.scale)} integers, found {len(self.zero_point)}")

    def check_axis(self, x: TensorType) -> None:
        """Raise GraphError unless there is a scale for each index along ``axis``."""
        if self.axis is not None:
            size = x.shape[axis(self.axis, len(x.shape))]
            require(len(self.scale) == size, f"scale: expected {size} numbers for shape {x}, found {len(self.scale)}")

    def check_range(self, dtype: str) -> None:
        """Raise GraphError unless the quantized type can hold every zero point."""
        limits = np.iinfo(dtype)
        for zero in self.zero_point:
            good = limits.min <= zero <= limits.max
            require(good, f"zero_point: expected {limits.min} to {limits.max} for {dtype}, found {zero}")

    def quant(self, rank: int) -> Quant:
        """What the quantized integers stand for, as part of their type."""
        return Quant(self.scale, self.zero_point, None if self.axis is None else axis(self.axis, rank))

    def parameters(self, rank: int, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Scales, float32 in value, and zero points in this dtype, in shapes that broadcast with the tensor's."""
        across = () if self.axis is None else (-1, *[1] * (rank - 1 - axis(self.axis, rank)))
        zero = np.broadcast_to(self.zero_point, len(self.scale))
        return np.asarray(self.scale, np.float32).astype(dtype).reshape(across), zero.astype(dtype).reshape(across)


@operator
class QuantizeLinear(LinearQuantization):
    """q = x / scale, rounded, halves to even, plus zero_point; what ``dtype`` can't hold saturates, NaN becomes 0."""

    name: ClassVar[str] = "quantize_linear"
    dtypes: ClassVar[Sequence[str]] = FLOATS

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None
    dtype: str = "uint8"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.dtype in QUANTIZED, f"dtype: expected one of {', '.join(QUANTIZED)}, found {self.dtype!r}")
        self.check_range(self.dtype)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        x = inputs[0]
        self.check_axis(x)
        return [TensorType(x.shape, self.dtype, self.quant(len(x.shape)))]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        scale, zero = self.parameters(x.ndim, np.promote_types(x.dtype, np.float32))
        with np.errstate(over="ignore"):
            return [saturate(np.rint(x / scale) + zero, self.dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        image = ((2, 3, 5, 4),)
        return [
            Case({"scale": 0.017, "zero_point": 121}, image),
            Case({"scale": 0.03, "dtype": "int8"}, ((3, 11),)),
            Case({"scale": (0.02, 0.5, 0.011), "zero_point": (0, 128, 255), "axis": 1}, image),
            Case({"scale": (0.1, 0.2), "zero_point": -3, "axis": -1, "dtype": "int8"}, ((3, 5, 2),)),
        ]


@operator
class DequantizeLinear(LinearQuantization):
    """r = (q - zero_point) * scale in float32, from uint8, int8, or int32 (sums of products, whose zero point is 0)."""

    name: ClassVar[str] = "dequantize_linear"
    dtypes: ClassVar[Sequence[str]] = (*QUANTIZED, "int32")

    scale: tuple[float, ...]
    zero_point: tuple[int, ...] = (0,)
    axis: int | None = None

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        q = inputs[0]
        self.check_axis(q)
        self.check_range(q.dtype)
        if q.dtype == "int32":
            require(not any(self.zero_point), f"zero_point: expected 0 for int32, found {self.zero_point}")
        meant = self.quant(len(q.shape))
        require(q.quant in (None, meant), f"expected values quantised by {meant}, found {q.quant}")
        return [TensorType(q.shape, "float32")]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        q = inputs[0]
        scale, zero = self.parameters(q.ndim, np.dtype(np.float64))
        # as float32 multiplies: int32 is rounded to it first
        return [np.asarray((q - zero).astype(np.float32) * scale.astype(np.float32))]

    def example_inputs(self, inputs: Types, rng: np.random.Generator) -> list[np.ndarray]:
        """Integers from all of the range."""
        limits = np.iinfo(inputs[0].dtype)
        return [rng.integers(limits.min, limits.max, inputs[0].shape, inputs[0].dtype, endpoint=True)]

    @classmethod
    def cases(cls) -> list[Case]:
        image = ((2, 3, 5, 4),)
        return [
            Case({"scale": 0.017, "zero_point": 121}, image, dtypes=("uint8",)),
            Case({"scale": 0.03}, ((3, 11),), dtypes=("int8",)),
            Case({"scale": (0.02, 0.5, 0.011), "zero_point": (0, 128, 255), "axis": 1}, image, dtypes=("uint8",)),
            Case({"scale": (0.1, 0.2), "zero_point": -3, "axis": -1}, ((3, 5, 2),), dtypes=("int8",)),
            Case({"scale": (1e-5, 2e-4, 0.001), "axis": 0}, ((3,),), dtypes=("int32",)),
        ]


def _scales(values: Any) -> tuple[float, ...]:
    """One or more numbers above 0, rounded to float32."""
    listed = values if isinstance(values, list | tuple) else (values,)
    require(len(listed) > 0, "scale: expected one or more numbers, found none")
    for value in listed:
        rounded = float(np.float32(number(value, "scale")))
        require(rounded > 0, f"scale: expected numbers above 0 in float32, found {value}")
    return tuple(float(np.float32(value)) for value in listed)


OPS = (Cast, QuantizeLinear, DequantizeLinear)
