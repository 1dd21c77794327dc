"""Normalisations."""

from __future__ import annotations

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.arithmetic import scaled
from tinyinfer.formats.ncnn.lowering.axes import dimension
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers, ReadWeights
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

EPS = 0.001


def _batch_norm(call: Call, p: Parameters) -> str:
    p.integer("channels")
    params = {role: call.attribute(role) for role in ("weight", "running_mean", "running_var", "bias")}
    return call.apply("batch_norm", call.x, params=params, eps=p.number("eps"))


def _batch_norm_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    count = p.integer("channels", least=1)
    return {role: weights.plain(count) for role in ("weight", "running_mean", "running_var", "bias")}


def _affine_weights(size: str) -> ReadWeights:
    """A weight and a bias, each of as many numbers as a parameter says, unless the layer has none."""

    def read(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
        count = p.integer(size, least=0)
        return {role: weights.plain(count) for role in ("weight", "bias")} if p.flag("affine", 1) else {}

    return read


def _affine(call: Call, p: Parameters) -> dict[str, np.ndarray | None]:
    p.flag("affine", 1)
    return {role: call.attribute(role) for role in ("weight", "bias")}


def _instance_norm(call: Call, p: Parameters) -> str:
    p.integer("channels")
    return call.apply("instance_norm", call.x, params=_affine(call, p), eps=p.number("eps", EPS))


def _group_norm(call: Call, p: Parameters) -> str:
    p.integer("channels")
    groups, eps = p.integer("group", 1), p.number("eps", EPS)
    return call.apply("group_norm", call.x, params=_affine(call, p), num_groups=groups, eps=eps)


def _layer_norm(call: Call, p: Parameters) -> str:
    """Over the last dimension, or over height and width of every channel."""
    shape, size = call.shape(), p.integer("affine_size")
    normalized = shape[2:] if len(shape) == 4 and size != shape[3] else shape[-1:]
    if any(map(is_free, normalized)):
        call.fix(normalized, "a norm over height and width is over fixed ones")
    params = {r: None if a is None else a.reshape(normalized) for r, a in _affine(call, p).items()}
    return call.apply("layer_norm", call.x, params=params, normalized_shape=normalized, eps=p.number("eps", EPS))


def _local_response_norm(call: Call, p: Parameters) -> str:
    size, alpha, beta = p.integer("local_size", 5, least=1), p.number("alpha", 1.0), p.number("beta", 0.75)
    bias, region = p.number("bias", 1.0), p.integer("region_type")
    if region == 0:
        return call.apply("local_response_norm", call.x, size=size, alpha=alpha, beta=beta, k=bias)
    if region != 1 or size % 2 == 0:
        call.refuse(f"region {region} of size {size} is not supported")
    squares = call.apply("mul", call.x, call.x)
    mean = call.apply("avg_pool2d", squares, kernel_size=size, stride=1, padding=size // 2)
    factor = call.apply("pow", call.apply("scale_shift", mean, scale=(alpha,), shift=(bias,)),
                        call.constant(-beta, "float32"))  # fmt: skip
    return call.apply("mul", call.x, factor)


def _normalize(call: Call, p: Parameters) -> str:
    """x / |x|, the length taken over space, channels or both."""
    space, channels = p.flag("across_spatial"), p.flag("across_channel", 1)
    call.ignore("channel_shared", "scale_data_size")
    rank = len(call.shape())
    dims = tuple(range(1 if channels else 2, rank) if space else (1,))
    if not dims or not (space or channels):
        call.refuse("a norm over nothing is not supported")
    total = call.apply("sum", call.apply("mul", call.x, call.x), dim=dims, keepdim=True)
    eps, mode = p.number("eps", 1e-4), p.integer("eps_mode")
    match mode:
        case 0:
            length = call.apply("sqrt", call.apply("scale_shift", total, shift=(eps,)))
        case 1:
            length = call.apply("clamp", call.apply("sqrt", total), min=eps)
        case 2:
            length = call.apply("sqrt", call.apply("clamp", total, min=eps))
        case _:
            call.refuse(f"eps mode {mode} is not known")
    return scaled(call, call.apply("div", call.x, length), call.attribute("scale"), None)


def _normalize_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    return {"scale": weights.plain(p.integer("scale_data_size", least=1))}


def _mvn(call: Call, p: Parameters) -> str:
    """(x - mean) / (standard deviation + eps), of every channel or of all."""
    first = 1 if p.flag("across_channels") else 2
    dims = tuple(range(first, len(call.shape())))
    centred = call.apply("sub", call.x, call.apply("mean", call.x, dim=dims, keepdim=True))
    eps = p.number("eps", 1e-4)
    if not p.flag("normalize_variance"):
        return centred
    variance = call.apply("mean", call.apply("mul", centred, centred), dim=dims, keepdim=True)
    return call.apply("div", centred, call.apply("scale_shift", call.apply("sqrt", variance), shift=(eps,)))


def _rms_norm(call: Call, p: Parameters) -> str:
    """x / sqrt(mean of x^2 + eps) over the last dimension."""
    size, shape, eps = p.integer("affine_size"), call.shape(), p.number("eps", EPS)
    dims = (2, 3) if len(shape) == 4 and size != shape[3] else (len(shape) - 1,)
    mean = call.apply("mean", call.apply("mul", call.x, call.x), dim=dims, keepdim=True)
    y = call.apply("div", call.x, call.apply("sqrt", call.apply("scale_shift", mean, shift=(eps,))))
    p.flag("affine", 1)
    weight = call.attribute("weight")
    return y if weight is None else call.apply("mul", y, call.constant(weight.reshape([shape[d] for d in dims])))


def _rms_norm_weights(p: Parameters, weights: WeightReader) -> dict[str, np.ndarray]:
    return {"weight": weights.plain(p.integer("affine_size", least=0))} if p.flag("affine", 1) else {}


def _softmax(call: Call, p: Parameters) -> str:
    axis = p.integer("axis")
    if axis != 0 and not p.flag("fixbug0"):
        call.refuse("a file from before softmax's axes were mended: convert the network anew")
    call.ignore("fixbug0")
    return call.apply("softmax", call.x, dim=dimension(axis, len(call.shape())))


_AFFINE_SIZE = {0: "affine_size", 1: "eps", 2: "affine"}

LAYERS: Layers = {
    "BatchNorm": LayerKind(_batch_norm, {0: "channels", 1: "eps"}, _batch_norm_weights),
    "GroupNorm": LayerKind(
        _group_norm, {0: "group", 1: "channels", 2: "eps", 3: "affine"}, _affine_weights("channels")
    ),
    "InstanceNorm": LayerKind(_instance_norm, {0: "channels", 1: "eps", 2: "affine"}, _affine_weights("channels")),
    "LayerNorm": LayerKind(_layer_norm, _AFFINE_SIZE, _affine_weights("affine_size")),
    "LRN": LayerKind(_local_response_norm, {0: "region_type", 1: "local_size", 2: "alpha", 3: "beta", 4: "bias"}),
    "MVN": LayerKind(_mvn, {0: "normalize_variance", 1: "across_channels", 2: "eps"}),
    "Normalize": LayerKind(
        _normalize,
        {0: "across_spatial", 1: "channel_shared", 2: "eps", 3: "scale_data_size", 4: "across_channel", 9: "eps_mode"},
        _normalize_weights,
    ),
    "RMSNorm": LayerKind(_rms_norm, _AFFINE_SIZE, _rms_norm_weights),
    "Softmax": LayerKind(_softmax, {0: "axis", 1: "fixbug0"}),
}
