"""Functions of single codes as tables: activations between codes, and the same numbers by other scales."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np

from tinyinfer.graph import Node
from tinyinfer.ops.activation.activation import Activation
from tinyinfer.ops.arithmetic.clamp import Clamp
from tinyinfer.ops.arithmetic.unary import Unary
from tinyinfer.ops.base import Op
from tinyinfer.ops.movement.views import Identity
from tinyinfer.ops.quantized.lookup import Lookup, table_of
from tinyinfer.passes.portable.integer_arithmetic.codes import Reading, codes_before, codes_behind, put
from tinyinfer.passes.portable.recognise.patterns.editing import Editing

Function = Callable[[np.ndarray], np.ndarray]


def look_up_functions(editing: Editing) -> None:
    """Make functions of single values between dequantize_linear and quantize_linear tables of all codes."""
    for node in editing.in_order():
        out = codes_before(node)
        if out is None or node not in editing:
            continue
        chain, reading = _functions_before(editing, node)
        if reading is None:
            continue
        if not chain and reading[1:] == out[1:]:
            _pass_on(editing, node, reading)
        else:
            _put_table(editing, node, reading, out, partial(_apply, chain))


def rescale_before_concat(editing: Editing) -> None:
    """Let values that are put together and become codes be codes of that one scale before."""
    for node in editing.in_order():
        last = editing.reader(node.outputs[0])
        out = codes_before(last) if last is not None else None
        readings = [codes_behind(editing, value) for value in node.inputs]
        if node.op.name != "concat" or last is None or out is None or None in readings:
            continue
        inputs = []
        for i, reading in enumerate(cast(list[Reading], readings)):
            if reading[1:] == out[1:] and editing.types[reading.value].quant == out.quant:
                inputs.append(reading.value)
                continue
            value = editing.node_name(f"{node.name}/rescaled.{i}")
            named = Node(value, node.op, (), (value,))
            inputs.append(value)
            _put_table(editing, named, reading, out, _same, new=True)
        new = node.replace(inputs=tuple(inputs), outputs=last.outputs)
        editing.remove(node)
        editing.remove(last)
        put(editing, new)


def _functions_before(editing: Editing, node: Node) -> tuple[list[Op], Reading | None]:
    """The functions that lead from codes to a quantize_linear, first to last, and these codes, if there are any."""
    chain: list[Op] = []
    value = node.inputs[0]
    while (reading := codes_behind(editing, value)) is None:
        before = editing.producers.get(value)
        if before is None or not _is_function(before) or editing.reader(value) is None:
            return chain, None
        chain.insert(0, before.op)  # type: ignore[arg-type]
        value = before.inputs[0]
    return chain, reading


def _is_function(node: Node) -> bool:
    """Whether an operator computes each element from that of its only input at the same place."""
    return isinstance(node.op, Activation | Unary | Clamp) and len(node.inputs) == 1 and not node.params


def _apply(chain: list[Op], x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        for op in chain:
            (x,) = op.reference([x], {})
    return x


def _same(x: np.ndarray) -> np.ndarray:
    return x


def _pass_on(editing: Editing, node: Node, reading: Reading) -> None:
    """Hand codes on in the place of those that are the same."""
    value = node.outputs[0]
    if value not in editing.outputs:
        editing.redirect(value, reading.value)
        return
    editing.remove(node)
    put(editing, node.replace(op=Identity(), inputs=(reading.value,)))


def _put_table(
    editing: Editing, node: Node, reading: Reading, out: Reading, function: Function, *, new: bool = False
) -> None:
    """A lookup in the place of a node, or as a new one."""
    table = table_of(function, reading.quant, reading.dtype, out.quant, out.dtype)
    key = editing.weight(f"{node.name}.table", table)
    lookup = Lookup(scale=out.scale, zero_point=out.zero_point)
    if not new:
        editing.remove(node)
    put(editing, node.replace(op=lookup, inputs=(reading.value,), params={"table": key}))
