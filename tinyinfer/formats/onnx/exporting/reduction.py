"""Reductions, and where the largest and smallest elements are, in ONNX."""

from __future__ import annotations

from collections.abc import Callable

from tinyinfer.formats.onnx.exporting.writer import Call


def _reduction(kind: str) -> Callable[[Call], str]:
    """ONNX's reduction over listed axes; over all without a list."""

    def write(call: Call) -> str:
        return call.reduce(kind, call.x, call.op.dim, call.op.keepdim)

    return write


def _extremum(kind: str) -> Callable[[Call], str]:
    """ONNX's index of an extremum along one axis; among all elements, these are brought into a row before."""

    def write(call: Call) -> str:
        op = call.op
        if op.dim is not None:
            return call.add(kind, call.x, axis=op.dim, keepdims=int(op.keepdim))
        found = call.add(kind, call.add("Reshape", call.x, call.ints([-1])), axis=0, keepdims=0)
        return call.add("Reshape", found, call.ints([1] * len(call.shapes[0]))) if op.keepdim else found

    return write


def topk(call: Call) -> list[str]:
    """TopK."""
    order = {"axis": call.op.dim, "largest": int(call.op.largest), "sorted": int(call.op.sorted)}
    return call.add_many("TopK", call.x, call.ints([call.op.k]), outputs=2, **order)


EXPORTERS: dict[str, Callable[[Call], str | list[str]]] = {
    "mean": _reduction("ReduceMean"),
    "sum": _reduction("ReduceSum"),
    "prod": _reduction("ReduceProd"),
    "amax": _reduction("ReduceMax"),
    "amin": _reduction("ReduceMin"),
    "argmax": _extremum("ArgMax"),
    "argmin": _extremum("ArgMin"),
    "topk": topk,
}
