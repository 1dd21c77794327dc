"""Convolutions."""

from __future__ import annotations

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering


def conv(call: Call) -> str:
    """Conv: over images; over rows as images of one line."""
    rank = len(call.shape())
    if rank != 4:
        call.refuse(f"expected images, found an input of rank {rank}")
    weight = call.array(1, "weight")
    call.attribute("kernel_shape")
    attributes = {
        "stride": tuple(call.attribute("strides", [1, 1])),
        "dilation": tuple(call.attribute("dilations", [1, 1])),
        "groups": call.attribute("group", 1),
        "padding": _padding(call),
    }
    if len(weight.shape) != 4:
        raise GraphError(f"weight: expected rank 4, found {weight.shape}")
    params = {"weight": call.value(1), "bias": call.value(2) if call.has(2) else None}
    return call.apply("conv2d", call.x, params=params, **attributes)


def _padding(call: Call) -> tuple[int, ...] | str:
    """(top, bottom, left, right), or "same"."""
    auto, pads = call.attribute("auto_pad", "NOTSET"), call.attribute("pads", [0, 0, 0, 0])
    if auto == "SAME_UPPER":
        return "same"
    if auto not in ("NOTSET", "VALID"):
        call.refuse(f"auto_pad {auto} is not supported")
    top, left, bottom, right = pads if auto == "NOTSET" else (0, 0, 0, 0)
    return top, bottom, left, right


LOWERINGS: dict[tuple[str, int], Lowering] = {("Conv", 1): conv}
