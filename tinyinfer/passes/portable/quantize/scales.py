"""Scales and zero points: what codes of values stand for, and what the integers of weights do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from tinyinfer.errors import InputError, WeightsError
from tinyinfer.graph import Graph, Quant
from tinyinfer.ops.convolution.conv_transpose2d import ConvTranspose2d, exchanged
from tinyinfer.passes.portable.quantize.select import Selection, is_movement
from tinyinfer.tensor_type import LARGEST_SCALE

LARGEST_WEIGHT = 127
LARGEST_BIAS = 2**30  # leaves as much again for the sums
SMALLEST = float(np.finfo(np.float32).tiny)  # of scales: reciprocals of smaller ones are infinite

Range = tuple[float, float]


def unsigned(low: float, high: float) -> Quant:
    """uint8 codes for a range of real numbers, 0 taken in, which has a code of its own.

    Raises InputError for ranges that are not finite.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if not high - low <= LARGEST_SCALE:  # NaN is not either
        raise InputError(f"expected a range of finite numbers, found {low:g} to {high:g}")
    scale = float(np.float32((high - low) / 255))
    if scale < SMALLEST:  # nothing but zeros
        return Quant((1.0,), (0,))
    return Quant((scale,), (int(np.clip(np.rint(-low / scale), 0, 255)),))


def assign(graph: Graph, selection: Selection, range_of: Callable[[str], Range]) -> dict[str, Quant]:
    """Scale and zero point of every value that is to be codes.

    Values between which elements are only moved share one, for the union of their ranges.  ``range_of`` says that of
    a value.
    """
    leaders: dict[str, str] = {}

    def leader(value: str) -> str:
        while (above := leaders.setdefault(value, value)) != value:
            value = above
        return value

    for node in graph.nodes:
        if node.name in selection.nodes and is_movement(node):
            first, *others = (*node.inputs, *node.outputs)
            for other in others:
                leaders[leader(other)] = leader(first)
    groups: dict[str, list[str]] = {}
    for value in sorted(selection.values):
        groups.setdefault(leader(value), []).append(value)
    return {value: quant for group in groups.values() for value, quant in _shared(group, range_of)}


def _shared(group: list[str], range_of: Callable[[str], Range]) -> Iterable[tuple[str, Quant]]:
    ranges = [range_of(value) for value in group]
    try:
        quant = unsigned(min(low for low, _ in ranges), max(high for _, high in ranges))
    except InputError as error:
        raise InputError(f"value {group[0]!r}: {error}") from None
    return ((value, quant) for value in group)


def quantize_layer(
    op: object, params: Mapping[str, np.ndarray], input_scale: float, per_tensor: bool = False
) -> dict[str, np.ndarray]:
    """A layer's parameters as integers, in the layout that they have; as `quantize_weights`."""
    if not isinstance(op, ConvTranspose2d):
        return quantize_weights(params, input_scale, per_tensor)
    found = quantize_weights({**params, "weight": exchanged(params["weight"], op.groups)}, input_scale, per_tensor)
    return {**found, "weight": exchanged(found["weight"], op.groups)}


def quantize_weights(
    params: Mapping[str, np.ndarray], input_scale: float, per_tensor: bool = False
) -> dict[str, np.ndarray]:
    """A layer's parameters as integers: weight int8 within +-127, its scale by output channel, bias int32.

    ``per_tensor`` gives all channels the scale of the largest weight.  A channel whose bias is large beside its
    weights gets a larger scale than these need, so that the bias fits 32 bits.  Raises WeightsError for what is not
    finite.
    """
    weight = params["weight"]
    for role, array in params.items():
        if not np.isfinite(array).all():
            raise WeightsError(f"{role}: expected finite numbers, found NaN or infinity")
    by_channel = np.abs(weight.reshape(len(weight), -1)).max(axis=1).astype(np.float64)
    if per_tensor:
        by_channel[:] = by_channel.max()
    bias = params.get("bias", np.zeros(len(weight))).astype(np.float64)
    scale = np.maximum(by_channel / LARGEST_WEIGHT, np.abs(bias) / (input_scale * LARGEST_BIAS))
    scale = np.where(scale < SMALLEST, 1.0, scale).astype(np.float32)
    exact = scale.astype(np.float64)
    integers = np.rint(weight / exact.reshape(-1, *[1] * (weight.ndim - 1)))
    found = {
        "weight": np.clip(integers, -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8),
        "weight_scale": scale,
    }
    if "bias" in params:
        found["bias"] = np.rint(bias / (exact * input_scale)).astype(np.int32)
    return found
