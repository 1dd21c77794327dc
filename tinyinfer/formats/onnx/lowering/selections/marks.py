"""What all operators on selections share: which places are there, and what moves with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.selections import Selection

UNSURE = "the size of its result depends on the values of the network's input"
MIXED = "values of which a run shows how many there are meet others"

Rule = Callable[[Call, Lowering], "str | Sequence[str]"]  # given the lowering of the same node for other values


def plainly(call: Call, lowering: Lowering) -> str:
    """What a node of one output makes of all places."""
    y = lowering(call)
    assert isinstance(y, str)
    return y


def selected(call: Call, index: int = 0) -> tuple[int, Selection]:
    """Along which dimension of an input what is selected; the node is refused if nothing is."""
    found = call.importer.selections.of.get(call.value(index))
    if found is None:
        call.refuse(UNSURE)
    return found


def carry(call: Call, y: str, dim: int, selection: Selection) -> str:
    """Mark what holds the same elements as the node's input, moved: places stay places."""
    about = call.importer.selections
    if call.x in about.places:
        about.places[y] = about.places[call.x]
    if call.x in about.kept:
        about.kept[y] = about.kept[call.x]
    if call.x in about.every:
        about.every.add(y)
    return about.mark(y, dim, selection)


def masked(importer: Importer, name: str, x: str, dim: int, selection: Selection, fill: float) -> str:
    """x with a number in place of what is not there."""
    kind = importer.type(x)
    shape = tuple(-1 if at == dim else 1 for at in range(len(kind.shape)))
    mask = importer.apply("reshape", selection.mask, name=f"{name}/mask", shape=shape)
    other = importer.constant(f"{name}/fill", np.asarray(fill, kind.dtype))
    return importer.apply("where", mask, x, other, name=f"{name}/masked")
