"""Resizing in all the ways that ONNX's Resize knows, for those that torch's interpolate does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.dim import dim_scale
from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    axes,
    flag,
    integers,
    number,
    one_or_more,
    operator,
    require,
)
from tinyinfer.ops.dtypes import CODES, FLOAT32
from tinyinfer.ops.pooling.interpolate import as_codes, as_numbers

MODES = ("nearest", "linear", "cubic")
ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
REACH = {"linear": 1, "cubic": 2}  # pixels from its centre to where a filter vanishes
LARGEST_FACTOR = 1e6


class Line(NamedTuple):
    """What the pixels of a resized line are mixed from: two (size, taps) tables, and which of them lie outside."""

    source: np.ndarray
    weight: np.ndarray
    outside: np.ndarray


@operator
class Resize(Op):
    """x with other sizes along ``dims``, each pixel mixed from those around the place it comes from.

    The new sizes are ``size``, or floor(old * ``scale_factor``), or those of a second input, ``like``.  Pixel i comes
    from (i + 0.5) / scale - 0.5 ("half_pixel"), i / scale ("asymmetric") or another of `COORDINATES`, the scale being
    the given one or new / old.  ``mode`` "nearest" takes one pixel as ``rounding`` says, "linear" and "cubic" (with
    Keys' number ``cubic_coeff_a``) mix two and four, or with ``antialias`` as many more as the image shrinks.  Beyond
    the border its last pixels repeat, or with ``exclude_outside`` have no weight.  "tf_crop_and_resize" takes the part
    ``roi`` of the image, all beginnings before all ends from 0 to 1, and ``extrapolation_value`` outside.
    """

    name: ClassVar[str] = "resize"
    dtypes: ClassVar[Sequence[str]] = (*FLOAT32, *CODES)
    optional_inputs: ClassVar[tuple[str, ...]] = ("like",)

    dims: tuple[int, ...]
    size: tuple[int, ...] | None = None
    scale_factor: tuple[float, ...] | None = None
    mode: str = "nearest"
    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"
    cubic_coeff_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False
    roi: tuple[float, ...] | None = None
    extrapolation_value: float = 0.0

    def __post_init__(self) -> None:
        _one_of(self.mode, "mode", MODES)
        _one_of(self.coordinates, "coordinates", COORDINATES)
        _one_of(self.rounding, "rounding", tuple(ROUNDINGS))
        self.normalize(dims=one_or_more(self.dims, "dims"))
        count = len(self.dims)
        if self.size is not None:
            self.normalize(size=integers(self.size, "size", least=1))
            require(len(self.size) == count, f"size: expected {count} numbers, one for each dim, found {self.size}")
        if self.scale_factor is not None:
            self.normalize(scale_factor=_numbers(self.scale_factor, "scale_factor", count))
            good = all(0 < factor <= LARGEST_FACTOR for factor in self.scale_factor)
            require(good, f"scale_factor: expected numbers above 0, found {self.scale_factor}")
        if self.roi is not None:
            self.normalize(roi=_numbers(self.roi, "roi", 2 * count))
        for name in ("cubic_coeff_a", "extrapolation_value"):
            self.normalize(**{name: number(getattr(self, name), name)})
        for name in ("exclude_outside", "antialias"):
            flag(getattr(self, name), name)
        require(self.mode != "nearest" or not self.antialias, "antialias has no meaning in mode 'nearest'")
        cropped = self.coordinates == "tf_crop_and_resize"
        require(cropped == (self.roi is not None), "expected roi for coordinates 'tf_crop_and_resize' and no others")

    def out_sizes(self, shape: Shape, like: Shape | None = None) -> tuple[int, ...]:
        """The sizes along ``dims`` for an input of this shape; ``like`` is the shape of the second input."""
        require(
            (like is None) != (self.size is None and self.scale_factor is None),
            "expected a size or a scale_factor, or else an input to be like",
        )
        if self.size is not None:
            return self.size
        if like is not None:
            return tuple(like[dim] for dim in axes(self.dims, len(shape)))
        assert self.scale_factor is not None
        old = (shape[dim] for dim in axes(self.dims, len(shape)))
        return tuple(dim_scale(size, factor) for size, factor in zip(old, self.scale_factor, strict=True))

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        shape = list(inputs[0].shape)
        like = inputs[1].shape if len(inputs) > 1 else None
        require(like is None or len(like) == len(shape), f"like: expected rank {len(shape)}, found shape {like}")
        for dim, size in zip(axes(self.dims, len(shape)), self.out_sizes(inputs[0].shape, like), strict=True):
            shape[dim] = size
        return [inputs[0].reshaped(tuple(shape))]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """As any elementwise operator's; of ``like`` nothing but the shape is read."""
        return super().cost(inputs[:1], params, outputs)

    def line(self, i: int, size: int, out: int) -> Line:
        """What the ``out`` pixels along ``dims[i]`` are mixed from, in float64."""
        scale = out / size if self.scale_factor is None else self.scale_factor[i]
        places = self._places(i, size, out, scale)
        if self.mode == "nearest":
            index = ROUNDINGS[self.rounding](places)[:, None]
            weight = np.ones_like(index)
        else:
            narrow = min(scale, 1.0) if self.antialias else 1.0
            reach = int(np.ceil(REACH[self.mode] / narrow))
            index = np.floor(places)[:, None] + np.arange(1 - reach, reach + 1)
            weight = self._filter(np.abs(places[:, None] - index) * narrow)
            weight = np.where((index >= 0) & (index < size), weight, 0) if self.exclude_outside else weight
            if self.antialias or self.exclude_outside:
                total = weight.sum(axis=1, keepdims=True)
                weight = weight / np.where(total == 0, 1, total)
        outside = (places < 0) | (places > size - 1)
        cropped = self.coordinates == "tf_crop_and_resize"
        return Line(np.clip(index, 0, size - 1).astype(np.int64), weight, outside & cropped)

    def _places(self, i: int, size: int, out: int, scale: float) -> np.ndarray:
        """Where in a line of ``size`` pixels each of ``out`` comes from."""
        at = np.arange(out, dtype=np.float64)
        length = size * scale  # no whole number where a given scale makes none
        if self.coordinates == "asymmetric":
            return at / scale
        if self.coordinates == "align_corners":
            return at * ((size - 1) / (length - 1)) if length != 1 else np.zeros(out)
        if self.coordinates == "tf_half_pixel_for_nn":
            return np.asarray((at + 0.5) / scale)
        if self.coordinates == "tf_crop_and_resize":
            assert self.roi is not None
            start, end = self.roi[i], self.roi[len(self.dims) + i]
            steps = at * ((size - 1) / (length - 1)) if length != 1 else np.full(out, (size - 1) / 2)
            return np.asarray(start * (size - 1) + (end - start) * steps)
        if self.coordinates == "pytorch_half_pixel" and length == 1:
            return np.zeros(out)
        shift = size / 2 * (1 - out / length) if self.coordinates == "half_pixel_symmetric" else 0.0
        return np.asarray(shift + (at + 0.5) / scale - 0.5)

    def _filter(self, distance: np.ndarray) -> np.ndarray:
        """The weight of a pixel at this distance; Keys' cubic (1981) or a triangle."""
        if self.mode == "linear":
            return np.asarray(np.maximum(1 - distance, 0))
        d, a = distance, self.cubic_coeff_a
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = (((d - 5) * d + 8) * d - 4) * a
        return np.asarray(np.where(d <= 1, near, np.where(d < 2, far, 0.0)))

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """One dimension after the other."""
        y = as_numbers(inputs[0])
        like = inputs[1].shape if len(inputs) > 1 else None
        for i, (dim, out) in enumerate(
            zip(axes(self.dims, y.ndim), self.out_sizes(inputs[0].shape, like), strict=True)
        ):
            line = self.line(i, y.shape[dim], out)
            across = (-1, *[1] * (y.ndim - 1 - dim))
            mixed = np.zeros((), y.dtype)
            for source, weight in zip(line.source.T, line.weight.T.astype(y.dtype), strict=True):
                mixed = mixed + np.take(y, source, axis=dim) * weight.reshape(across)
            y = np.where(line.outside.reshape(across), y.dtype.type(self.extrapolation_value), mixed)
        return [as_codes(y, inputs[0].dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        x = (2, 3, 7, 9)
        crop: dict[str, Any] = {
            "coordinates": "tf_crop_and_resize",
            "roi": (0.1, -0.2, 0.8, 1.1),
            "extrapolation_value": 3.0,
        }

        def case(*shape: int, like: Shape | None = None, **attrs: Any) -> Case:
            return Case({"dims": (2, 3), **attrs}, (shape,) if like is None else (shape, like))

        return [
            case(*x, size=(11, 4), coordinates="asymmetric", rounding="ceil"),
            case(*x, scale_factor=(2.0, 1.5), mode="linear", coordinates="asymmetric"),
            case(*x, size=(10, 5), mode="cubic", cubic_coeff_a=-0.5, exclude_outside=True),
            case(*x, size=(3, 5), mode="linear", antialias=True, exclude_outside=True),
            case(*x, size=(4, 20), mode="linear", **crop),
            case(2, 3, 5, 4, like=(2, 3, 8, 9), rounding="round_prefer_ceil"),
            Case({"dims": (2, 3), "size": (11, 4), "mode": "linear"}, ((1, 19, 5, 6),), dtypes=("uint8",)),
            Case({"dims": (1,), "size": (8,), "mode": "linear", "coordinates": "align_corners"}, ((3, 5),)),
        ]


def _one_of(value: Any, what: str, known: Sequence[str]) -> None:
    good = isinstance(value, str) and value in known
    require(good, f"{what}: expected one of {', '.join(known)}, found {value!r}")


def _numbers(values: Any, what: str, count: int) -> tuple[float, ...]:
    good = isinstance(values, list | tuple) and len(values) == count
    require(good, f"{what}: expected {count} numbers, found {values!r}")
    return tuple(number(value, what) for value in values)


OPS = (Resize,)
