"""Normalisations by running statistics and by the input's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.ops.base import axis

EPSILON = 1e-5


def batch_norm(call: Call) -> str:
    """BatchNormalization as it is at inference; parameters that are computed broadcast."""
    call.ignore("momentum")
    if call.attribute("training_mode", 0):
        call.refuse("training_mode: the statistics of the batch are not supported")
    eps, each_element = call.attribute("epsilon", EPSILON), not call.attribute("spatial", 1)
    roles = ("weight", "bias", "running_mean", "running_var")
    known = all(_is_float32(call, i) for i in range(1, 5))
    if known and not each_element and len(call.shape()) >= 2 and call.type().dtype == "float32":
        params = {role: call.value(i) for i, role in enumerate(roles, 1)}
        return call.apply("batch_norm", call.x, params=params, eps=eps)
    rank = len(call.shape())
    scale, bias, mean, variance = (
        call.value(i) if each_element else along_channels(call, call.value(i), rank) for i in range(1, 5)
    )
    deviation = call.apply("sqrt", call.apply("add", variance, number(call, eps)))
    y = call.apply("div", call.apply("sub", call.x, mean), deviation)
    return call.apply("add", call.apply("mul", y, scale), bias)


def instance_norm(call: Call) -> str:
    """InstanceNormalization."""
    return _affine_norm(call, "instance_norm", eps=call.attribute("epsilon", EPSILON))


def _affine_norm(call: Call, name: str, **attributes: Any) -> str:
    """A norm and its scale and bias by channel, known or computed."""
    if _is_float32(call, 1) and _is_float32(call, 2):
        params = {"weight": call.value(1), "bias": call.value(2)}
        return call.apply(name, call.x, params=params, **attributes)
    y, rank = call.apply(name, call.x, **attributes), len(call.shape())
    scale, bias = (along_channels(call, call.value(i), rank) for i in (1, 2))
    return call.apply("add", call.apply("mul", y, scale), bias)


def group_norm(call: Call) -> str:
    """GroupNormalization with scale and bias by channel."""
    call.ignore("stash_type")
    return _affine_norm(
        call, "group_norm", num_groups=call.needed("num_groups"), eps=call.attribute("epsilon", EPSILON)
    )


def group_norm_by_group(call: Call) -> str:
    """GroupNormalization of opset 18, whose scale and bias are by group: every channel takes its group's."""
    groups, channels = call.needed("num_groups"), call.shape()[1]
    if is_free(channels) or groups < 1 or channels % groups:
        raise GraphError(f"num_groups {groups} do not divide {channels} channels")
    for i in (1, 2):
        call.inputs[i] = repeated(call, call.value(i), 0, channels // groups)
    return group_norm(call)


def layer_norm(call: Call) -> str | list[str]:
    """LayerNormalization over the dimensions from ``axis`` on, with mean and 1 / deviation as further outputs."""
    call.ignore("stash_type")
    shape, eps = call.shape(), call.attribute("epsilon", EPSILON)
    first = axis(call.attribute("axis", -1), len(shape))
    dims = tuple(range(first, len(shape)))
    if len(call.node.outputs) == 1 and call.type().dtype == "float32" and not any(map(is_free, shape[first:])):
        return _layer_norm(call, shape[first:], eps)
    mean = call.apply("mean", call.x, dim=dims, keepdim=True)
    centred = call.apply("sub", call.x, mean)
    variance = call.apply("mean", call.apply("mul", centred, centred), dim=dims, keepdim=True)
    deviation = call.apply("sqrt", call.apply("add", variance, number(call, eps)))
    return [_affine(call, call.apply("div", centred, deviation)), mean, call.apply("reciprocal", deviation)]


def _layer_norm(call: Call, shape: tuple[int, ...], eps: float) -> str:
    """By the operator, which takes a scale and a bias if they are known and of its shape."""
    fits = [_is_float32(call, i) and call.shape(i) == shape for i in (1, 2) if call.has(i)]
    if not all(fits):
        return _affine(call, call.apply("layer_norm", call.x, normalized_shape=shape, eps=eps))
    params = {role: call.value(i) for i, role in ((1, "weight"), (2, "bias")) if call.has(i)}
    return call.apply("layer_norm", call.x, params=params, normalized_shape=shape, eps=eps)


def _affine(call: Call, y: str) -> str:
    """Scale and bias, inputs 1 and 2, as far as there are such."""
    y = call.apply("mul", y, call.value(1)) if call.has(1) else y
    return call.apply("add", y, call.value(2)) if call.has(2) else y


def rms_norm(call: Call) -> str:
    """RMSNormalization: x / sqrt(mean of x^2 + epsilon) over the dimensions from ``axis`` on, times scale."""
    call.ignore("stash_type")
    rank = len(call.shape())
    dims = tuple(range(axis(call.attribute("axis", -1), rank), rank))
    squares = call.apply("mean", call.apply("mul", call.x, call.x), dim=dims, keepdim=True)
    size = call.apply("sqrt", call.apply("add", squares, number(call, call.attribute("epsilon", EPSILON))))
    return _affine(call, call.apply("div", call.x, size))


def mean_variance_norm(call: Call) -> str:
    """MeanVarianceNormalization: mean 0 and variance 1 over ``axes``."""
    dims = tuple(call.attribute("axes", [0, 2, 3]))
    centred = call.apply("sub", call.x, call.apply("mean", call.x, dim=dims, keepdim=True))
    variance = call.apply("mean", call.apply("mul", centred, centred), dim=dims, keepdim=True)
    deviation = call.apply("add", call.apply("sqrt", variance), number(call, 1e-9))  # as the standard has it
    return call.apply("div", centred, deviation)


def lp_norm(call: Call) -> str:
    """LpNormalization: x / |x| along ``axis``, by the sum of sizes (p 1) or of squares (p 2); 0 where |x| is 0."""
    at, p = call.attribute("axis", -1), call.attribute("p", 2)
    if p not in (1, 2):
        raise GraphError(f"p: expected 1 or 2, found {p}")
    sizes = call.apply("abs", call.x) if p == 1 else call.apply("mul", call.x, call.x)
    norm = call.apply("sum", sizes, dim=at, keepdim=True)
    norm = norm if p == 1 else call.apply("sqrt", norm)
    least = float(np.finfo(call.type().dtype).tiny)  # all of x is 0 then, and so is the quotient
    return call.apply("div", call.x, call.apply("clamp", norm, min=least))


def response_norm(call: Call) -> str:
    """LRN; where the window is even, ONNX has its odd channel after the middle, torch before it."""
    size = call.needed("size")
    attributes = {
        "size": size, "alpha": call.attribute("alpha", 1e-4), "beta": call.attribute("beta", 0.75),
        "k": call.attribute("bias", 1.0),
    }  # fmt: skip
    if size % 2:
        return call.apply("local_response_norm", call.x, **attributes)
    mirrored = call.apply("slice", call.x, dim=1, start=-1, step=-1)
    return call.apply("slice", call.apply("local_response_norm", mirrored, **attributes), dim=1, start=-1, step=-1)


def repeated(call: Call, value: str, dim: int, times: int) -> str:
    """Each element along a dimension so many times in a row."""
    rank = len(call.shape_of(value))
    size = tuple(times if at == dim + 1 else -1 for at in range(rank + 1))
    wide = call.apply("expand", call.apply("unsqueeze", value, dim=dim + 1), size=size)
    return call.apply("flatten", wide, start_dim=dim, end_dim=dim + 1)


def along_channels(call: Call, value: str, rank: int) -> str:
    """A row of numbers, one for each channel, in a shape that broadcasts with values of this rank."""
    return call.apply("unsqueeze", value, dim=tuple(range(1, rank - 1))) if rank > 2 else value


def number(call: Call, value: float) -> str:
    """A number in the dtype of the input."""
    return call.constant(value, call.type().dtype)


def _is_float32(call: Call, index: int) -> bool:
    known = call.known(index)
    return known is not None and known.dtype == np.float32


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("BatchNormalization", 7): batch_norm,
    ("InstanceNormalization", 6): instance_norm,
    ("GroupNormalization", 18): group_norm_by_group,
    ("GroupNormalization", 21): group_norm,
    ("LayerNormalization", 17): layer_norm,
    ("RMSNormalization", 23): rms_norm,
    ("MeanVarianceNormalization", 9): mean_variance_norm,
    ("LpNormalization", 1): lp_norm,
    ("LRN", 1): response_norm,
}
