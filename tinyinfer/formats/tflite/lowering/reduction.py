"""Reductions over the file's axes, and norms that are made of them."""

from __future__ import annotations

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import NCHW

LEAST_NORM = 1e-6  # below which L2_NORMALIZATION divides by this (TFLite's reference kernel)


def reduction(op: str) -> TfliteLowering:
    """MEAN, SUM and their like."""

    def lower(call: TfliteCall) -> str:
        value, order = call.placed()
        dims = {call.axis(axis) for axis in call.fixed(1, "axis")}
        keep = bool(call.attribute("keep_dims"))
        if not dims:
            return call.value(0)
        reduced = call.apply(op, value, dim=tuple(sorted(order.index(dim) for dim in dims)), keepdim=keep)
        if keep:
            return call.placed_as(reduced, order)
        left = [dim for dim in order if dim not in dims]
        return call.placed_as(reduced, tuple(sorted(left).index(dim) for dim in left))

    return lower


def l2_normalization(call: TfliteCall) -> str:
    """L2_NORMALIZATION: along the last dimension, to length 1."""
    value, order = call.placed()
    if not order:
        raise GraphError("input: expected rank 1 or more, found a scalar")
    dim = order.index(len(order) - 1)
    squares = call.apply("sum", call.apply("mul", value, value), dim=dim, keepdim=True)
    length = call.apply("maximum", call.apply("sqrt", squares), call.constant(LEAST_NORM, np.float32))
    return call.placed_as(call.fused(call.apply("div", value, length)), order)


def local_response_normalization(call: TfliteCall) -> str:
    """LOCAL_RESPONSE_NORMALIZATION: alpha times the sum of squares, not their mean."""
    if len(call.shape()) != len(NCHW):
        raise GraphError(f"expected images, found an input of rank {len(call.shape())}")
    size = 2 * int(call.attribute("radius")) + 1
    value = call.apply(
        "local_response_norm",
        call.nchw(),
        size=size,
        alpha=call.attribute("alpha") * size,
        beta=call.attribute("beta"),
        k=call.attribute("bias"),
    )
    return call.image(value)


LOWERINGS: dict[str, TfliteLowering] = {
    "MEAN": reduction("mean"),
    "SUM": reduction("sum"),
    "REDUCE_MAX": reduction("amax"),
    "REDUCE_MIN": reduction("amin"),
    "REDUCE_PROD": reduction("prod"),
    "L2_NORMALIZATION": l2_normalization,
    "LOCAL_RESPONSE_NORMALIZATION": local_response_normalization,
}
