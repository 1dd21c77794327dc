"""What a network does several times in a row: blocks of one pattern, and sequences of layers that come again."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from tinyinfer.structure.wiring import Group, Piece, Wiring

LEAST_TIMES = 3  # that a sequence comes in a row, to be a block
LONGEST = 6  # layers or blocks of such a sequence

Pattern = tuple[tuple[str, tuple[int, ...]], ...]


def pattern(layers: Sequence[Piece], group: Group) -> Pattern:
    """What layers do and how they are wired: the same for blocks that differ in numbers of channels alone.

    What follows the last operators does not count: it may belong to what comes next.
    """
    place = {i: at for at, i in enumerate(group)}
    read = {before for i in group for before in layers[i].before}
    return tuple(
        (layers[i].text if i in read else layers[i].main, tuple(place.get(before, -1) for before in layers[i].before))
        for i in group
    )


def rows(layers: Sequence[Piece], wiring: Wiring, blocks: Sequence[Group]) -> list[list[Group]]:
    """Blocks with the next ones of their pattern that read them, and all other layers, each behind what it reads."""
    blocks = _with_sequences(layers, wiring, blocks)
    patterns = {group: pattern(layers, group) for group in blocks}
    found: list[list[Group]] = []
    for group in blocks:
        last = found[-1] if found else []
        reads = {before for i in group for before in wiring.before[i]}
        fits = bool(last) and patterns[last[-1]] == patterns[group] and not reads.isdisjoint(last[-1])
        if fits and wiring.order([*map(_joined, found[:-1]), _joined([*last, group])]) is not None:
            last.append(group)
        else:
            found.append([group])
    joined = {_joined(row): row for row in found}
    order = wiring.order(joined)
    assert order is not None  # as each row has been tried
    return [joined.get(part, [part]) for part in order]


def _with_sequences(layers: Sequence[Piece], wiring: Wiring, blocks: Sequence[Group]) -> list[Group]:
    """The blocks, and sequences of blocks and layers that come several times in a row as blocks of their own."""
    parts = wiring.order(blocks) or []
    patterns = [pattern(layers, part) for part in parts]
    found, at = [], 0
    while at < len(parts):
        length, times = max(
            ((length, _times(patterns, at, length)) for length in range(2, LONGEST + 1)),
            key=lambda sequence: (sequence[0] * sequence[1] if sequence[1] >= LEAST_TIMES else 0, -sequence[0]),
        )
        folded = [_joined(parts[i : i + length]) for i in range(at, at + times * length, length)]
        if times >= LEAST_TIMES and all(map(wiring.is_convex, folded)):
            found += folded
            at += times * length
        else:
            found.append(parts[at])
            at += 1
    found = sorted(group for group in found if len(group) > 1)
    return found if wiring.order(found) is not None else list(blocks)


def _times(patterns: Sequence[Pattern], at: int, length: int) -> int:
    """How often what stands here comes in a row; once where it is one thing alone, or changes the size of maps."""
    first = patterns[at : at + length]
    if len(set(first)) == 1 or any("/" in text for part in first for text, _ in part):
        return 1
    times = 1
    while patterns[at + times * length : at + (times + 1) * length] == first:
        times += 1
    return times


def _joined(groups: Iterable[Group]) -> Group:
    return tuple(sorted(itertools.chain(*groups)))
