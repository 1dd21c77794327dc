"""The machine code of fused activations that are no clips: on registers, or on a tile stored a moment ago."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinyinfer.kernels.arguments.epilogue import FORMULAS
from tinyinfer.kernels.arguments.operands import Rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.formulas import hardsigmoid, hardswish, logistic, silu
from tinyinfer.kernels.codegen.jit import shared
from tinyinfer.kernels.codegen.simd import vector_function

WIDE = 2  # registers a step: a formula is one long chain, and two chains side by side hide each other's waits

# a formula that does with the few registers that a GEMM's tile leaves, and so is applied before the tile is stored
SHORT = FORMULAS.index("hardswish") + 1

_CODE = {"hardswish": hardswish, "silu": silu, "hardsigmoid": hardsigmoid, "sigmoid": logistic}
NUMBERED = [(number, _CODE[name]) for number, name in enumerate(FORMULAS, 1)]


def emit_formula(v: Any, act: Any, values: Sequence[Any], store: Callable[[int, Any], None]) -> None:
    """Emit the formula numbered ``act``, none for 0, on vectors, and ``store(i, result)`` for the one in place i.

    What is stored at once leaves its register to the formula for the next.
    """
    with v.either(act == 0) as (plain, bent):
        with plain:
            for i, value in enumerate(values):
                store(i, value)
        with bent:
            for number, formula in NUMBERED:
                with v.when(act == number):
                    for i, value in enumerate(values):
                        store(i, formula(v, value, None, None, None))


def emit_short(v: Any, act: Any, values: Sequence[Any]) -> None:
    """Emit the formula numbered `SHORT`, if it is asked for, on variables that hold vectors."""
    with v.when(act == SHORT):
        for value in values:
            value.set(hardswish(v, value.get(), None, None, None))


ACTIVATE = {"y": Rows, "rows": "int", "columns": "int", "act": "int"}


@vector_function(**ACTIVATE)
def _activate(v, y, rows, columns, act):
    whole, mask = columns // LANES, v.mask(columns - columns // LANES * LANES)
    pairs, wide = whole // WIDE, v.registers(WIDE)
    for number, formula in NUMBERED:
        with v.when(act == number), v.loop(rows) as row:
            with v.loop(pairs) as pair:
                at = row * y.stride + pair * (WIDE * LANES)
                wide.store(formula(wide, wide.load(y.address, at), None, None, None), y.address, at)
            with v.loop(whole - pairs * WIDE) as block:
                at = row * y.stride + (pairs * WIDE + block) * LANES
                v.store(formula(v, v.load(y.address, at), None, None, None), y.address, at)
            with v.when(whole * LANES < columns):
                at = row * y.stride + whole * LANES
                v.store_masked(formula(v, v.load_masked(y.address, at, mask), None, None, None), y.address, at, mask)


@shared(**ACTIVATE)
def activate(y, rows, columns, act):
    """The formula numbered ``act`` on y[rows, columns] in place: for tiles that were stored a moment ago."""
    _activate(y, rows, columns, act)
