"""A cache as the player of convolutions has it, of lines that leave when they were used longest ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from tinyinfer.pages.player.trace.convolution import LINE


def misses(accesses: Iterable[tuple[int, int]], lines: int = 16) -> int:
    """Of a cache that drops the line used longest ago."""
    kept: OrderedDict[int, None] = OrderedDict()
    count = 0
    for address, numbers in accesses:
        for line in range(address // LINE, (address + numbers - 1) // LINE + 1):
            count += line not in kept
            kept[line] = None
            kept.move_to_end(line)
            if len(kept) > lines:
                kept.popitem(last=False)
    return count
