"""Nodes through the functions for what is selected, and what becomes of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.importing.call import Call, FileNode, Lowering
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.formats.importing.lowering import Find
from tinyinfer.formats.importing.selections import Selection
from tinyinfer.formats.onnx.lowering.selections.choices import CHOICES
from tinyinfer.formats.onnx.lowering.selections.each_place import EACH_PLACE
from tinyinfer.formats.onnx.lowering.selections.layers import LAYERS
from tinyinfer.formats.onnx.lowering.selections.marks import UNSURE, Rule, masked
from tinyinfer.formats.onnx.lowering.selections.spreading import SPREADING
from tinyinfer.formats.onnx.lowering.selections.starts import STARTS


def selecting(find: Find) -> Find:
    """``find``, with lowerings that follow what is selected."""

    def found(node: FileNode) -> Lowering:
        return partial(_lowered, lowering=find(node))

    return found


def _lowered(call: Call, lowering: Lowering) -> str | Sequence[str]:
    about, op_type = call.importer.selections, call.node.op_type
    if not any(about.concern(value) for value in call.inputs if value is not None):
        return STARTS[op_type](call, lowering) if op_type in STARTS else lowering(call)
    if op_type not in RULES:
        call.refuse("a run shows how many values it is of")
    numbers = [value in about.kept for value in call.inputs if value in about.places or value in about.kept]
    if numbers and op_type not in (MOVE_ROWS if any(numbers) else MOVE_PLACES):
        call.refuse("places among what is selected are computed with")
    return RULES[op_type](call, lowering)


def if_nothing(call: Call, lowering: Lowering) -> str | Sequence[str]:
    """If nothing is selected, an empty array; the other branch, as of nothing it makes nothing."""
    about, branch = call.importer.selections, call.node.attributes.get("then_branch")
    if call.value(0) not in about.nothing:
        if about.concern(call.value(0)):
            call.refuse(UNSURE)
        return lowering(call)
    empty = [node.attributes.get("value") for node in branch.nodes] if branch is not None else []
    if not empty or any(not isinstance(array, np.ndarray) or array.size for array in empty):
        call.refuse(UNSURE)
    outputs = lowering(call)  # whether nothing is selected is a constant, false
    if any(value not in about.of for value in outputs):
        call.refuse(UNSURE)
    return outputs


def output(importer: Importer, name: str, value: str) -> str:
    """An output of the network: what is there first, then zeros.  Raises UnsupportedOpError for places."""
    about = importer.selections
    if value not in about.of and value not in about.nothing:
        return value
    if value in about.nothing or value in about.places or value in about.every or value in about.kept:
        raise UnsupportedOpError(f"output {name[:80]!r}: not supported: places among what is selected")
    dim, selection = about.of[value]
    if not selection.front:
        there = importer.apply("cast", selection.mask, name=f"{name}/there", dtype="float32")
        _, order = importer.apply_all("topk", there, name=f"{name}/order", k=importer.shape(there)[0])
        value = importer.apply("index", value, order, name=f"{name}/ordered", dim=dim)
        mask = importer.apply("index", selection.mask, order, name=f"{name}/mask", dim=0)
        selection = Selection(mask, selection.size, front=True)
    note = f"output {name[:80]!r} has as many rows as there can be; those beyond what is found hold 0"
    importer.notes.append(note)
    return masked(importer, name, value, dim, selection, 0.0)


# what may happen to numbers that count what is selected alone, here all places; and to rows that have such numbers
MOVE_PLACES = ("Gather", "Shape", "Cast", "Identity", "Transpose", "Unsqueeze", "Squeeze", "Split", "Slice",
               "Reshape", *SPREADING)  # fmt: skip
MOVE_ROWS = MOVE_PLACES[:4]

RULES: Mapping[str, Rule] = {**EACH_PLACE, **LAYERS, **CHOICES, **SPREADING, "If": if_nothing}
