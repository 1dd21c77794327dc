"""Where the largest and smallest elements are: ArgMax, ArgMin, TopK."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.ops.base import axis


def extremum(name: str) -> Lowering:
    """The first or, counted from the end in reverse order, the last of equal elements."""

    def lower(call: Call) -> str:
        dim, keepdim = call.attribute("axis", 0), bool(call.attribute("keepdims", 1))
        if not call.attribute("select_last_index", 0):
            return call.apply(name, call.x, dim=dim, keepdim=keepdim)
        size = call.shape()[axis(dim, len(call.shape()))]
        if is_free(size):
            call.fix([size], "the last of equal elements is counted from the end")
        backwards = call.apply("slice", call.x, dim=dim, start=-1, step=-1)
        return call.apply("sub", call.constant(size - 1), call.apply(name, backwards, dim=dim, keepdim=keepdim))

    return lower


def topk_by_attribute(call: Call) -> Sequence[str]:
    """TopK whose k is an attribute: the largest."""
    return call.apply_all("topk", call.x, k=call.needed("k"), dim=call.attribute("axis", -1))


def topk(call: Call) -> Sequence[str]:
    """TopK whose k is an input."""
    k = call.single(1, "K")
    largest, in_order = bool(call.attribute("largest", 1)), bool(call.attribute("sorted", 1))
    return call.apply_all("topk", call.x, k=k, dim=call.attribute("axis", -1), largest=largest, sorted=in_order)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("ArgMax", 1): extremum("argmax"),
    ("ArgMin", 1): extremum("argmin"),
    ("TopK", 1): topk_by_attribute,
    ("TopK", 10): topk,
}
