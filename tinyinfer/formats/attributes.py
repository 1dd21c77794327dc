"""Operator attributes from JSON, checked against the types the operator's fields declare."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any

from tinyinfer import ops
from tinyinfer.formats.json_reader import Cursor
from tinyinfer.ops.base import LARGEST, Op

LONGEST = 2**16  # numbers in one attribute: an index or a scale for every channel
_MISFIT = object()


def read_attributes(cls: type[Op], given: Cursor) -> dict[str, Any]:
    """Attributes of the types ``cls`` declares, lists as tuples; raises ModelFormatError naming the one that is not."""
    declared = _declared(cls.name)
    required: list[str] = []
    optional: list[str] = []
    for field in dataclasses.fields(cls):
        (required if field.default is dataclasses.MISSING else optional).append(field.name)
    found = {}
    for name, cursor in given.fields(tuple(required), tuple(optional)).items():
        found[name] = _fit(cursor.value, declared[name])
        if found[name] is _MISFIT:
            raise cursor.fail(_spell(declared[name]))
    return found


@functools.cache
def _declared(op: str) -> dict[str, Any]:
    return typing.get_type_hints(ops.get(op))


def _fit(value: Any, declared: Any) -> Any:
    """``value`` as the declared type, or _MISFIT."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        fits = (_fit(value, argument) for argument in arguments)
        return next((fit for fit in fits if fit is not _MISFIT), _MISFIT)
    if origin is tuple:
        return _fit_tuple(value, arguments)
    if declared is type(None):
        return None if value is None else _MISFIT
    if declared is float:
        return float(value) if type(value) in (int, float) and abs(value) <= 1e30 else _MISFIT
    if declared is int:
        return value if type(value) is int and abs(value) <= LARGEST else _MISFIT
    return value if declared in (bool, str) and type(value) is declared else _MISFIT


def _fit_tuple(value: Any, arguments: tuple[Any, ...]) -> Any:
    if not isinstance(value, list) or len(value) > LONGEST:
        return _MISFIT
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = arguments[:1] * len(value)
    if len(arguments) != len(value):
        return _MISFIT
    items = tuple(_fit(item, argument) for item, argument in zip(value, arguments, strict=True))
    return _MISFIT if any(item is _MISFIT for item in items) else items


def _spell(declared: Any) -> str:
    return declared.__name__ if isinstance(declared, type) and not typing.get_args(declared) else str(declared)
