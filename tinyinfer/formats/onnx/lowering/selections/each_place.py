"""What does the same to each place of a selection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinyinfer.dim import expression_of, is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.selections import Selection
from tinyinfer.formats.onnx.lowering.selections.marks import MIXED, UNSURE, Rule, carry, plainly, selected
from tinyinfer.ops.base import axes, axis


def by_element(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """An operator on elements, which broadcast."""
    about = call.importer.selections
    given = [value for value in call.inputs if value is not None]
    if not about.nothing.isdisjoint(given):
        y = lowering(call)
        if call.node.op_type != "Cast" or not isinstance(y, str):
            call.refuse(UNSURE)
        about.nothing.add(y)
        return y
    ranks = [len(call.shape_of(value)) for value in given]
    marked = {(about.of[v][0] - rank, about.of[v][1]) for v, rank in zip(given, ranks, strict=True) if v in about.of}
    (from_end, selection), *others = marked
    free = all(
        v in about.of or rank < -from_end or call.shape_of(v)[from_end] == 1
        for v, rank in zip(given, ranks, strict=True)
    )
    if others or not free:
        call.refuse(MIXED)
    moved = call.node.op_type in ("Cast", "Identity")
    y = plainly(call, lowering)
    dim = len(call.shape_of(y)) + from_end
    return carry(call, y, dim, selection) if moved else about.mark(y, dim, selection)


def shape(call: Call, lowering: Lowering) -> str:
    """Shape, with the size that only a run shows as a `Dim`."""
    dim, selection = selected(call)
    sizes: list[Any] = list(call.shape())
    sizes[dim] = selection.size
    found = np.empty(len(sizes), object)
    found[:] = sizes
    return call.importer.constant(call.name, found[call.attribute("start", 0) : call.attribute("end")])


def transpose(call: Call, lowering: Lowering) -> str:
    """Transpose."""
    dim, selection = selected(call)
    order = call.attribute("perm", [*range(len(call.shape()))][::-1])
    y = plainly(call, lowering)
    return carry(call, y, list(order).index(dim), selection)


def unsqueeze(call: Call, lowering: Lowering) -> str:
    """Unsqueeze."""
    dim, selection = selected(call)
    y = plainly(call, lowering)
    rank = len(call.shape_of(y))
    new = axes(_axes(call), rank)
    return carry(call, y, [at for at in range(rank) if at not in new][dim], selection)


def squeeze(call: Call, lowering: Lowering) -> str:
    """Squeeze of axes that are said."""
    dim, selection = selected(call)
    gone = axes(_axes(call), len(call.shape()))
    if dim in gone or not gone:
        call.refuse(UNSURE)
    y = plainly(call, lowering)
    return carry(call, y, dim - sum(at < dim for at in gone), selection)


def _axes(call: Call) -> tuple[int, ...]:
    return call.sizes(1, "axes") if call.has(1) else tuple(call.attribute("axes", ()))


def flatten(call: Call, lowering: Lowering) -> str:
    """Flatten of what is at each place."""
    dim, selection = selected(call)
    if dim != 0 or call.attribute("axis", 1) != 1:
        call.refuse(UNSURE)
    return call.importer.selections.mark(plainly(call, lowering), 0, selection)


def reshape(call: Call, lowering: Lowering) -> str:
    """Reshape of what is at each place; the places come first and stay as many, or each becomes several."""
    dim, selection = selected(call)
    sizes, own = list(call.sizes(1, "shape")), call.shape()[1:]
    if dim != 0 or not sizes or any(is_free(size) or size < 1 for size in own):
        call.refuse(UNSURE)
    places, first = [*map(expression_of, sizes[:1])] == [expression_of(selection.size)], sizes[0]
    if places and sizes[1:].count(-1) == 1:
        left = math.prod(size for size in sizes[1:] if size != -1)
        sizes[sizes.index(-1, 1)] = math.prod(own) // left if left else 0
    if not (places or first == -1) or any(is_free(size) or size < 1 for size in sizes[1:]):
        call.refuse(UNSURE)
    several, rest = divmod(math.prod(own), math.prod(sizes[1:]))
    about = call.importer.selections
    if rest or several < 1 or (several > 1 and (places or call.x in about.places)):
        call.refuse(UNSURE)
    call.ignore("allowzero")  # as no size is 0
    y = call.apply("reshape", call.x, shape=(-1, *sizes[1:]))
    return carry(call, y, 0, selection) if several == 1 else about.mark(y, 0, _each_several(call, selection, several))


def _each_several(call: Call, selection: Selection, several: int) -> Selection:
    """A selection in which each place has become several, one behind the other."""
    about, key = call.importer.selections, (selection, several)
    if key not in about.made:
        column = call.apply("reshape", selection.mask, shape=(-1, 1))
        rows = call.apply("expand", column, size=(-1, several))
        mask = call.apply("reshape", rows, shape=(-1,))
        about.made[key] = Selection(mask, selection.size * several, selection.front)
    return about.made[key]


def split(call: Call, lowering: Lowering) -> Sequence[str]:
    """Split along another dimension."""
    dim, selection = selected(call)
    if axis(call.attribute("axis", 0), len(call.shape())) == dim:
        call.refuse(UNSURE)
    return [carry(call, y, dim, selection) for y in lowering(call)]


def concat(call: Call, lowering: Lowering) -> str:
    """Concat of selections one behind the other, or of one selection's values side by side."""
    about, parts = call.importer.selections, [selected(call, i) for i in range(len(call.inputs))]
    dim, selection = parts[0]
    if len(parts) == 1:
        call.ignore("axis")
        return call.x
    if any(at != dim for at, _ in parts):
        call.refuse(UNSURE)
    found = tuple(part for _, part in parts)
    if axis(call.attribute("axis", 0), len(call.shape())) == dim:
        if found not in about.made:
            mask = call.apply("concat", *(part.mask for part in found), dim=0)
            about.made[found] = Selection(mask, sum(part.size for part in found))
        selection = about.made[found]
    elif len(set(found)) > 1:
        call.refuse(MIXED)
    y = plainly(call, lowering)
    return about.mark(y, dim, selection)


EACH_PLACE: Mapping[str, Rule] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Min", "Max", "Exp", "Log", "Sqrt", "Neg", "Abs", "Floor", "Ceil",
                     "Clip", "Sigmoid", "Relu", "Cast", "Identity", "Greater", "GreaterOrEqual", "Less", "LessOrEqual",
                     "Equal", "Where", "Mod", "And", "Or", "Xor", "Not"), by_element),
    "Shape": shape, "Transpose": transpose, "Unsqueeze": unsqueeze, "Squeeze": squeeze, "Split": split,
    "Flatten": flatten, "Reshape": reshape,
    "Concat": concat,
}  # fmt: skip
