"""Tests that walk over many small things: one test a group of them, which names the one that fails."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

import tinyinfer as ti
from tinyinfer import ops
from tinyinfer.graph import Graph

Test = Callable[..., None]
Groups = Mapping[str, Sequence[Mapping[str, Any]]]


def each(groups: Groups) -> Callable[[Test], Test]:
    """Decorate a test: it is called with the arguments of every member, and counted once a group."""

    def decorate(test: Test) -> Test:
        @pytest.mark.parametrize("group", groups)
        @functools.wraps(test)
        def walk(group: str, **others: Any) -> None:
            for member in groups[group]:
                try:
                    test(**member, **others)
                except BaseException as error:
                    error.add_note(", ".join(f"{name} = {value!r}" for name, value in member.items()))
                    raise

        given = {name for members in groups.values() for member in members for name in member}
        signature = inspect.signature(test)
        rest = [parameter for name, parameter in signature.parameters.items() if name not in given]
        own = inspect.Parameter("group", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        walk.__signature__ = signature.replace(parameters=[own, *rest])  # type: ignore[attr-defined]
        return walk

    return decorate


def names_with_cases() -> list[str]:
    """Operators that have examples."""
    return [name for name in ops.names() if ops.get(name).cases()]


def each_case(names: Iterable[str] | None = None) -> Callable[[Test], Test]:
    """``test(name, case)`` for all examples of these operators, or of all, by operator."""
    chosen = names_with_cases() if names is None else names
    return each({name: [{"name": name, "case": case} for case in ops.get(name).cases()] for name in chosen})


def each_network(names: Iterable[str] | None = None) -> Callable[[Test], Test]:
    """``test(name)`` for these networks of `tinyinfer models`, or for all, by family."""
    chosen = set(ti.models.names() if names is None else names)
    groups = {family: [{"name": n} for n in ti.models.names(family) if n in chosen] for family in ti.models.families()}
    return each({family: members for family, members in groups.items() if members})


@functools.cache
def built(name: str) -> Graph:
    """The network with placeholder weights, made once for all tests that only look at it."""
    return ti.models.build(name)
