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
    microsoft,
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

_TABLES = (
    activation,
    arithmetic,
    boxes,
    constants,
    convolution,
    einsum,
    elementwise,
    global_pooling,
    indexing,
    inference,
    matmul,
    movement,
    normalization,
    padding,
    pooling,
    quantization,
    ranking,
    rearrangement,
    reduction,
    resampling,
    sampling,
    shapes,
    softmax,
    transposed_convolution,
)

LOWERINGS: dict[tuple[str, int], Lowering] = {form: lower for t in _TABLES for form, lower in t.LOWERINGS.items()}

_FORMS: dict[str, list[int]] = {}
for _name, _since in LOWERINGS:
    _FORMS.setdefault(_name, []).append(_since)


def find(node: FileNode) -> Lowering:
    """The function for a node.  Raises UnsupportedNodeError where there is none."""
    if node.domain == microsoft.DOMAIN and node.op_type in microsoft.LOWERINGS:
        return microsoft.LOWERINGS[node.op_type]
    if node.domain not in ("", "ai.onnx"):
        raise UnsupportedNodeError(f"operators of domain {node.domain[:80]!r} are not known")
    forms = [since for since in _FORMS.get(node.op_type, ()) if since <= node.version]
    if not forms:
        raise UnsupportedNodeError("the operator is not known")
    return LOWERINGS[node.op_type, max(forms)]
