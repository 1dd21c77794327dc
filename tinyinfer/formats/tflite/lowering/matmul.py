"""Fully connected layers and products of matrices."""

from __future__ import annotations

import math

from tinyinfer.errors import GraphError
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.reshaping import reshaped

SHUFFLED = 1  # weights in blocks for a certain kernel


def fully_connected(call: TfliteCall) -> str:
    """FULLY_CONNECTED: rows of as many numbers as the weights (O, I) take, whatever the input's shape."""
    call.ignore("asymmetric_quantize_inputs", "quantized_bias_type")
    keep = bool(call.attribute("keep_num_dims"))
    if call.attribute("weights_format") == SHUFFLED:
        call.refuse("weights in shuffled blocks are not supported")
    if len(call.shape(1)) != 2:
        raise GraphError(f"weight: expected rank 2, found {call.shape(1)}")
    outputs, taken = call.shape(1)
    if keep:
        return _linear(call, call.plain(), call.plain(1))
    value = call.plain() if len(call.shape()) == 2 and call.shape()[-1] == taken else _rows(call, taken)
    if call.known(1) is None:
        return _product(call, value)
    image = call.values.flattened.get(value)
    channels, *size = (call.shape_of(image.value)[1:]) if image else (0,)
    if image is None or taken != channels * math.prod(size):
        return _linear(call, value, call.plain(1))
    # an image in a row, which lies as it is if the weights are moved in its place
    flat = reshaped(call.importer, image.value, call.shape_of(value), f"{call.name}/flat")
    weight = call.values.weights.of_flat_image(call.plain(1), (outputs, *size, channels))
    return _linear(call, flat, weight)


def _rows(call: TfliteCall, taken: int) -> str:
    shape = call.shape()
    total = math.prod(shape)
    if taken == 0 or total % taken:
        raise GraphError(f"{total} numbers are no rows of {taken}")
    return reshaped(call.importer, call.values.row(call.value(0)), (total // taken, taken), f"{call.name}/rows")


def _linear(call: TfliteCall, value: str, weight: str) -> str:
    call.array(1, "weight")
    value = call.apply("linear", value, params={"weight": weight, "bias": call.optional(2)})
    return call.values.add(call.activated(value))


def _product(call: TfliteCall, value: str) -> str:
    """With weights that are computed."""
    weight = call.importer.apply("permute", call.plain(1), name=f"{call.name}/weight", dims=(1, 0))
    value = call.apply("matmul", value, weight)
    bias = call.optional(2)
    return call.values.add(call.activated(call.apply("add", value, bias) if bias else value))


def batch_matmul(call: TfliteCall) -> str:
    """BATCH_MATMUL: stacks of matrices, each maybe the other way round."""
    call.ignore("asymmetric_quantize_inputs")
    sides = []
    for index, name in enumerate(("adj_x", "adj_y")):
        value, rank = call.plain(index), len(call.shape(index))
        if rank < 2:
            raise GraphError(f"expected matrices, found rank {rank}")
        if call.attribute(name):
            dims = (*range(rank - 2), rank - 1, rank - 2)
            value = call.importer.apply("permute", value, name=f"{value}/transposed", dims=dims)
        sides.append(value)
    return call.values.add(call.apply("matmul", *sides))


LOWERINGS: dict[str, TfliteLowering] = {"FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": batch_matmul}
