"""Types of a family's knobs, by which values that no network takes are refused before they turn up as odd shapes."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from tinyinfer.errors import InputError


@dataclass(frozen=True)
class Range:
    """Numbers from ``least`` to ``most``; ``least`` itself is among them only if ``closed``."""

    words: str
    least: float
    most: float = 1e9
    closed: bool = True

    def holds(self, value: float) -> bool:
        """Whether a number lies inside."""
        return self.least <= value < self.most and (self.closed or value > self.least)


Count = Annotated[int, Range("a whole number of at least 1", 1)]
Factor = Annotated[float, Range("a number above 0", 0, 1e3, closed=False)]
Exponent = Annotated[float, Range("a number from 0 to below 20", 0, 20)]
Probability = Annotated[float, Range("a number from 0 to below 1", 0, 1)]
Padding = Literal["symmetric", "same"]


def check_knob(network: str, build: Callable[..., Any], name: str, value: Any) -> None:
    """Raise InputError unless ``value`` is of the type that the builder's parameter ``name`` is annotated with."""
    wanted = _hints(build).get(name, Any)
    if not _fits(value, wanted):
        raise InputError(f"{network}: knob {name!r}: expected {_words(wanted)}, found {value!r}")


@cache
def _hints(build: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(build, include_extras=True)


def _fits(value: Any, wanted: Any) -> bool:
    origin, args = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, choice) for choice in args)
    if origin is Literal:
        return value in args
    if origin is Annotated:
        return _fits(value, args[0]) and all(r.holds(value) for r in args[1:] if isinstance(r, Range))
    if wanted is None or wanted is type(None):
        return value is None
    if wanted in (int, float):
        return isinstance(value, (int, wanted)) and not isinstance(value, bool)
    return not isinstance(wanted, type) or isinstance(value, wanted)  # tables are checked by building with them


def _words(wanted: Any) -> str:
    origin, args = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(choice) for choice in args)
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is Annotated:
        return str(args[1].words)
    known = {bool: "True or False", int: "a whole number", float: "a number", type(None): "None", str: "text"}
    return known.get(wanted, getattr(wanted, "__name__", str(wanted)))
