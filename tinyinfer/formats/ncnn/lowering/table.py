"""All layers that are known."""

from __future__ import annotations

from tinyinfer.formats.importing.call import Call, FileNode, Lowering
from tinyinfer.formats.ncnn.lowering import (
    activations,
    arithmetic,
    convolution,
    joining,
    matrix,
    normalization,
    pooling,
    quantization,
    reduction,
    resampling,
    views,
)
from tinyinfer.formats.ncnn.lowering.layer_kind import Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters

LAYERS: Layers = {
    **activations.LAYERS,
    **arithmetic.LAYERS,
    **convolution.LAYERS,
    **joining.LAYERS,
    **matrix.LAYERS,
    **normalization.LAYERS,
    **pooling.LAYERS,
    **quantization.LAYERS,
    **reduction.LAYERS,
    **resampling.LAYERS,
    **views.LAYERS,
}


def find(node: FileNode) -> Lowering:
    """The function for a node of a known type."""
    kind = LAYERS[node.op_type]

    def lower(call: Call) -> str | list[str]:
        found = kind.lower(call, Parameters(call.attribute))
        return found if isinstance(found, str) else list(found)

    return lower
