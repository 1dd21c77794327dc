"""All lowerings, and which of them a node means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, FileNode, Lowering, UnsupportedNodeError
from tinyinfer.formats.importing.lowering import Find
from tinyinfer.formats.tflite.lowering import (
    convolution,
    elementwise,
    joining,
    landmarks,
    matmul,
    pooling,
    reduction,
    resampling,
    shaping,
    slicing,
)
from tinyinfer.formats.tflite.lowering.codes import rounded
from tinyinfer.formats.tflite.lowering.node import TfliteCall, TfliteLowering
from tinyinfer.formats.tflite.lowering.values import Values

LOWERINGS: dict[str, TfliteLowering] = {
    **convolution.LOWERINGS,
    **elementwise.LOWERINGS,
    **joining.LOWERINGS,
    **landmarks.LOWERINGS,
    **matmul.LOWERINGS,
    **pooling.LOWERINGS,
    **reduction.LOWERINGS,
    **resampling.LOWERINGS,
    **shaping.LOWERINGS,
    **slicing.LOWERINGS,
}

LONGEST = 300  # characters of a message
# custom operators whose first version is another operator
ONLY_VERSION = dict.fromkeys(landmarks.LOWERINGS, 2)


def finder(values: Values, versions: Mapping[str, int]) -> Find:
    """The function that finds a node's lowering, for nodes of a network with these values.

    ``versions`` of the operators by node, to be told where one is not known.
    """

    def find(node: FileNode) -> Lowering:
        lowering = LOWERINGS.get(node.op_type)
        if ONLY_VERSION.get(node.op_type, versions[node.name]) != versions[node.name]:
            lowering = None
        if lowering is None:
            raise UnsupportedNodeError(f"the operator, here of version {versions[node.name]}, is not known")

        def lower(call: Call) -> str | Sequence[str]:
            mine = TfliteCall(call, values)
            try:
                found = lowering(mine)
            except GraphError as error:  # which may show numbers of the file
                raise GraphError(str(error)[:LONGEST]) from None
            call.unread, call.unread_inputs = mine.unread, mine.unread_inputs
            handles = [found] if isinstance(found, str) else found
            tensors = [values.outputs[name] for name in node.outputs]
            return [rounded(values, handle, tensor) for handle, tensor in zip(handles, tensors, strict=False)]

        return lower

    return find
