"""Sizes of inputs that a file leaves free, and that a network here can't."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from tinyinfer.dim import expression_of
from tinyinfer.errors import GraphError
from tinyinfer.ops.open_values import Ratio, is_open_element

BATCH = "N"  # stays free for as long as something else is
MOST_ATTEMPTS = 8  # at a network of which one free size after the other turns out to be none

Result = TypeVar("Result")


class FreeSizeError(Exception):
    """Something depends on free sizes of the inputs that no operator can say for all sizes at once.

    ``symbols`` names these sizes as `Dim`s are called; ``where`` is the node, once that is known.
    """

    def __init__(self, sizes: Iterable[Any], why: str) -> None:
        super().__init__(why)
        self.symbols: set[str] = set().union(*map(symbols_of, sizes))
        self.where = ""


class _Every(Collection[str]):
    """All names there are."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def with_free_sizes(build: Callable[[Collection[str]], Result]) -> tuple[Result, list[str]]:
    """What ``build`` makes where as many sizes as possible stay free, and notes of those that did not.

    ``build`` is told which sizes, as `Dim`s are called, are to be fixed at their nominal values; whenever it raises
    FreeSizeError it is called again with more of them.
    """
    fixed: Collection[str] = frozenset()
    notes: list[str] = []
    for attempt in range(MOST_ATTEMPTS):
        try:
            return build(fixed), notes
        except FreeSizeError as error:
            if not error.symbols:
                raise GraphError(f"{error.where}: {error}") from None
            names = sorted(name for name in error.symbols if name != BATCH) or [BATCH]
            notes.append(f"fixed at its nominal size: {', '.join(names)[:200]}, since in {error.where} {error}")
            last = attempt == MOST_ATTEMPTS - 2
            fixed = _Every() if last else frozenset((*fixed, *names))
    raise AssertionError("no size is free, and yet one was missed")


def open_elements(value: Any) -> Iterator[Any]:
    """What of an attribute, or of a list in it, depends on free sizes."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from open_elements(item)
    elif is_open_element(value):
        yield value


def symbols_of(size: Any) -> set[str]:
    """Names of the free sizes that a whole number or a `Ratio` depends on."""
    if isinstance(size, Ratio):
        return symbols_of(size.above) | symbols_of(size.below)
    return expression_of(size).symbols() if isinstance(size, int) else set()
