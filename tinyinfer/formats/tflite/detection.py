"""TFLite_Detection_PostProcess: what stands behind an SSD is left to the task, with what the operator says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.tflite.reading.flexbuffer import read_map
from tinyinfer.formats.tflite.reading.messages import TfliteModel, TfliteOperator
from tinyinfer.formats.tflite.reading.tensors import Arrays

NAME = "TFLite_Detection_PostProcess"


def without_post_process(
    model: TfliteModel, arrays: Arrays, where: str
) -> tuple[Sequence[TfliteOperator], Sequence[int], dict[str, Any]]:
    """The operators before the one that turns an SSD's outputs into boxes, the network's outputs without it, and meta.

    The outputs are then the offsets of boxes (1, anchors, 4) and the scores (1, anchors, classes and background first),
    and ``meta["detection"]`` has the operator's options and the anchors (centre y, centre x, height, width).
    """
    found = [operator for operator in model.operators if operator.custom == NAME]
    if not found:
        return model.operators, model.outputs, {}
    if len(found) > 1:
        raise UnsupportedOpError(f"{where}: expected a single {NAME}, found {len(found)}")
    last = found[0]
    others = [operator for operator in model.operators if operator is not last]
    if any(index in last.outputs for operator in others for index in operator.inputs):
        raise UnsupportedOpError(f"{where}: {NAME} with operators behind it is not supported")
    if len(last.inputs) != 3 or min(last.inputs) < 0:
        raise ModelFormatError(f"{where}: {NAME}: expected 3 inputs, found {len(last.inputs)}")
    anchors = model.tensors[last.inputs[2]]
    if anchors.data is None or len(anchors.nominal) != 2 or anchors.nominal[1] != 4:
        raise ModelFormatError(f"{where}: {NAME}: expected anchors of shape (N, 4), found {anchors.nominal}")
    kept = [index for index in model.outputs if index not in last.outputs]
    detection = {
        **read_map(last.custom_options, f"{where}: {NAME}"),
        "boxes": model.tensors[last.inputs[0]].name,
        "scores": model.tensors[last.inputs[1]].name,
        "anchors": arrays.array(anchors).real.tolist(),
    }
    return others, [*last.inputs[:2], *kept], {"detection": detection}
