"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable

from tinyinfer.formats.importing.call import Call, Lowering


def unary(name: str) -> Lowering:
    """An operator with one input and no attributes."""

    def lower(call: Call) -> str:
        return call.apply(name, call.x)

    return lower


def binary(name: str) -> Callable[[Call], str]:
    """An operator with two inputs that broadcast."""

    def lower(call: Call) -> str:
        return call.apply(name, call.x, call.value(1))

    return lower


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Add", 7): binary("add"),
    ("Mul", 7): binary("mul"),
}
