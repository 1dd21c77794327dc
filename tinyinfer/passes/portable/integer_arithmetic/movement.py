"""Elements that are moved or chosen before they are dequantised, rather than after."""

from __future__ import annotations

import dataclasses

from tinyinfer.errors import GraphError
from tinyinfer.graph import Node, free_name
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.movement.pad import Pad
from tinyinfer.ops.pooling.interpolate import Interpolate
from tinyinfer.ops.pooling.resize import Resize
from tinyinfer.passes.portable.integer_arithmetic.codes import Reading, codes_before, codes_behind, put
from tinyinfer.passes.portable.recognise.patterns.editing import Editing

MOVED = frozenset(
    """
    identity dropout reshape reshape_as flatten squeeze unsqueeze permute expand tile slice split concat index_select
    channel_shuffle pixel_shuffle pixel_unshuffle pad interpolate resize max_pool2d adaptive_max_pool2d
    """.split()  # noqa: SIM905
)
"""Operators whose outputs have no elements but those of their inputs, and perhaps a constant."""

ELEMENTWISE_MOVES = MOVED & {"identity", "reshape", "flatten", "squeeze", "unsqueeze", "permute", "channel_shuffle"}
"""Those of one input that keep every element once."""

LIKE = frozenset({"reshape_as", "expand"})  # whose second input gives its shape alone


def move_codes(editing: Editing) -> None:
    """Let operators that move real numbers move the codes that these were; what follows is dequantised after them."""
    for node in editing.in_order():
        if node.op.name in MOVED and node in editing:
            _move(editing, node)


def round_before_moving(editing: Editing) -> None:
    """Let values that are moved and then rounded to codes be rounded first, where they are computed."""
    for node in reversed(editing.in_order()):
        last = editing.reader(node.outputs[0]) if node.op.name in ELEMENTWISE_MOVES else None
        if last is None or codes_before(last) is None or node not in editing:
            continue
        value = free_name(f"{node.inputs[0]}/codes", editing.types)
        editing.remove(node)
        editing.remove(last)
        put(editing, last.replace(inputs=node.inputs, outputs=(value,)))
        put(editing, node.replace(inputs=(value,), outputs=last.outputs))


def _move(editing: Editing, node: Node) -> None:
    moved = node.inputs[:1] if node.op.name in LIKE else node.inputs
    readings = [codes_behind(editing, value) for value in moved]
    first = readings[0] if readings else None
    if first is None or any(r is None or r[1:] != first[1:] for r in readings):
        return
    if isinstance(node.op, Interpolate | Resize) and not (_chooses(node.op) or _is_rounded(editing, node, first)):
        return
    if len({editing.types[r.value].quant for r in readings if r is not None}) > 1:  # inputs may not say what they are
        return
    op = _on_codes(node.op, first)  # type: ignore[arg-type]
    if op is None:
        return
    inputs = (*(r.value for r in readings if r is not None), *node.inputs[len(moved) :])
    outputs = tuple(free_name(f"{value}/codes", editing.types) for value in node.outputs)
    new = node.replace(op=op, inputs=inputs, outputs=outputs)
    editing.remove(node)
    try:
        put(editing, new)
    except GraphError:  # it takes no codes
        editing.add(node)
        return
    for codes, value in zip(outputs, node.outputs, strict=True):
        scales = DequantizeLinear((first.scale,), (first.zero_point,))
        put(editing, Node(editing.node_name(f"{value}/real"), scales, (codes,), (value,), origin=node.originals))


def _chooses(op: Interpolate | Resize) -> bool:
    """Whether the pixels of another size are some of the image's own, not mixtures of these."""
    return op.mode.startswith("nearest")


def _is_rounded(editing: Editing, node: Node, reading: Reading) -> bool:
    """Whether results are rounded to the codes of the input's scale before anything reads them."""
    last = editing.reader(node.outputs[0])
    out = None if last is None else codes_before(last)
    return out is not None and out[1:] == reading[1:]


def _on_codes(op: Op, reading: Reading) -> Op | None:
    """The operator that does the same to codes; None where there is none."""
    if reading.dtype not in op.dtypes:
        return None
    if isinstance(op, Pad) and op.mode == "constant":
        value = op.value / reading.scale + reading.zero_point
        return dataclasses.replace(op, value=float(round(value))) if abs(value - round(value)) < 1e-4 else None
    return op
