"""Examples of TFLite's builtins, each a network of one operator, with what NumPy makes of it in the file's order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SAME, VALID = 0, 1
RNG = np.random.default_rng(7)

IMAGE = (1, 5, 7, 3)


@dataclass(frozen=True)
class Case:
    """One builtin: inputs are shapes or arrays of the file; ``expected`` makes the outputs of all of them."""

    builtin: str
    inputs: Sequence[Any]
    expected: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    positive: bool = False  # whether inputs have to be above 0

    def values(self) -> list[np.ndarray]:
        """Arrays for all inputs, those of the file as they are."""
        drawn = [
            None if given is None else given if isinstance(given, np.ndarray) else
            RNG.standard_normal(given).astype(np.float32) for given in self.inputs
        ]  # fmt: skip
        return [np.abs(x) + np.float32(0.1) if self.positive and x is not None else x for x in drawn]

    def outputs(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the operator makes of these inputs."""
        found = self.expected(*(v for v in values if v is not None))
        return list(found) if isinstance(found, list | tuple) else [found]


def weights(*shape: int) -> np.ndarray:
    """Random numbers as the file has them."""
    return RNG.standard_normal(shape).astype(np.float32)


def ints(*values: Any) -> np.ndarray:
    """Whole numbers as the file has them."""
    return np.array(values, np.int32)


def scalar(value: int) -> np.ndarray:
    """One whole number of no dimension."""
    return np.array(value, np.int32)


