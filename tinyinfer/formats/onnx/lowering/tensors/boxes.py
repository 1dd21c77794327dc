"""NonMaxSuppression."""

from __future__ import annotations

import numpy as np

from tinyinfer.formats.importing.call import Call, Lowering


def non_max_suppression(call: Call) -> str:
    """NonMaxSuppression; of its rows, whose number depends on the boxes, as many as there can be."""
    call.note("NonMaxSuppression: rows beyond the boxes that are selected hold -1")
    return suppress(call, call.value(1))


def suppress(call: Call, scores: str, least: float | None = None) -> str:
    """The operator of ours for a node, of these scores; those no higher than ``least`` never count."""
    most = int(_number(call, 2, "max_output_boxes_per_class", 0))
    if most < 1:
        call.refuse("expected a max_output_boxes_per_class above 0: else it selects nothing")
    threshold = _number(call, 4, "score_threshold", 0.0) if call.has(4) else None
    if least is not None:
        threshold = least if threshold is None else max(threshold, least)
    boxes = call.shape()[1]
    return call.apply(
        "non_max_suppression", call.x, scores,
        max_output_boxes=min(most, int(boxes)) if type(boxes) is int else most,
        iou_threshold=_number(call, 3, "iou_threshold", 0.0),
        score_threshold=threshold,
        center_point_box=bool(call.attribute("center_point_box", 0)),
    )  # fmt: skip


def _number(call: Call, index: int, what: str, default: float) -> float:
    if not call.has(index):
        return default
    found = call.array(index, what)
    if found.size != 1 or found.dtype == object:
        call.refuse(f"{what}: expected a number, found shape {np.shape(found)}")
    return float(found.item())


LOWERINGS: dict[tuple[str, int], Lowering] = {("NonMaxSuppression", 10): non_max_suppression}
