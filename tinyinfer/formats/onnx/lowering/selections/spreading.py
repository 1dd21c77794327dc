"""What spreads over places of a selection: values repeated for each, and results put back where they belong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinyinfer.dim import expression_of, is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.selections import is_selected
from tinyinfer.formats.onnx.lowering.selections.marks import MIXED, UNSURE, Rule, carry, selected
from tinyinfer.ops.base import axis


def expand(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """Expand to as many rows as are selected, or of what is at each place."""
    about, known = call.importer.selections, call.known(1)
    if call.x not in about.of and (known is None or not any(map(is_selected, known.flat))):
        return lowering(call)
    sizes = call.sizes(1, "shape")
    found = [dim for dim, size in enumerate(sizes) if is_selected(size)]
    selection = about.of_size(sizes[found[0]]) if call.x not in about.of and found else about.of[call.x][1]
    dim = found[0] if found else -1
    rest = [size for at, size in enumerate(sizes) if at != dim]
    if selection is None or len(found) != 1 or any(is_free(size) or size < 1 for size in rest):
        call.refuse(UNSURE)
    if expression_of(sizes[dim]) != expression_of(selection.size):
        call.refuse(MIXED)
    moved = len(sizes) - len(call.shape())  # dimensions in front that are new
    if moved < 0 or (call.x in about.of and about.of[call.x][0] + moved != dim):
        call.refuse(UNSURE)
    y = call.apply("expand", call.x, size=tuple(int(size) for size in sizes))
    return carry(call, y, dim, selection)


def scatter(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """ScatterElements of what is at some places of a selection, to these places."""
    about, (dim, whole) = call.importer.selections, selected(call)
    index, updates = call.value(1), selected(call, 2)
    part, rank = updates[1], len(call.shape())
    alike = call.shape() == call.shape(1) == call.shape(2) and about.of.get(index) == updates == (0, part)
    places = index in about.every and about.places.get(index) == whole and call.x not in about.places
    plain = axis(call.attribute("axis", 0), rank) == 0 and call.attribute("reduction", "none") == "none"
    if dim != 0 or not (alike and places and plain):
        call.refuse(UNSURE)
    there = call.apply("reshape", part.mask, shape=(-1, *[1] * (rank - 1)))
    there = call.apply("expand", there, size=(-1, *call.shape()[1:]))  # as kernels take it
    return about.mark(call.apply("where", there, call.value(2), call.x), 0, whole)


SPREADING: Mapping[str, Rule] = {"Expand": expand, "ScatterElements": scatter}
