"""PReLU of codes."""

from __future__ import annotations

from tinyinfer.ops.activation.parametric_activation import Prelu
from tinyinfer.ops.quantized.prelu import QuantizedPrelu
from tinyinfer.ops.quantized.requantization import FLOAT
from tinyinfer.passes.portable.integer_arithmetic.codes import codes_behind
from tinyinfer.passes.portable.recognise.patterns.editing import Editing


def read_codes_by_slopes(editing: Editing) -> None:
    """Let prelu read what was codes as codes; its results stay real numbers."""
    for node in editing.in_order():
        reading = codes_behind(editing, node.inputs[0]) if isinstance(node.op, Prelu) else None
        if reading is not None:
            op = QuantizedPrelu(**reading.attrs("input"), dtype=FLOAT)  # type: ignore[arg-type]
            editing.replace(node, node.replace(op=op, inputs=(reading.value,)))
