"""Layers that see each place of a selection by itself: what two-stage detectors do to regions."""

from __future__ import annotations

from collections.abc import Mapping

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.selections.marks import MIXED, UNSURE, Rule, masked, plainly, selected
from tinyinfer.ops.base import axis

FAR = -(2.0**20)  # corners of a region that no image reaches: all of its points see zeros


def product(call: Call, lowering: Lowering) -> str:
    """Gemm and MatMul of a place in each row, by known weights."""
    about, (dim, selection) = call.importer.selections, selected(call)
    others = [call.value(index) for index in range(1, len(call.inputs))]
    if any(about.concern(value) or call.importer.known(value) is None for value in others):
        call.refuse(MIXED)
    rows = any(len(shape) == 2 and shape[0] > 1 for shape in map(call.shape_of, others[1:]))  # a bias for each place
    if dim != 0 or len(call.shape()) != 2 or call.attribute("transA", 0) or rows:
        call.refuse(UNSURE)
    return about.mark(plainly(call, lowering), 0, selection)


def softmax(call: Call, lowering: Lowering) -> str:
    """Softmax of what is at each place: of a row, which any version takes for the same."""
    dim, selection = selected(call)
    if dim != 0 or len(call.shape()) != 2 or axis(call.attribute("axis", 1), 2) != 1:
        call.refuse(UNSURE)
    return call.importer.selections.mark(plainly(call, lowering), 0, selection)


def roi_align(call: Call, lowering: Lowering) -> str:
    """RoiAlign of the regions that are there, beside such as no image reaches."""
    about, boxes, images = call.importer.selections, selected(call, 1), selected(call, 2)
    if about.concern(call.x) or boxes != images or boxes[0] != 0:
        call.refuse(MIXED)
    for index, fill in ((1, FAR), (2, 0)):
        call.inputs[index] = masked(call.importer, call.name, call.value(index), 0, boxes[1], fill)
    return about.mark(plainly(call, lowering), 0, boxes[1])


LAYERS: Mapping[str, Rule] = {"Gemm": product, "MatMul": product, "Softmax": softmax, "RoiAlign": roi_align}
