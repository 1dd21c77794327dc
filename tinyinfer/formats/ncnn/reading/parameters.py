"""A layer's parameters by name, asked for by type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyinfer.errors import GraphError

LARGEST = 2**31 - 1


class Parameters:
    """What a layer says; ``attribute(name, default)`` looks one parameter up.

    Every question raises GraphError for a value of another type or out of bounds.
    """

    def __init__(self, attribute: Callable[[str, Any], Any]) -> None:
        self._attribute = attribute

    def integer(self, name: str, default: int = 0, *, least: int = -LARGEST, most: int = LARGEST) -> int:
        """An integer within bounds; some converters write 1.0 for 1."""
        value = self._attribute(name, default)
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if type(whole) is not int or not least <= whole <= most:
            raise GraphError(f"{name}: expected an integer from {least} to {most}, found {str(value)[:40]!r}")
        return whole

    def flag(self, name: str, default: int = 0) -> bool:
        """Whether it is set."""
        return self.integer(name, default) != 0

    def number(self, name: str, default: float = 0.0) -> float:
        """A number."""
        value = self._attribute(name, default)
        if not isinstance(value, int | float):
            raise GraphError(f"{name}: expected a number, found {str(value)[:40]!r}")
        return float(value)

    def integers(self, name: str) -> tuple[int, ...]:
        """An array of integers, empty if there is none."""
        values = self._attribute(name, ())
        if not isinstance(values, tuple) or not all(type(value) is int for value in values):
            raise GraphError(f"{name}: expected an array of integers, found {str(values)[:40]!r}")
        return values

    def numbers(self, name: str) -> tuple[float, ...]:
        """An array of numbers, empty if there is none."""
        values = self._attribute(name, ())
        if not isinstance(values, tuple):
            raise GraphError(f"{name}: expected an array of numbers, found {str(values)[:40]!r}")
        return tuple(map(float, values))

    def pair(self, name: str, default: int = 0, *, least: int = -LARGEST) -> tuple[int, int]:
        """(height, width) of ``name``_h and ``name``_w, of which the width is the usual height."""
        width = self.integer(f"{name}_w", default, least=least)
        return self.integer(f"{name}_h", width, least=least), width

    def pads(self) -> tuple[int, int, int, int]:
        """(top, bottom, left, right), each of which follows from the left if it is not given."""
        left = self.integer("pad_left")
        top = self.integer("pad_top", left)
        return top, self.integer("pad_bottom", top), left, self.integer("pad_right", left)
