"""Resizing images: nearest, bilinear, bicubic, area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tinyinfer.dim import dim_scale
from tinyinfer.graph import OpCost, Shape, TensorType
from tinyinfer.ops.arithmetic.quantization import saturate
from tinyinfer.ops.base import (
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    flag,
    number,
    operator,
    pair,
    require,
    require_rank,
)
from tinyinfer.ops.dtypes import CODES, FLOAT32
from tinyinfer.ops.pooling.adaptive_pooling import bins

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
CUBIC_A = -0.75  # the free number of Keys' cubic (1981), as torch has it


class Taps(NamedTuple):
    """For each output row or column the input ones it is mixed from, and their weights: two (size, taps) tables."""

    source: np.ndarray
    weight: np.ndarray


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel ("Cubic convolution interpolation for digital image processing", 1981)."""
    d, a = np.abs(distance), CUBIC_A
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = (((d - 5) * d + 8) * d - 4) * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def taps_at(centres: np.ndarray, size: int, mode: str) -> Taps:
    """The pixels around positions in a line of ``size`` pixels; beyond its ends the first and the last repeat."""
    first = np.floor(centres)
    if mode == "bicubic":
        index = first[:, None] + np.arange(-1, 3)
        weight = cubic(centres[:, None] - index)
    else:
        index = first[:, None] + np.arange(2)
        weight = 1 - np.abs(centres[:, None] - index)
    return Taps(np.clip(index, 0, size - 1).astype(np.int64), weight)


def as_numbers(x: np.ndarray) -> np.ndarray:
    """What is mixed: codes as float32."""
    return x.astype(np.float32) if str(x.dtype) in CODES else x


