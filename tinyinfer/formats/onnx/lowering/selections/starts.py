"""What selections begin with, and what asks how much is selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinyinfer.dim import is_free
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.selections import MARK, Selection, is_selected
from tinyinfer.formats.onnx.lowering.selections.marks import Rule
from tinyinfer.formats.onnx.lowering.selections.spreading import expand


def non_zero(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """NonZero of a row that is computed: all places, of which those are there that are not zero."""
    about, shape = call.importer.selections, call.shape()
    if call.known(0) is not None or len(shape) != 1 or is_free(shape[0]):
        return lowering(call)
    if call.x not in about.made:
        size = about.new_size(shape[0])
        if f"{MARK}{about.count}" in call.importer.fixed:
            return lowering(call)
        truth = call.x
        if call.type().dtype != "bool":
            truth = call.apply("ne", call.x, call.constant(0, call.type().dtype))
        about.made[call.x] = Selection(truth, size)
    places = call.constant(np.arange(shape[0])[None], "int64")
    about.every.add(places)
    return about.mark(places, 1, about.made[call.x])


def equal(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """Equal of a number of what is selected and 0: whether nothing is."""
    sizes, zeros = call.known(0), call.known(1)
    if sizes is None or zeros is None or sizes.size != 1 or zeros.tolist() not in (0, [0]):
        return lowering(call)
    if not is_selected(sizes.item()):
        return lowering(call)
    answer = call.constant(np.zeros(sizes.shape, bool))
    call.importer.selections.nothing.add(answer)
    return answer


def constant_of_shape(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """ConstantOfShape where one size is that of a selection."""
    about, sizes, value = call.importer.selections, call.known(0), call.node.attributes.get("value")
    if sizes is None or value is None or value.size != 1:
        return lowering(call)
    found = [dim for dim, size in enumerate(sizes.flat) if is_selected(size)]
    selection = about.of_size(sizes.flat[found[0]]) if len(found) == 1 else None
    if selection is None:
        return lowering(call)
    call.ignore("value")
    y = call.constant(np.full([int(size) for size in sizes.flat], value.item(), value.dtype))
    return about.mark(y, found[0], selection)


STARTS: Mapping[str, Rule] = {
    "NonZero": non_zero, "Equal": equal, "ConstantOfShape": constant_of_shape, "Expand": expand,
}  # fmt: skip
