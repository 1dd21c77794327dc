"""What leaves places of a selection out: the best of them, those that do not overlap, some of their elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tinyinfer.dim import dim_min, expression_of, is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.selections import Selection
from tinyinfer.formats.onnx.lowering.selections.marks import UNSURE, Rule, carry, masked, plainly, selected
from tinyinfer.formats.onnx.lowering.tensors.boxes import suppress
from tinyinfer.ops.base import LARGEST_FLOAT, axes, axis

TO_THE_END = 2**31 - 1  # ends of slices from here on


def gather(call: Call, lowering: Lowering) -> str:
    """Gather of elements of each place, or of places."""
    about, index = call.importer.selections, call.value(1)
    at = axis(call.attribute("axis", 0), len(call.shape()))
    if call.x not in about.of:
        return _by_numbers(call, at)
    dim, selection = selected(call)
    if index in about.places:
        if at != dim or about.places[index] != selection or len(call.shape(1)) != 1:
            call.refuse("places among other values than those they were found among")
        if call.x in about.kept:
            call.refuse("rows of NonMaxSuppression are picked")
        y = call.apply("identity", call.x) if index in about.every else call.apply("index", call.x, index, dim=dim)
        if call.x in about.places:
            about.places[y] = about.places[call.x]
        return about.mark(y, dim, about.of[index][1])
    known = call.known(1)
    if at == dim or known is None or index in about.of or known.ndim > 1:
        call.refuse(UNSURE)
    y = plainly(call, lowering)
    columns = set((known.reshape(-1) % 3).tolist()) if call.x in about.kept else set()
    if columns == {2}:
        y = call.apply("maximum", y, call.constant(0, "int64"))  # rows that are not there hold no place
    y = carry(call, y, dim - (known.ndim == 0 and at < dim), selection)
    if columns:
        if columns == {2}:
            about.places[y] = about.kept[y]
        if len(columns) == 1:
            del about.kept[y]
    return y


def _by_numbers(call: Call, at: int) -> str:
    """Gather from what is there whole, by numbers of which those count that are selected."""
    about, index = call.importer.selections, call.value(1)
    if index in about.places:
        call.refuse("places among other values than those they were found among")
    dim, selection = selected(call, 1)
    numbers = masked(call.importer, call.name, index, dim, selection, 0)
    return about.mark(call.apply("index", call.x, numbers, dim=at), at + dim, selection)


def some(call: Call, lowering: Lowering) -> str:
    """NonZero of a row: of what is there the places that are not zero, which count what is there alone."""
    about, (_, selection), key = call.importer.selections, selected(call), ("some", call.x)
    if len(call.shape()) != 1 or call.type().dtype != "bool":
        call.refuse(UNSURE)
    if key not in about.made:
        mask = call.apply("logical_and", selection.mask, call.x)
        about.made[key] = Selection(mask, about.new_size(call.shape()[0]))
    places = call.constant(np.arange(call.shape()[0])[None], "int64")
    about.every.add(places)
    about.places[places] = selection
    return about.mark(places, 1, about.made[key])


def gather_nd(call: Call, lowering: Lowering) -> str:
    """GatherND by the places of NonZero: the whole, of which these are there."""
    about, index = call.importer.selections, call.value(1)
    whole = index in about.every and call.x not in about.of and about.of[index][0] == 0
    if not whole or call.shape(1) != (call.shape()[0], 1) or call.attribute("batch_dims", 0):
        call.refuse(UNSURE)
    return about.mark(call.apply("identity", call.x), 0, about.of[index][1])


def top_k(call: Call, lowering: Lowering) -> Sequence[str]:
    """TopK of a row, of no more than there are."""
    about, (_, selection) = call.importer.selections, selected(call)
    k, dtype = call.single(1, "K"), call.type().dtype
    if (
        len(call.shape()) != 1
        or dtype != "float32"
        or not call.attribute("largest", 1)
        or not call.attribute("sorted", 1)
    ):
        call.refuse(UNSURE)
    if expression_of(k) != expression_of(dim_min(k, selection.size)):
        call.refuse(f"K: expected no more than there are, found {k}")
    call.ignore("axis")
    x = masked(call.importer, call.name, call.x, 0, selection, -LARGEST_FLOAT)
    y, places = call.apply_all("topk", x, k=int(k))
    best = Selection(call.apply("index", selection.mask, places, dim=0), k, front=True)
    about.places[places] = selection
    return [about.mark(y, 0, best), about.mark(places, 0, best)]


def extreme(call: Call, lowering: Lowering, fill: float) -> str | Sequence[str]:
    """ReduceMax and ReduceMin over all dimensions."""
    dim, selection = selected(call)
    if call.has(1) or "axes" in call.node.attributes or call.type().dtype != "float32":
        call.refuse("places that are not there can't be left out of it")
    call.inputs[0] = masked(call.importer, call.name, call.x, dim, selection, fill)
    return lowering(call)


def cut(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """Slice of each place, of all places, or of the first so many."""
    about, (dim, selection) = call.importer.selections, selected(call)
    starts, ends = call.sizes(1, "starts"), call.sizes(2, "ends")
    dims = axes(call.sizes(3, "axes"), len(call.shape())) if call.has(3) else tuple(range(len(starts)))
    if dim not in dims:
        y = plainly(call, lowering)
        return carry(call, y, dim, selection)
    if dims != (dim,) or starts != (0,) or (call.has(4) and call.sizes(4, "steps") != (1,)):
        call.refuse(UNSURE)
    if ends[0] >= TO_THE_END or expression_of(ends[0]) == expression_of(selection.size):
        return call.x
    if ends[0] < 1:
        call.refuse(UNSURE)
    if not selection.front or is_free(ends[0]):
        call.refuse(UNSURE)
    key = selection, ends
    if key not in about.made:
        mask = call.apply("slice", selection.mask, dim=0, end=ends[0])
        about.made[key] = Selection(mask, dim_min(selection.size, ends[0]), front=True)
    return carry(call, call.apply("slice", call.x, dim=dim, end=ends[0]), dim, about.made[key])


def non_max_suppression(call: Call, lowering: Lowering) -> str:
    """NonMaxSuppression of boxes that are there: the others have too low a score."""
    about, boxes, scores = call.importer.selections, selected(call, 0), selected(call, 1)
    if boxes[0] != 1 or scores[0] != 2 or boxes[1] != scores[1]:
        call.refuse("boxes and scores are not selected alike")
    selection = boxes[1]
    low = masked(call.importer, call.name, call.value(1), 2, selection, -LARGEST_FLOAT)
    rows = suppress(call, low, least=-LARGEST_FLOAT)
    place = call.apply("index_select", rows, dim=1, index=(2,))
    there = call.apply("ge", call.apply("squeeze", place, dim=1), call.constant(0, "int64"))
    about.kept[rows] = selection
    return about.mark(rows, 0, Selection(there, about.new_size(call.shape_of(rows)[0]), front=True))


CHOICES: Mapping[str, Rule] = {
    "NonZero": some, "Gather": gather, "GatherND": gather_nd, "TopK": top_k, "Slice": cut,
    "NonMaxSuppression": non_max_suppression,
    "ReduceMax": partial(extreme, fill=-LARGEST_FLOAT), "ReduceMin": partial(extreme, fill=LARGEST_FLOAT),
}  # fmt: skip
