"""What a task's description may say: JSON values, checked one by one against the fields of a head."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn, TypeVar

from tinyinfer.errors import ModelFormatError

MOST = 1 << 20  # numbers in a description, pixels of a stride, and their magnitude

Check = Callable[[Any, str], Any]  # a JSON value and where it stands, as what the head wants
Head = TypeVar("Head")


@dataclass(frozen=True)
class Need:
    """Says that an option has no default."""


def option(check: Check, default: Any = Need()) -> Any:
    """A field of a head that a description may set."""
    return field(default=default, metadata={"check": check})


def read_options(head: type[Head], given: Mapping[str, Any], where: str) -> Head:
    """A head whose options a description gives.  Raises ModelFormatError for one that is wrong, missing or unknown."""
    checks = {f.name: f.metadata["check"] for f in fields(head)}  # type: ignore[arg-type]
    if unknown := [key for key in given if key not in checks]:
        raise ModelFormatError(f"{where}: expected the keys {', '.join(checks)}, found {unknown[0][:60]!r}")
    found = {key: checks[key](value, f"{where}: {key}") for key, value in given.items()}
    for f in fields(head):  # type: ignore[arg-type]
        if f.name not in found and isinstance(f.default, Need):
            raise ModelFormatError(f"{where}: {f.name} is missing")
    return head(**found)


def number(value: Any, where: str) -> float:
    """A finite number of a magnitude that is no mistake."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST:
        fail(where, f"a number of -{MOST} to {MOST}", value)
    return float(value)


def positive(value: Any, where: str) -> float:
    """A number above 0."""
    if (found := number(value, where)) <= 0:
        fail(where, "a number above 0", value)
    return found


def share(value: Any, where: str) -> float:
    """A number of 0 to 1."""
    if not 0 <= (found := number(value, where)) <= 1:
        fail(where, "a number of 0 to 1", value)
    return found


def whole(least: int) -> Check:
    """Whole numbers from ``least`` on."""

    def check(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST:
            fail(where, f"a whole number of {least} to {MOST}", value)
        return value

    return check


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        fail(where, "true or false", value)
    return value


def one_of(*known: str) -> Check:
    """One of some words."""

    def check(value: Any, where: str) -> str:
        if value not in known:
            fail(where, f"one of {', '.join(known)}", value)
        return str(value)

    return check


def text(value: Any, where: str) -> str:
    """A name."""
    if not isinstance(value, str) or not 0 < len(value) <= 1024:
        fail(where, "a name", value)
    return value


def several(check: Check, count: int | None = None) -> Check:
    """A list of at least one, or of ``count``, whose items pass a check; as a tuple."""

    def listed(value: Any, where: str) -> tuple[Any, ...]:
        good = isinstance(value, list | tuple) and 0 < len(value) <= MOST and len(value) == (count or len(value))
        if not good:
            fail(where, f"a list of {count or 'at least one'}", value)
        return tuple(check(item, f"{where}[{index}]") for index, item in enumerate(value))

    return listed


def named(check: Check, *keys: str) -> Check:
    """An object with some of these keys, whose values pass a check."""

    def members(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not set(value) <= set(keys):
            fail(where, f"an object with the keys {', '.join(keys)}", value)
        return {key: check(item, f"{where}: {key}") for key, item in value.items()}

    return members


def fail(where: str, expected: str, value: Any) -> NoReturn:
    """Raise ModelFormatError."""
    found = "an infinite number" if isinstance(value, float) and not math.isfinite(value) else repr(value)[:60]
    raise ModelFormatError(f"{where}: expected {expected}, found {found}")
