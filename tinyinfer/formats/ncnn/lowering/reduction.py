"""Dimensions reduced to one number."""

from __future__ import annotations

from tinyinfer import ops
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.axes import dimension
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers
from tinyinfer.formats.ncnn.reading.parameters import Parameters

# operations in their order: what is done to each number, ours, and what is done to the result
OPERATIONS = (
    ("", "sum", ""), ("abs", "sum", ""), ("square", "sum", ""), ("", "mean", ""), ("", "amax", ""), ("", "amin", ""),
    ("", "prod", ""), ("abs", "sum", ""), ("square", "sum", "sqrt"), ("", "sum", "log"), ("exp", "sum", "log"),
)  # fmt: skip


def _reduction(call: Call, p: Parameters) -> str:
    kind, keepdim, x = p.integer("operation"), p.flag("keepdims"), call.x
    if not 0 <= kind < len(OPERATIONS) or OPERATIONS[kind][1] not in ops.names():
        call.refuse(f"operation {kind} is not supported")
    rank, axes = len(call.shape()), p.integers("axes")
    if p.flag("reduce_all", 1):
        dims = tuple(range(1, rank))
    elif not p.flag("fixbug0"):
        call.refuse("a file from before the axes of reductions were mended: convert the network anew")
    else:
        dims = tuple(dimension(axis, rank) for axis in axes)
    call.ignore("fixbug0", "axes")
    first, op, last = OPERATIONS[kind]
    if first:
        x = call.apply("mul", x, x) if first == "square" else call.apply(first, x)
    y = call.apply(op, x, dim=dims, keepdim=keepdim)
    if not keepdim and len(dims) == rank - 1:  # a blob has a dimension at least
        y = call.apply("unsqueeze", y, dim=1)
    y = call.apply(last, y) if last else y
    coefficient = p.number("coeff", 1.0)
    return y if coefficient == 1 else call.apply("scale_shift", y, scale=(coefficient,))


LAYERS: Layers = {
    "Reduction": LayerKind(
        _reduction, {0: "operation", 1: "reduce_all", 2: "coeff", 3: "axes", 4: "keepdims", 5: "fixbug0"}
    ),
}
