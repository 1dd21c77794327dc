"""Values brought into shapes of which some sizes are free: what operators say of dimensions, for sizes of a file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tinyinfer.dim import expression_of, is_free
from tinyinfer.formats.importing.call import Call
from tinyinfer.graph import Shape
from tinyinfer.ops.open_values import is_certain

MOST_DIMENSIONS = 64  # as NumPy's arrays


def reshape_to(call: Call, x: str, target: Sequence[int]) -> str:
    """x in a shape of numbers, one of them perhaps -1, and `Dim`s.

    Dimensions that the input has as well are kept, and one more can follow from the number of elements.  Where that
    does not say it all, x is reshaped in steps, each a group of its dimensions to those of the target of as many
    elements, or as another value of the target's shape.
    """
    old = call.shape_of(x)
    if list(target).count(-1) > 1 or min(target, default=0) < -1 or len(target) > MOST_DIMENSIONS:
        call.refuse(
            f"shape: expected at most {MOST_DIMENSIONS} sizes, one of them perhaps -1, found {str(target)[:80]}"
        )
    if tuple(target) == old and _equal(target, old):
        return x
    if not any(map(is_free, (*old, *target))):
        return _reshape(call, x, target, [i for i, size in enumerate(target) if size == 0])
    spelled = _spelled(old, target)
    if spelled is not None:
        return _reshape(call, x, *spelled)
    whole = _complete(old, target)
    steps = [(before, after, _spelled(before, after)) for before, after in _groups(old, whole)]
    like = call.importer.value_of_shape(whole) if any(spelled is None for *_, spelled in steps) else None
    if like is not None:
        return call.apply("reshape_as", x, like)
    made: Shape = ()
    for before, after, spelled in steps:
        shape = call.shape_of(x)
        start, rest = len(made), shape[len(made) + len(before) :]
        if spelled is None:
            call.fix(_unlike(old, whole), "a value is reshaped to more than one size that no dimension has")
        sizes, kept = spelled
        others = (*range(start), *(start + i for i in kept), *range(start + len(before), len(shape)))
        x = _reshape(call, x, (*[0] * start, *sizes, *[0] * len(rest)), others)
        made = call.shape_of(x)[: start + len(after)]
    return x


def _reshape(call: Call, x: str, sizes: Sequence[int], kept: Sequence[int]) -> str:
    """A reshape; zeros that keep dimensions of their own positions say so by themselves."""
    own = [i for i, size in enumerate(sizes) if size == 0]
    return call.apply("reshape", x, shape=tuple(sizes), kept=None if own == [*kept] else tuple(kept))


def _spelled(old: Shape, target: Sequence[int]) -> tuple[list[int], list[int]] | None:
    """A target as `Reshape` says it, with the dimensions that it keeps; None where it can't."""
    sizes, kept = [], []
    for i, size in enumerate(target):
        found = _same_dimension(old, size, i) if is_free(size) else None
        if found is not None:
            kept.append(found)
        sizes.append(0 if found is not None else -1 if is_free(size) else size)
    if sizes.count(-1) > 1:
        return None
    return (sizes, kept) if -1 in sizes or _equal([math.prod(target)], [math.prod(old)]) else None


def _same_dimension(shape: Shape, size: int, at: int) -> int | None:
    """The dimension that is of this size whatever the input's, the one at the same position before others."""
    places = [i for i, s in enumerate(shape) if expression_of(s) == expression_of(size)]
    return at if at in places else places[0] if places else None


def _unlike(old: Shape, target: Sequence[int]) -> list[int]:
    """Sizes that only one of two shapes has."""
    both = set(map(expression_of, old)) & set(map(expression_of, target))
    return [size for size in (*old, *target) if expression_of(size) not in both]


def _complete(old: Shape, target: Sequence[int]) -> list[int]:
    """The target with its -1 worked out."""
    known = max(math.prod(size for size in target if size != -1), 1)
    return [math.prod(old) // known if size == -1 else size for size in target]


def _groups(old: Shape, target: Sequence[int]) -> Iterator[tuple[Shape, Shape]]:
    """Neighbouring dimensions of both shapes that have as many elements together, at nominal size."""
    i = j = 0
    while i < len(old) or j < len(target):
        first, second = i, j
        i, j = i + 1, j + 1
        while (many := math.prod(old[first:i])) != (few := math.prod(target[second:j])):
            if many < few and i < len(old):
                i += 1
            elif many > few and j < len(target):
                j += 1
            else:
                i, j = len(old), len(target)
                break
        if i >= len(old) or j >= len(target):  # ones may follow
            i, j = len(old), len(target)
        yield tuple(old[first:i]), tuple(target[second:j])


def expand_to(call: Call, x: str, target: Sequence[int]) -> str:
    """x broadcast with a shape of numbers and `Dim`s; free sizes are taken from values that have them."""
    shape = call.shape_of(x)
    rank = max(len(shape), len(target))
    old, new = (1,) * (rank - len(shape)) + shape, (1,) * (rank - len(target)) + tuple(target)
    missing = rank - len(shape)
    sizes = [
        -1 if i >= missing and _keeps(call, before, after) else after
        for i, (before, after) in enumerate(zip(old, new, strict=True))
    ]
    while any(map(is_free, sizes)):
        free = next(size for size in sizes if is_free(size))
        like = call.importer.value_with(free)
        if like is None:
            call.fix([free], f"a value is repeated to a size, {expression_of(free)}, that no other has")
        x, sizes = _expand_like(call, x, sizes, like)
    return x if set(sizes) <= {-1} else call.apply("expand", x, size=tuple(sizes))


def _keeps(call: Call, before: int, after: int) -> bool:
    """Whether a dimension of one size broadcast with another stays what it is."""
    if _equal([before], [after]) or (after == 1 and not is_free(after)):
        return True
    if is_free(before) and (is_free(after) or after > 1):
        one = is_certain(before, 2) or int(before) == int(after)
        return one or call.fix([before, after], "two free sizes broadcast")
    return False


def _expand_like(call: Call, x: str, sizes: list[int], like: str) -> tuple[str, list[int]]:
    """x expanded to all sizes that dimensions of another value have, and the sizes that are left to expand to."""
    there = call.shape_of(like)
    found = [_same_dimension(there, size, -1) if is_free(size) else None for size in sizes]
    missing = len(sizes) - len(call.shape_of(x))
    given = [
        0 if at is not None else 1 if is_free(size) and i < missing else -1 if is_free(size) else size
        for i, (size, at) in enumerate(zip(sizes, found, strict=True))
    ]
    taken = tuple(at for at in found if at is not None)
    own = tuple(i for i, size in enumerate(given) if size == 0)
    x = call.apply("expand", x, like, size=tuple(given), taken=None if taken == own else taken)
    return x, [size if is_free(size) and at is None else -1 for size, at in zip(sizes, found, strict=True)]


def _equal(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether sizes are the same whatever the input's."""
    return [*map(expression_of, a)] == [*map(expression_of, b)]
