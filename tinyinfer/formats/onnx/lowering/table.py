"""All lowerings, and which of them a node means: the newest form that is not newer than the file's opset."""

from __future__ import annotations

from tinyinfer.formats.importing.call import FileNode, Lowering, UnsupportedNodeError
from tinyinfer.formats.onnx.lowering import (
    activation,
    convolution,
    einsum,
    elementwise,
    global_pooling,
    inference,
    matmul,
    normalization,
    padding,
    pooling,
    quantization,
    rearrangement,
    resampling,
    sampling,
    softmax,
    transposed_convolution,
)
from tinyinfer.formats.onnx.lowering.tensors import (
    arithmetic,
    boxes,
    constants,
    indexing,
    movement,
    ranking,
    reduction,
    shapes,
)

NEWEST = 28  # opset of which all operators have been looked at

LOWERINGS: dict[tuple[str, int], Lowering] = {
    **activation.LOWERINGS,
    **arithmetic.LOWERINGS,
    **boxes.LOWERINGS,
    **constants.LOWERINGS,
    **convolution.LOWERINGS,
    **einsum.LOWERINGS,
    **elementwise.LOWERINGS,
    **global_pooling.LOWERINGS,
    **indexing.LOWERINGS,
    **inference.LOWERINGS,
    **matmul.LOWERINGS,
    **movement.LOWERINGS,
    **normalization.LOWERINGS,
    **padding.LOWERINGS,
    **pooling.LOWERINGS,
    **quantization.LOWERINGS,
    **ranking.LOWERINGS,
    **rearrangement.LOWERINGS,
    **reduction.LOWERINGS,
    **resampling.LOWERINGS,
    **sampling.LOWERINGS,
    **shapes.LOWERINGS,
    **softmax.LOWERINGS,
    **transposed_convolution.LOWERINGS,
}

_FORMS: dict[str, list[int]] = {}
for _name, _since in LOWERINGS:
    _FORMS.setdefault(_name, []).append(_since)


def find(node: FileNode) -> Lowering:
    """The function for a node.  Raises UnsupportedNodeError where there is none."""
    if node.domain not in ("", "ai.onnx"):
        raise UnsupportedNodeError(f"operators of domain {node.domain[:80]!r} are not known")
    forms = [since for since in _FORMS.get(node.op_type, ()) if since <= node.version]
    if not forms:
        raise UnsupportedNodeError("the operator is not known")
    return LOWERINGS[node.op_type, max(forms)]
