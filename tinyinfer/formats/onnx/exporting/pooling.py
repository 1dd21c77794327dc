"""Pooling in ONNX.

Engines differ over windows that overhang the image in ceil mode, so wherever the image's size is known the
overhang is written as padding, which leaves nothing to interpret.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import AUTO_PAD, Call
from tinyinfer.ops.pooling.adaptive_pooling import bins

FLOAT = 1  # ONNX's number for float32

Pads = Sequence[int]  # top, left, bottom, right: ONNX's order


def max_pool2d(call: Call) -> str:
    """MaxPool; padding as wide as the kernel, which engines refuse, becomes a Pad before it."""
    windows = _windows(call) | {"dilations": call.op.dilation}
    if call.space() is None:
        return call.add("MaxPool", call.x, **windows, **_free_padding(call))
    pads = _sum(_padding(call), _overhang(call))
    if all(p < k for p, k in zip(pads, call.op.kernel_size * 2, strict=True)):
        return call.add("MaxPool", call.x, **windows, pads=pads)
    return call.add("MaxPool", _pad(call, pads, -np.inf), **windows)


def avg_pool2d(call: Call) -> str:
    """AveragePool; the divisor of one's own is a factor after it."""
    op, windows = call.op, _windows(call)
    include = int(op.count_include_pad or op.divisor_override is not None)
    if call.space() is None:
        if op.divisor_override is not None and op.ceil_mode:
            call.refuse("divisor_override in ceil mode over free image sizes")
        y = call.add("AveragePool", call.x, **windows, **_free_padding(call), count_include_pad=include)
    elif op.divisor_override is None and include and any(_overhang(call)):
        # padding counts and overhang does not: only one of them can be AveragePool's own
        y = call.add("AveragePool", _pad(call, _padding(call), 0), **windows, pads=_overhang(call), count_include_pad=0)
    else:
        pads = _sum(_padding(call), _overhang(call))
        y = call.add("AveragePool", call.x, **windows, pads=pads, count_include_pad=include)
    if op.divisor_override is None:
        return y
    return call.add("Mul", y, call.floats(op.kernel_size[0] * op.kernel_size[1] / op.divisor_override))


def _windows(call: Call) -> dict[str, Any]:
    return {"kernel_shape": call.op.kernel_size, "strides": call.op.step}


def _free_padding(call: Call) -> dict[str, Any]:
    """Padding and ceil mode for an image whose size is known only when the network runs."""
    if isinstance(call.op.padding, str):
        return {"auto_pad": AUTO_PAD[call.op.padding]}
    top, bottom, left, right = call.op.padding
    return {"pads": (top, left, bottom, right), "ceil_mode": int(call.op.ceil_mode)}


def _padding(call: Call) -> Pads:
    top, bottom, left, right = call.op.pads(call.space())
    return top, left, bottom, right


def _overhang(call: Call) -> Pads:
    return (0, 0, *call.op.overhang(call.space()))


def _sum(a: Pads, b: Pads) -> Pads:
    return [p + q for p, q in zip(a, b, strict=True)]


def _pad(call: Call, pads: Pads, value: float) -> str:
    return call.add("Pad", call.x, call.ints((0, 0, *pads[:2], 0, 0, *pads[2:])), call.floats(value))


def adaptive_avg_pool2d(call: Call) -> str:
    """Global pooling, equal windows, or for unequal bins a matrix product from each side.

    The matrices of a free image size are worked out when the network runs.
    """
    y = _adaptive(call, "AveragePool", "ReduceMean")
    if y is not None:
        return y
    size, wanted = call.shapes[0][2:], call.op.output_size
    y = call.x
    for i in range(2):
        count = wanted[i] or size[i]
        if count is None:
            continue  # a free side that stays as it is
        known = size[i]
        means = _free_means(call, i, count) if known is None else call.floats(_means(known, count))
        y = call.add("MatMul", means, y) if i == 0 else call.add("MatMul", y, call.add("Transpose", means, perm=(1, 0)))
    return y


def adaptive_max_pool2d(call: Call) -> str:
    """Global pooling or equal windows."""
    y = _adaptive(call, "MaxPool", "ReduceMax")
    if y is None:
        call.refuse(f"output size {call.op.output_size} does not divide the image's, or the image's is free")
    return y


def _adaptive(call: Call, windows: str, reduction: str) -> str | None:
    """What pools to one pixel a side, or by windows that divide the image; None if it is neither."""
    wanted = call.op.output_size
    if wanted == (1, 1):
        return call.add(f"Global{windows}", call.x)
    if all(side in (None, 1) for side in wanted):
        axes = [axis for axis, side in zip((2, 3), wanted, strict=True) if side == 1]
        return call.reduce(reduction, call.x, axes)
    size = call.space()
    if size is None:
        return None
    out = call.op.out_size(size)
    if any(n % count for n, count in zip(size, out, strict=True)):
        return None
    window = [n // count for n, count in zip(size, out, strict=True)]
    return call.add(windows, call.x, kernel_shape=window, strides=window)


def _means(size: int, count: int) -> np.ndarray:
    """The (count, size) matrix that takes the mean of each bin."""
    matrix = np.zeros((count, size))
    for row, stretch in zip(matrix, bins(size, count), strict=True):
        row[stretch] = 1 / (stretch.stop - stretch.start)
    return matrix


def _free_means(call: Call, side: int, count: int) -> str:
    """`_means` of a side of the first input whose size is free, as nodes."""
    places = np.arange(count)[:, None]
    size = call.shape_of(call.x, 2 + side, 3 + side)
    start = call.add("Div", call.add("Mul", call.ints(places), size), call.ints(count))
    end = call.add("Mul", call.ints(places + 1), size)
    end = call.add("Div", call.add("Add", end, call.ints(count - 1)), call.ints(count))
    pixels = call.add("Range", call.ints(0), call.add("Squeeze", size), call.ints(1))
    inside = call.add("And", call.add("GreaterOrEqual", pixels, start), call.add("Less", pixels, end))
    widths = call.add("Cast", call.add("Sub", end, start), to=FLOAT)
    return call.add("Div", call.add("Cast", inside, to=FLOAT), widths)


EXPORTERS: dict[str, Callable[[Call], str]] = {
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "adaptive_max_pool2d": adaptive_max_pool2d,
}
