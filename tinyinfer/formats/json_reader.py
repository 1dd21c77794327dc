"""Strict JSON: no duplicate keys, no NaN, bounded depth; and a cursor that checks types and knows where it stands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import DEFAULT, Limits

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def parse_json(data: bytes | bytearray, where: str, limits: Limits = DEFAULT) -> Any:
    """The value of a UTF-8 JSON text; raises ModelFormatError saying what is wrong with it."""
    if len(data) > limits.document_bytes:
        raise ModelFormatError(f"{where}: expected at most {limits.document_bytes} bytes, found {len(data)}")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except RecursionError:
        raise ModelFormatError(f"{where}: nested deeper than {limits.depth}") from None
    except ValueError as error:  # decoding errors and the hooks' own
        raise ModelFormatError(f"{where}: not valid JSON: {error}") from None
    if _deeper(value, limits.depth):
        raise ModelFormatError(f"{where}: nested deeper than {limits.depth}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)[:60]!r} stands twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether lists and objects nest deeper than ``depth``; level by level, so it needs no recursion of its own."""
    level = [value]
    for _ in range(depth + 1):
        lists = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [child for children in lists for child in children]
        if not level:
            return False
    return True


class Cursor:
    """A JSON value and where it stands in its file; asked for a type, it gives that or raises ModelFormatError."""

    def __init__(self, value: Any, where: str, limits: Limits = DEFAULT) -> None:
        self.value = value
        self.where = where
        self._limits = limits

    def fail(self, expected: str) -> ModelFormatError:
        """The error that says what was expected here; the found value is shortened."""
        return ModelFormatError(f"{self.where}: expected {expected}, found {shorten(self.value)}")

    def at(self, value: Any, where: str) -> Cursor:
        """A cursor on a value inside this one."""
        return Cursor(value, where, self._limits)

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Cursor]:
        """The members of an object that must have exactly these."""
        members = self.members()
        missing = [name for name in required if name not in members]
        unknown = [name for name in members if name not in (*required, *optional)]
        if missing or unknown:
            wrong = [f"{', '.join(missing)} missing"] * bool(missing) + [f"unknown {shorten(unknown)}"] * bool(unknown)
            known = ", ".join((*required, *optional)) or "none"
            raise ModelFormatError(f"{self.where}: expected the fields {known}, found {' and '.join(wrong)}")
        return members

    def members(self) -> dict[str, Cursor]:
        """All members of an object."""
        if not isinstance(self.value, dict):
            raise self.fail("an object")
        return {name: self.at(value, f"{self.where}: {shorten_name(name)}") for name, value in self.value.items()}

    def items(self, most: int) -> Iterator[Cursor]:
        """The items of a list of at most ``most``."""
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.fail(f"a list of at most {most}")
        return (self.at(value, f"{self.where}[{index}]") for index, value in enumerate(self.value))

    def name(self) -> str:
        """A string fit to be a name: not empty, bounded, printable."""
        longest = self._limits.name_length
        if not isinstance(self.value, str) or not self.value.isprintable() or not 0 < len(self.value) <= longest:
            raise self.fail(f"a name of 1 to {longest} printable characters")
        return self.value

    def key(self) -> str:
        """A string of bounded length, anything in it: dictionary keys only."""
        if not isinstance(self.value, str) or len(self.value) > self._limits.name_length:
            raise self.fail(f"a key of at most {self._limits.name_length} characters")
        return self.value

    def text(self) -> str:
        """A string without control characters other than line breaks and tabs (a terminal will show it)."""
        fits = isinstance(self.value, str) and len(self.value) <= self._limits.text_length
        if not fits or _CONTROL.search(self.value):
            raise self.fail(f"a text of at most {self._limits.text_length} characters without control characters")
        return str(self.value)

    def names(self) -> tuple[str, ...]:
        """A list of names."""
        return tuple(item.name() for item in self.items(self._limits.nodes))

    def integer(self, least: int, most: int) -> int:
        """An integer within bounds."""
        if type(self.value) is not int or not least <= self.value <= most:
            raise self.fail(f"an integer from {least} to {most}")
        return int(self.value)

    def shape(self) -> tuple[int, ...]:
        """A list of dimensions within the limits."""
        found = tuple(item.integer(0, self._limits.dimension) for item in self.items(self._limits.rank))
        if wrong := self._limits.oversized(found):
            raise ModelFormatError(f"{self.where}: {wrong}")
        return found


def shorten(value: Any) -> str:
    """A value as an error message can show it, on one line."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shorten_name(name: str) -> str:
    """A name from a file as an error message can show it."""
    return name if len(name) <= 80 and name.isprintable() else repr(name[:77])