def as_codes(mixed: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Mixtures in the dtype of what they are mixed from; codes are rounded, halves upwards, and saturate."""
    return saturate(np.floor(mixed + np.float32(0.5)), str(dtype)) if str(dtype) in CODES else mixed


def area_taps(size: int, out: int) -> Taps:
    """The pixels of each bin of adaptive pooling; bins of fewer pixels than others repeat one with weight 0."""
    cuts = bins(size, out)
    widest = max(cut.stop - cut.start for cut in cuts)
    at = np.array([cut.start for cut in cuts])[:, None] + np.arange(widest)
    stop = np.array([cut.stop for cut in cuts])[:, None]
    inside = at < stop
    return Taps(np.minimum(at, stop - 1), inside / inside.sum(axis=1, keepdims=True))


@operator
class Interpolate(Op):
    """Images at another size, as torch.nn.functional.interpolate: x (N, C, H, W) to (N, C, H', W').

    The new size is ``size``, floor(H * ``scale_factor``), or that of the second input, ``like``: one of the three.
    Pixels have area, so that output pixel i is centred at (i + 0.5) / scale - 0.5, the scale being the given one
    (unless ``recompute_scale_factor``) or H' / H; ``align_corners`` instead puts the centres of the corner pixels
    on each other.  "nearest" takes pixel floor(i / scale), "nearest-exact" floor((i + 0.5) / scale), "area" the mean
    over bins as adaptive_avg_pool2d does.  Mixtures of 8-bit codes are computed in float32 and rounded, halves
    upwards: at twice the size every sixteenth lies halfway, and so XNNPACK, which runs TFLite files, rounds.
    """

    name: ClassVar[str] = "interpolate"
    dtypes: ClassVar[Sequence[str]] = (*FLOAT32, *CODES)
    optional_inputs: ClassVar[tuple[str, ...]] = ("like",)

    size: tuple[int, int] | None = None
    scale_factor: tuple[float, float] | None = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self) -> None:
        require(isinstance(self.mode, str), f"mode: expected one of {', '.join(MODES)}, found {self.mode!r}")
        require(self.mode in MODES, f"mode: expected one of {', '.join(MODES)}, found {self.mode!r}")
        require(self.size is None or self.scale_factor is None, "expected size or scale_factor, found both")
        if self.size is not None:
            self.normalize(size=pair(self.size, "size", least=1))
        if self.scale_factor is not None:
            self.normalize(scale_factor=_factors(self.scale_factor))
        for name in ("align_corners", "recompute_scale_factor"):
            value = getattr(self, name)
            self.normalize(**{name: None if value is None else flag(value, name)})
        smooth = self.mode in ("bilinear", "bicubic")
        require(smooth or not self.align_corners, f"align_corners has no meaning in mode {self.mode!r}")
        given = self.scale_factor is not None
        require(given or not self.recompute_scale_factor, "recompute_scale_factor has no meaning without scale_factor")

    def out_size(self, size: Shape, like: Shape | None = None) -> tuple[int, int]:
        """Height and width of the output for images of this size; ``like`` is the shape of the second input."""
        given = sum(value is not None for value in (self.size, self.scale_factor, like))
        require(given == 1, f"expected one of size, scale_factor and an input to be like, found {given}")
        if like is not None:
            return like[2], like[3]
        if self.size is not None:
            return self.size
        assert self.scale_factor is not None
        height, width = (dim_scale(s, factor) for s, factor in zip(size, self.scale_factor, strict=True))
        return height, width

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        for t, what in zip(inputs, ("input", "like"), strict=False):
            require_rank(t, 4, what)
        x = inputs[0]
        like = inputs[1].shape if len(inputs) > 1 else None
        return [x.reshaped((*x.shape[:2], *self.out_size(x.shape[2:], like)))]

    def cost(self, inputs: Types, params: ParamTypes, outputs: Types) -> OpCost:
        """As any elementwise operator's; of ``like`` nothing but the shape is read."""
        return super().cost(inputs[:1], params, outputs)

    def taps(self, i: int, size: int, out: int) -> Taps:
        """What the ``out`` rows (``i`` 0) or columns (1) are mixed from, in float64."""
        given = self.scale_factor is not None and not self.recompute_scale_factor
        step = 1 / self.scale_factor[i] if given and self.scale_factor else size / out
        at = np.arange(out, dtype=np.float64)
        if self.mode == "area":
            return area_taps(size, out)
        if self.mode.startswith("nearest"):
            index = np.floor((at + 0.5 if self.mode == "nearest-exact" else at) * step)
            return Taps(np.clip(index, 0, size - 1).astype(np.int64)[:, None], np.ones((out, 1)))
        centres = at * ((size - 1) / max(out - 1, 1)) if self.align_corners else (at + 0.5) * step - 0.5
        return taps_at(centres if self.mode == "bicubic" else np.clip(centres, 0, size - 1), size, self.mode)

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """First the rows are mixed, then the columns."""
        y = as_numbers(inputs[0])
        size = y.shape[2:]
        out = self.out_size(size, inputs[1].shape if len(inputs) > 1 else None)
        for i in range(2):
            index, weight = self.taps(i, size[i], out[i])
            broadcast = weight.astype(y.dtype).T.reshape(-1, *((out[0], 1) if i == 0 else (1, out[1])))
            y = sum(w * np.take(y, at, axis=2 + i) for at, w in zip(index.T, broadcast, strict=True))
        return [as_codes(y, inputs[0].dtype)]

    @classmethod
    def cases(cls) -> list[Case]:
        x = (2, 5, 7, 9)
        return [
            Case({"scale_factor": (2.0, 2.0)}, (x,)),
            Case({"size": (11, 4)}, ((1, 19, 7, 9),)),
            Case({"size": (5, 13), "mode": "nearest-exact"}, (x,)),
            Case({"scale_factor": (2.0, 2.0), "mode": "bilinear", "align_corners": False}, ((1, 33, 6, 5),)),
            Case({"size": (13, 25), "mode": "bilinear", "align_corners": True}, (x,)),
            Case({"scale_factor": (1.5, 0.7), "mode": "bilinear"}, (x,)),
            Case({"scale_factor": (1.6, 2.3), "mode": "bilinear", "recompute_scale_factor": True}, (x,)),
            Case({"scale_factor": (2.0, 2.5), "mode": "bicubic"}, ((1, 18, 7, 5),)),
            Case({"size": (9, 20), "mode": "bicubic", "align_corners": True}, (x,)),
            Case({"mode": "bilinear"}, ((2, 21, 5, 4), (2, 3, 19, 17))),
            Case({"size": (3, 11), "mode": "area"}, (x,)),
            Case({"mode": "nearest"}, ((2, 4, 1, 1), (2, 1, 3, 5))),
            Case({"scale_factor": (2.0, 2.0)}, ((1, 67, 5, 4),), dtypes=("uint8",)),
            Case({"scale_factor": (2.0, 2.0), "mode": "bilinear"}, ((1, 33, 6, 5),), dtypes=("uint8",)),
            Case({"size": (13, 5), "mode": "bilinear", "align_corners": True}, (x,), dtypes=("int8",)),
        ]


def _factors(value: Any) -> tuple[float, float]:
    """A number above 0 or two of them."""
    values = value if isinstance(value, list | tuple) else (value, value)
    require(len(values) == 2, f"scale_factor: expected one or two numbers, found {value!r}")
    height, width = (number(v, "scale_factor") for v in values)
    require(min(height, width) > 0 and max(height, width) <= 1e6, f"scale_factor: expected 0 to 1e6, found {value!r}")
    return height, width


OPS = (Interpolate,)
