"""Picking by indices that are values, writing to such places, and what else orders or selects, in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyinfer.formats.onnx.exporting.writer import Call

REDUCTIONS = {None: "none", "sum": "add", "prod": "mul", "amax": "max", "amin": "min"}


def index(call: Call) -> str:
    """Gather by an index that is a value."""
    return call.add("Gather", *call.node.inputs, axis=call.op.dim)


def gather(call: Call) -> str:
    """GatherElements."""
    return call.add("GatherElements", *call.node.inputs, axis=call.op.dim)


def gather_nd(call: Call) -> str:
    """GatherND, whose indices are int64."""
    return call.add("GatherND", call.x, _int64(call, 1), batch_dims=call.op.batch_dims)


def scatter(call: Call) -> str:
    """ScatterElements."""
    return call.add("ScatterElements", *call.node.inputs, **_reduction(call), axis=call.op.dim)


def scatter_nd(call: Call) -> str:
    """ScatterND, whose indices are int64."""
    return call.add("ScatterND", call.x, _int64(call, 1), call.node.inputs[2], **_reduction(call))


def _reduction(call: Call) -> dict[str, Any]:
    return {} if call.op.reduce is None else {"reduction": REDUCTIONS[call.op.reduce]}


def _int64(call: Call, i: int) -> str:
    value = call.node.inputs[i]
    return value if call.dtypes[i] == "int64" else call.add("Cast", value, to=7)


def cumsum(call: Call) -> str:
    """CumSum."""
    op = call.op
    return call.add("CumSum", call.x, call.ints(op.dim), exclusive=int(op.exclusive), reverse=int(op.reverse))


def tril(call: Call) -> str:
    """Trilu, its lower half."""
    return call.add("Trilu", call.x, call.ints(call.op.diagonal), upper=0)


def triu(call: Call) -> str:
    """Trilu, its upper half."""
    return call.add("Trilu", call.x, call.ints(call.op.diagonal), upper=1)


def reverse_sequence(call: Call) -> str:
    """ReverseSequence, which takes two-dimensional orders of the first two dimensions alone."""
    rank = len(call.shapes[0])
    dims = (call.op.dim % rank, call.op.batch_dim % rank)
    if sorted(dims) != [0, 1]:
        call.refuse(f"expected dimensions 0 and 1, found {dims}")
    return call.add("ReverseSequence", call.x, _int64(call, 1), time_axis=dims[0], batch_axis=dims[1])


def non_max_suppression(call: Call) -> str:
    """NonMaxSuppression, and rows of -1 up to as many as there can be."""
    op, (pictures, boxes, _), classes = call.op, call.shapes[0], call.shapes[1][1]
    if pictures is None or boxes is None or classes is None:
        call.refuse("the number of rows, which is free")
    thresholds = [call.floats([op.iou_threshold])]
    thresholds += [] if op.score_threshold is None else [call.floats([op.score_threshold])]
    most = min(boxes, op.max_output_boxes)
    found = call.add(
        "NonMaxSuppression",
        *call.node.inputs,
        call.ints([most]),
        *thresholds,
        center_point_box=int(op.center_point_box),
    )
    rows = pictures * classes * most
    padded = call.add("Concat", found, call.constant(np.full((rows, 3), -1, np.int64)), axis=0)
    return call.add("Slice", padded, call.ints([0]), call.ints([rows]), call.ints([0]))


EXPORTERS: dict[str, Callable[[Call], str | list[str]]] = {
    "index": index,
    "gather": gather,
    "gather_nd": gather_nd,
    "scatter": scatter,
    "scatter_nd": scatter_nd,
    "cumsum": cumsum,
    "tril": tril,
    "triu": triu,
    "reverse_sequence": reverse_sequence,
    "non_max_suppression": non_max_suppression,
}
