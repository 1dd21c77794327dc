"""Arithmetic that is not ours word by word: divisions, powers, any number of inputs, conditions, conversions."""

from __future__ import annotations

from functools import reduce

import numpy as np

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.reading.tensors import ELEMENT_TYPES
from tinyinfer.ops.known_values import is_open
from tinyinfer.tensor_type import DTYPES, FLOATS, INTEGERS


def div(call: Call) -> str:
    """Div, which cuts off the fraction of integers: rounds down those that are not negative."""
    whole = call.type(0).dtype in INTEGERS
    rounding = "floor" if whole and _counts_windows(call) else "trunc" if whole else None
    return call.apply("div", call.x, call.value(1), rounding_mode=rounding)


def _counts_windows(call: Call) -> bool:
    """Whether one more than the quotient is a size of some value.

    As no value is empty, what is divided is never negative then.
    """
    above, below = call.known(0), call.known(1)
    if above is None or below is None or not is_open(above) or is_open(below):
        return False
    return all(
        int(b) > 0 and call.importer.value_with(a // int(b) + 1) is not None for a, b in np.broadcast(above, below)
    )


def mod(call: Call) -> str:
    """Mod, with the sign of the divisor, or of the dividend if it is to be C's."""
    return call.apply("fmod" if call.attribute("fmod", 0) else "remainder", call.x, call.value(1))


def power(call: Call) -> str:
    """Pow, whose result has the dtype of the base, whatever that of the exponent."""
    base, exponent = call.x, call.value(1)
    dtype, other = call.type(0).dtype, call.type(1).dtype
    if dtype == other:
        return call.apply("pow", base, exponent)
    if dtype in INTEGERS and other in FLOATS:
        found = call.apply("pow", cast_to(call, base, other), exponent)
        return cast_to(call, found, dtype)
    return call.apply("pow", base, cast_to(call, exponent, dtype))


def of_any_number(name: str) -> Lowering:
    """An operator of two inputs, of one after the other."""

    def lower(call: Call) -> str:
        return _joined(call, name)

    return lower


def mean(call: Call) -> str:
    """Mean: the sum divided by the number of inputs."""
    count = len(call.inputs)
    total = _joined(call, "add")
    return call.apply("div", total, call.constant(count, call.type().dtype)) if count > 1 else total


def _joined(call: Call, name: str) -> str:
    first, *others = (call.value(i) for i in range(len(call.inputs)))
    return reduce(lambda a, b: call.apply(name, a, b), others, first)


def bit_shift(call: Call) -> str:
    """BitShift, whose numbers have no sign."""
    direction = call.needed("direction")
    if direction not in ("LEFT", "RIGHT"):
        call.refuse(f"direction: expected LEFT or RIGHT, found {direction[:80]!r}")
    return call.apply(f"bitwise_{direction.lower()}_shift", call.x, call.value(1))


def is_inf(call: Call) -> str:
    """IsInf, of either sign, one or none."""
    below, above = call.attribute("detect_negative", 1), call.attribute("detect_positive", 1)
    infinite = call.apply("isinf", call.x)
    if below and above:
        return infinite
    zero = call.constant(0, call.type().dtype)
    if not below and not above:
        return call.apply("logical_and", infinite, call.constant(False))
    return call.apply("logical_and", infinite, call.apply("lt" if below else "gt", call.x, zero))


def where(call: Call) -> str:
    """Where."""
    return call.apply("where", call.x, call.value(1), call.value(2))


def cast(call: Call) -> str:
    """Cast; how float8 rounds changes nothing here."""
    call.ignore("saturate", "round_mode")
    number = call.needed("to")
    kind = ELEMENT_TYPES.get(number)
    if kind is None:
        call.refuse(f"conversion to type {number} is not supported")
    return cast_to(call, call.x, kind.name)


def cast_like(call: Call) -> str:
    """CastLike: Cast to the dtype of the second input."""
    call.ignore("saturate", "round_mode")
    return cast_to(call, call.x, call.type(1).dtype)


def cast_to(call: Call, x: str, dtype: str) -> str:
    """A value in another dtype; floats are float32 here, whatever the file says."""
    if dtype in ("float16", "float64", "bfloat16"):
        call.note(f"what the file computes in {dtype} is computed in float32")
        dtype = "float32"
    known = call.importer.known(x)
    if dtype in DTYPES:
        return x if call.importer.type(x).dtype == dtype else call.apply("cast", x, dtype=dtype)
    if known is None or known.dtype == object:
        call.refuse(f"conversion to {dtype} is not supported")
    return call.constant(known.astype(np.dtype(dtype)))


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Div", 7): div,
    ("Mod", 10): mod,
    ("Pow", 7): power,
    ("Sum", 6): of_any_number("add"),
    ("Min", 6): of_any_number("minimum"),
    ("Max", 6): of_any_number("maximum"),
    ("Mean", 6): mean,
    ("BitShift", 11): bit_shift,
    ("IsInf", 10): is_inf,
    ("Where", 9): where,
    ("Cast", 6): cast,
    ("CastLike", 15): cast_like,
}