# -- windows -------------------------------------------------------------------------------------


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after a line, the odd one after."""
    total = max((math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def windows(x: np.ndarray, kernel: Any, stride: Any, padding: int, dilation: Any = (1, 1), fill: float = 0) -> Any:
    """All windows of an NHWC image: (N, H', W', R, S, C)."""
    pads = [(0, 0), *(same_pads(x.shape[1 + i], kernel[i], stride[i], dilation[i]) for i in range(2)), (0, 0)]
    padded = np.pad(x, pads, constant_values=fill) if padding == SAME else x
    extent = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(padded, extent, axis=(1, 2))
    seen = seen[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return seen.transpose(0, 1, 2, 4, 5, 3)


def conv(padding: int, stride: Any = (1, 1), dilation: Any = (1, 1), groups: int = 1) -> Callable[..., np.ndarray]:
    """CONV_2D of weights (O, R, S, I / groups)."""

    def run(x: np.ndarray, w: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        parts = zip(np.split(x, groups, 3), np.split(w, groups), strict=True)
        seen = [
            np.einsum("nhwrsc,orsc->nhwo", windows(part, w.shape[1:3], stride, padding, dilation), own)
            for part, own in parts
        ]
        return np.concatenate(seen, 3) + bias

    return run


def depthwise(padding: int, stride: Any = (1, 1), dilation: Any = (1, 1)) -> Callable[..., np.ndarray]:
    """DEPTHWISE_CONV_2D of weights (1, R, S, C * multiplier)."""

    def run(x: np.ndarray, w: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        c, (_, r, s, o) = x.shape[3], w.shape
        seen = windows(x, (r, s), stride, padding, dilation)
        y = np.einsum("nhwrsc,rscm->nhwcm", seen, w.reshape(r, s, c, o // c))
        return y.reshape(*y.shape[:3], o) + bias

    return run


def transposed(padding: int, stride: Any) -> Callable[..., np.ndarray]:
    """TRANSPOSE_CONV: each pixel writes a window; what SAME would pad is cut off."""

    def run(size: np.ndarray, w: np.ndarray, x: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
        n, h, wide, _ = x.shape
        o, r, s, _ = w.shape
        y = np.zeros((n, (h - 1) * stride[0] + r + size[1], (wide - 1) * stride[1] + s + size[2], o), np.float32)
        for i, j in np.ndindex(h, wide):
            top, left = i * stride[0], j * stride[1]
            y[:, top : top + r, left : left + s] += np.einsum("nc,orsc->nrso", x[:, i, j], w)
        top, left = (same_pads(size[1 + i], (r, s)[i], stride[i])[0] if padding == SAME else 0 for i in range(2))
        return y[:, top : top + size[1], left : left + size[2]] + bias

    return run


def mean_pool(padding: int, kernel: Any, stride: Any) -> Callable[..., np.ndarray]:
    """AVERAGE_POOL_2D, zeros around the image not counted."""

    def run(x: np.ndarray) -> np.ndarray:
        total = windows(x, kernel, stride, padding).sum((3, 4))
        return total / windows(np.ones_like(x), kernel, stride, padding).sum((3, 4))

    return run


def pool_options(padding: int, kernel: Any, stride: Any, **options: Any) -> dict[str, Any]:
    """Options of a pool."""
    return {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "filter_height": kernel[0],
            "filter_width": kernel[1], **options}  # fmt: skip


def conv_options(padding: int, stride: Any = (1, 1), dilation: Any = (1, 1), **options: Any) -> dict[str, Any]:
    """Options of a convolution."""
    return {"padding": padding, "stride_h": stride[0], "stride_w": stride[1], "dilation_h_factor": dilation[0],
            "dilation_w_factor": dilation[1], **options}  # fmt: skip


CONVOLUTIONS = [
    Case("CONV_2D", [IMAGE, weights(4, 3, 2, 3), weights(4)], conv(SAME, (2, 1)), conv_options(SAME, (2, 1))),
    Case("CONV_2D", [IMAGE, weights(4, 3, 3, 3), None], conv(VALID), conv_options(VALID)),
    Case("CONV_2D", [IMAGE, weights(2, 2, 2, 3), weights(2)], conv(SAME, (1, 1), (2, 3)),
         conv_options(SAME, (1, 1), (2, 3))),
    Case("CONV_2D", [(1, 5, 4, 6), weights(6, 3, 3, 2), weights(6)], conv(SAME, groups=3), conv_options(SAME)),
    Case("CONV_2D", [IMAGE, weights(4, 1, 1, 3), weights(4)], lambda *a: np.clip(conv(SAME)(*a), 0, 6),
         conv_options(SAME, fused_activation_function=3)),
    Case("CONV_2D", [IMAGE, weights(4, 1, 1, 3), weights(4)], lambda *a: np.clip(conv(SAME)(*a), -1, 1),
         conv_options(SAME, fused_activation_function=2)),
    Case("DEPTHWISE_CONV_2D", [IMAGE, weights(1, 3, 3, 3), weights(3)], depthwise(SAME, (2, 2)),
         conv_options(SAME, (2, 2), depth_multiplier=1)),
    Case("DEPTHWISE_CONV_2D", [IMAGE, weights(1, 2, 3, 6), weights(6)], depthwise(VALID),
         conv_options(VALID, depth_multiplier=2)),
    Case("DEPTHWISE_CONV_2D", [IMAGE, weights(1, 3, 3, 3), weights(3)],
         lambda *a: np.maximum(depthwise(SAME, dilation=(2, 2))(*a), 0),
         conv_options(SAME, (1, 1), (2, 2), depth_multiplier=1, fused_activation_function=1)),
    *(Case("TRANSPOSE_CONV", [ints(1, *size, 4), weights(4, *kernel, 3), IMAGE], transposed(padding, stride),
           conv_options(padding, stride))
      for padding, size, kernel, stride in (
          (SAME, (10, 14), (2, 2), (2, 2)), (SAME, (10, 14), (3, 3), (2, 2)), (SAME, (10, 7), (4, 5), (2, 1)),
          (SAME, (9, 13), (3, 3), (2, 2)), (VALID, (11, 15), (3, 3), (2, 2)), (VALID, (12, 16), (3, 3), (2, 2)))),
    Case("TRANSPOSE_CONV", [ints(1, 10, 14, 4), weights(4, 3, 3, 3), IMAGE, weights(4)],
         lambda *a: np.maximum(transposed(SAME, (2, 2))(*a), 0),
         conv_options(SAME, (2, 2), fused_activation_function=1)),
    Case("AVERAGE_POOL_2D", [IMAGE], mean_pool(SAME, (3, 2), (2, 2)), pool_options(SAME, (3, 2), (2, 2))),
    Case("AVERAGE_POOL_2D", [IMAGE], mean_pool(VALID, (5, 7), (1, 1)), pool_options(VALID, (5, 7), (1, 1))),
    Case("MAX_POOL_2D", [IMAGE], lambda x: windows(x, (3, 3), (2, 2), SAME, fill=-np.inf).max((3, 4)),
         pool_options(SAME, (3, 3), (2, 2))),
    Case("L2_POOL_2D", [IMAGE], lambda x: np.sqrt(mean_pool(VALID, (2, 2), (2, 2))(x * x)),
         pool_options(VALID, (2, 2), (2, 2))),
]  # fmt: skip

# -- element by element --------------------------------------------------------------------------

X, ROW = (1, 3, 4, 5), (5,)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2)


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)


UNARY: dict[str, Callable[[np.ndarray], Any]] = {
    "LOGISTIC": _sigmoid, "RELU": lambda x: np.maximum(x, 0), "RELU6": lambda x: np.clip(x, 0, 6),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1), "TANH": np.tanh, "ELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "HARD_SWISH": lambda x: x * np.clip(x + 3, 0, 6) / 6, "ABS": np.abs, "NEG": np.negative, "EXP": np.exp,
    "SQUARE": np.square, "FLOOR": np.floor, "CEIL": np.ceil, "ROUND": np.rint, "SIN": np.sin, "COS": np.cos,
    "SOFTMAX": _softmax, "LOG_SOFTMAX": lambda x: np.log(_softmax(x)),
    "L2_NORMALIZATION": lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
}  # fmt: skip
BINARY: dict[str, Callable[..., Any]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": np.divide, "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum, "POW": np.power, "SQUARED_DIFFERENCE": lambda a, b: (a - b) ** 2,
}  # fmt: skip
COMPARISONS: dict[str, Callable[..., Any]] = {
    "EQUAL": np.equal, "NOT_EQUAL": np.not_equal, "LESS": np.less, "LESS_EQUAL": np.less_equal,
    "GREATER": np.greater, "GREATER_EQUAL": np.greater_equal,
}  # fmt: skip

ELEMENTWISE = [
    *(Case(name, [X], function, {"beta": 1.0} if name == "SOFTMAX" else {}) for name, function in UNARY.items()),
    *(Case(name, [X], function, positive=True)
      for name, function in (("LOG", np.log), ("SQRT", np.sqrt), ("RSQRT", lambda x: 1 / np.sqrt(x)))),
    *(Case(name, [X, other], function, positive=True)
      for name, function in BINARY.items() for other in (X, ROW, weights(5), (1, 1, 4, 1), weights(1))),
    *(Case(name, [X, X], function) for name, function in COMPARISONS.items()),
    Case("ADD", [X, X], lambda a, b: np.maximum(a + b, 0), {"fused_activation_function": 1}),
    Case("MUL", [X, X], lambda a, b: np.clip(a * b, 0, 6), {"fused_activation_function": 3}),
    Case("ADD", [(2, 3), weights(1, 3)], np.add),
    Case("ADD", [weights(1, 3, 4, 5), X], np.add),
    Case("LEAKY_RELU", [X], lambda x: np.where(x > 0, x, 0.25 * x), {"alpha": 0.25}),
    Case("GELU", [X], _gelu, {"approximate": False}),
    Case("GELU", [X], _gelu_tanh, {"approximate": True}),
    *(Case("PRELU", [X, alpha], lambda x, a: np.where(x > 0, x, a * x))
      for alpha in (weights(1, 1, 5), weights(5), weights(3, 4, 5), weights(1, 1, 1))),
    Case("SOFTMAX", [(2, 5)], lambda x: _softmax(0.5 * x), {"beta": 0.5}),
    Case("SELECT", [np.array([[[[True, False, True, True, False]]]] * 1).repeat(3, 1).repeat(4, 2), X, X], np.where),
    Case("SELECT_V2", [np.array([True, False, True, True, False]), X, (1,)], np.where),
    Case("CAST", [X], lambda x: x.astype(np.int32), {"in_data_type": 0, "out_data_type": 2}),
    Case("LOCAL_RESPONSE_NORMALIZATION", [X], lambda x: x * (2 + 0.5 * np.pad(x * x, [(0, 0)] * 3 + [(1, 1)])[
        ..., np.arange(5)[:, None] + np.arange(3)].sum(-1)) ** -0.75,
         {"radius": 1, "bias": 2.0, "alpha": 0.5, "beta": 0.75}),
]  # fmt: skip

# -- shapes --------------------------------------------------------------------------------------


def _lines(x: np.ndarray, axis: int, size: int, at: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Linear interpolation along an axis at the places that ``at`` says."""
    places = np.clip(at(np.arange(size)), 0, x.shape[axis] - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    part = (places - low).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.asarray(np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part)


def bilinear(height: int, width: int, corners: bool = False, centres: bool = False) -> Callable[..., np.ndarray]:
    """RESIZE_BILINEAR by each of its three rules."""

    def places(before: int, after: int) -> Callable[[np.ndarray], np.ndarray]:
        if corners:
            return lambda at: at * (before - 1) / (after - 1)
        return lambda at: (at + 0.5) * before / after - 0.5 if centres else at * before / after

    def run(x: np.ndarray, _: np.ndarray) -> np.ndarray:
        y = _lines(x, 1, height, places(x.shape[1], height))
        return _lines(y, 2, width, places(x.shape[2], width)).astype(np.float32)

    return run


def nearest(height: int, width: int, corners: bool = False, centres: bool = False) -> Callable[..., np.ndarray]:
    """RESIZE_NEAREST_NEIGHBOR by each of its three rules."""

    def index(before: int, after: int) -> np.ndarray:
        at = np.arange(after)
        if corners:
            places = np.floor(at * (before - 1) / (after - 1) + 0.5)
        else:
            places = np.floor((at + 0.5 * centres) * before / after)
        return np.minimum(places, before - 1).astype(int)

    return lambda x, _: x[:, index(x.shape[1], height)][:, :, index(x.shape[2], width)]


def depth_to_space(x: np.ndarray, block: int = 2) -> np.ndarray:
    """Channels of a pixel as those of a square of pixels."""
    n, h, w, c = x.shape
    y = x.reshape(n, h, w, block, block, c // block**2).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, h * block, w * block, -1)


def space_to_depth(x: np.ndarray, block: int = 2) -> np.ndarray:
    """The way back."""
    n, h, w, c = x.shape
    y = x.reshape(n, h // block, block, w // block, block, c).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, h // block, w // block, -1)


def strided(**masks: int) -> dict[str, int]:
    """Options of STRIDED_SLICE."""
    return {f"{name}_mask": value for name, value in masks.items()}


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "MEAN": np.mean, "SUM": np.sum, "REDUCE_MAX": np.max, "REDUCE_MIN": np.min, "REDUCE_PROD": np.prod,
}  # fmt: skip

MOVEMENT = [
    *(Case("RESHAPE", [of, ints(*to)], lambda x, s: x.reshape(s), {"new_shape": to})
      for of, to in ((X, (1, 60)), (X, (1, -1)), (X, (3, 4, 5)), ((1, 60), X), ((1, 1, 1, 7), (1, 7)), (X, (1, 12, 5)),
                     ((2, 6), (2, 1, 3, 2)), (X, (1, 4, 3, 5)))),
    Case("SQUEEZE", [(1, 1, 1, 7)], lambda x: x.reshape(1, 7), {"squeeze_dims": (1, 2)}),
    Case("SQUEEZE", [(1, 3, 1, 7)], lambda x: x.reshape(3, 7)),
    *(Case("EXPAND_DIMS", [(2, 3, 4), scalar(axis)], lambda x, axis: np.expand_dims(x, int(axis)))
      for axis in (0, 2, -1)),
    *(Case("TRANSPOSE", [shape, ints(*perm)], lambda x, p: x.transpose(p))
      for shape, perm in ((X, (0, 3, 1, 2)), (X, (0, 2, 1, 3)), ((2, 3), (1, 0)), ((2, 3, 4), (2, 0, 1)))),
    *(Case("CONCATENATION", [X, X, weights(*X)], lambda *a, axis=axis: np.concatenate(a, axis), {"axis": axis})
      for axis in (1, 3, -1)),
    Case("CONCATENATION", [(2, 3), (2, 4)], lambda *a: np.concatenate(a, 1), {"axis": 1}),
    Case("PACK", [(2, 3), (2, 3)], lambda *a: np.stack(a, 1), {"values_count": 2, "axis": 1}),
    Case("PACK", [(3, 4, 5), (3, 4, 5)], lambda *a: np.stack(a, 0), {"values_count": 2, "axis": 0}),
    Case("UNPACK", [X], lambda x: [x[:, :, i] for i in range(4)], {"num": 4, "axis": 2}),
    Case("UNPACK", [(3, 2)], lambda x: [x[..., i] for i in range(2)], {"num": 2, "axis": -1}),
    Case("SPLIT", [scalar(3), (1, 2, 3, 6)], lambda _, x: np.split(x, 3, 3), {"num_splits": 3}),
    Case("SPLIT_V", [X, ints(1, 3, -1), scalar(3)], lambda x, s, a: np.split(x, [1, 4], 3), {"num_splits": 3}),
    Case("SLICE", [X, ints(0, 1, 0, 2), ints(1, 2, -1, 3)], lambda x, b, s: x[:, 1:3, :, 2:5]),
    Case("STRIDED_SLICE", [X, ints(0, 0, 1, 0), ints(1, 3, 4, 5), ints(1, 2, 2, 1)], lambda x, *_: x[:, 0:3:2, 1:4:2]),
    Case("STRIDED_SLICE", [X, ints(0, -1, 9, 0), ints(0, 0, 0, 0), ints(1, -1, 1, 1)], lambda x, *_: x[:, ::-1],
         strided(begin=0b1111, end=0b1111)),
    Case("STRIDED_SLICE", [X, ints(0, 1), ints(0, 2), ints(1, 1)], lambda x, *_: x[:, 1],
         strided(begin=0b01, end=0b01, shrink_axis=0b10)),
    Case("STRIDED_SLICE", [X, ints(0, 2), ints(0, 4), ints(1, 1)], lambda x, *_: x[..., 2:4], strided(ellipsis=0b01)),
    Case("STRIDED_SLICE", [(3, 4), ints(0, 0, 1), ints(1, 0, 3), ints(1, 1, 1)], lambda x, *_: x[0:1, None, 1:3],
         strided(new_axis=0b010)),
    Case("STRIDED_SLICE", [(6,), ints(-1), ints(0), ints(1)], lambda x, *_: x[-1], strided(shrink_axis=0b1)),
    *(Case("GATHER", [X, ints(2, 0, 2)], lambda x, i, axis=axis: np.take(x, i, axis), {"axis": axis})
      for axis in (1, 2, 3, -1)),
    Case("GATHER", [(4, 3), np.array([[0, 1], [3, 3]], np.int32)], lambda x, i: np.take(x, i, 0), {"axis": 0}),
    Case("GATHER", [X, scalar(1)], lambda x, i: x[:, :, 1], {"axis": 2}),
    Case("GATHER_ND", [(3, 4, 5), np.array([[0, 1], [2, 3]], np.int32)], lambda x, i: x[tuple(i.T)]),
    Case("GATHER_ND", [X, np.array([[[0, 1, 2, 3]], [[0, 2, 3, 4]]], np.int32)], lambda x, i: x[tuple(
        np.moveaxis(i, -1, 0))]),
    Case("PAD", [X, np.array([[0, 0], [1, 2], [0, 3], [0, 0]], np.int32)], lambda x, p: np.pad(x, p)),
    Case("PAD", [X, np.array([[0, 0], [0, 0], [0, 0], [1, 2]], np.int32)], lambda x, p: np.pad(x, p)),
    Case("PAD", [(2, 3), np.array([[0, 1], [2, 0]], np.int32)], lambda x, p: np.pad(x, p)),
    Case("PADV2", [X, np.array([[0, 0], [1, 0], [0, 1], [0, 1]], np.int32), np.array(2.5, np.float32)],
         lambda x, p, v: np.pad(x, p, constant_values=v)),
    Case("MIRROR_PAD", [X, np.array([[0, 0], [1, 2], [2, 1], [0, 0]], np.int32)], lambda x, p: np.pad(x, p, "reflect"),
         {"mode": 0}),
    Case("MIRROR_PAD", [X, np.array([[0, 0], [1, 1], [0, 1], [0, 0]], np.int32)],
         lambda x, p: np.pad(x, p, "symmetric"), {"mode": 1}),
    Case("TILE", [X, ints(1, 2, 1, 3)], np.tile),
    Case("BROADCAST_TO", [(1, 1, 4, 1), ints(1, 3, 4, 5)], np.broadcast_to),
    Case("BROADCAST_TO", [(4,), ints(3, 4)], np.broadcast_to),
    *(Case(name, [X, ints(*size)], function(*size, **rule), {"align_corners": rule.get("corners", False),
                                                            "half_pixel_centers": rule.get("centres", False)})
      for name, function in (("RESIZE_BILINEAR", bilinear), ("RESIZE_NEAREST_NEIGHBOR", nearest))
      for size in ((6, 8), (7, 3)) for rule in ({}, {"corners": True}, {"centres": True})),
    Case("DEPTH_TO_SPACE", [(1, 2, 3, 12)], depth_to_space, {"block_size": 2}),
    Case("SPACE_TO_DEPTH", [(1, 4, 6, 3)], space_to_depth, {"block_size": 2}),
    *(Case(name, [X, ints(*axes)], lambda x, a, function=function, keep=keep: function(
        x, axis=tuple(a), keepdims=keep), {"keep_dims": keep})
      for name, function in _REDUCTIONS.items() for axes, keep in (((1, 2), True), ((1, 2), False), ((3,), False))),
    Case("MEAN", [(3, 4, 5), ints(-1)], lambda x, a: x.mean(-1), {"keep_dims": False}),
    Case("ARG_MAX", [X, scalar(3)], lambda x, a: x.argmax(3).astype(np.int64), {"output_type": 4}),
    Case("ARG_MIN", [X, scalar(1)], lambda x, a: x.argmin(1).astype(np.int64), {"output_type": 4}),
    Case("TOPK_V2", [(2, 7), scalar(3)],
         lambda x, k: [-np.sort(-x, 1)[:, :3], np.argsort(-x, 1)[:, :3].astype(np.int32)]),
]  # fmt: skip

# -- products ------------------------------------------------------------------------------------

PRODUCTS = [
    Case("FULLY_CONNECTED", [(2, 5), weights(3, 5), weights(3)], lambda x, w, b: x @ w.T + b),
    Case("FULLY_CONNECTED", [(1, 2, 3, 4), weights(5, 24), None], lambda x, w: x.reshape(1, 24) @ w.T),
    Case("FULLY_CONNECTED", [(2, 3, 4), weights(5, 4), weights(5)], lambda x, w, b: np.maximum(x @ w.T + b, 0),
         {"keep_num_dims": True, "fused_activation_function": 1}),
    Case("FULLY_CONNECTED", [(2, 3, 4), weights(5, 4), weights(5)], lambda x, w, b: x.reshape(6, 4) @ w.T + b),
    Case("BATCH_MATMUL", [(2, 3, 4), (2, 4, 5)], np.matmul),
    Case("BATCH_MATMUL", [(1, 2, 4, 3), (1, 2, 5, 4)], lambda a, b: a.swapaxes(2, 3) @ b.swapaxes(2, 3),
         {"adj_x": True, "adj_y": True}),
]  # fmt: skip

CASES = [*CONVOLUTIONS, *ELEMENTWISE, *MOVEMENT, *PRODUCTS]
