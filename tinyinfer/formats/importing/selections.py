"""Values of which the input's elements decide how many there are, such as the boxes that a detector is sure of.

No value of a network here has such a size.  What a file makes smaller keeps all places, and beside it goes a mask that
says which of them are there; operators that would mix the two are told to leave the others out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyinfer.dim import Dim, expression_of
from tinyinfer.expression import Expression
from tinyinfer.formats.importing.free_sizes import symbols_of

MARK = "#"  # begins the names of sizes that only a run shows; inputs' have none such


@dataclass(frozen=True)
class Selection:
    """The places along a dimension where ``mask`` holds, in their order."""

    mask: str  # a value of truth values (places,)
    size: int  # how many they are, a `Dim` whose nominal value is the number of all places
    front: bool = False  # whether all others come after them


@dataclass
class Selections:
    """What is selected of the values of one network, by their names."""

    of: dict[str, tuple[int, Selection]] = field(default_factory=dict)  # along which dimension
    places: dict[str, Selection] = field(default_factory=dict)  # of whose places the elements are numbers
    every: set[str] = field(default_factory=set)  # indices of all places that are selected, as NonZero has them
    kept: dict[str, Selection] = field(default_factory=dict)  # rows (picture, class, place) of NonMaxSuppression
    nothing: set[str] = field(default_factory=set)  # truth values that say whether nothing is selected
    made: dict[object, Selection] = field(default_factory=dict)  # by what they are made of
    sizes: dict[Expression, set[Selection]] = field(default_factory=dict)  # all there are, by their size
    count: int = 0

    def concern(self, value: str) -> bool:
        """Whether a value is not what its elements say."""
        return value in self.of or value in self.nothing

    def mark(self, value: str, dim: int, selection: Selection) -> str:
        """Say that of a value the selected places along a dimension are there; returns it."""
        self.of[value] = dim, selection
        self.sizes.setdefault(expression_of(selection.size), set()).add(selection)
        return value

    def new_size(self, places: int) -> Dim:
        """How many of so many places an unheard-of selection has: none or more, where symbols are 1 or more."""
        self.count += 1
        size = Dim.symbol(f"{MARK}{self.count}", places + 1) - 1
        assert isinstance(size, Dim)
        return size

    def of_size(self, size: int) -> Selection | None:
        """The only selection of this size; None if there are others, or none."""
        found = self.sizes.get(expression_of(size), set())
        return next(iter(found)) if len(found) == 1 else None


def is_selected(size: object) -> bool:
    """Whether a size depends on what is selected."""
    return any(symbol.startswith(MARK) for symbol in symbols_of(size))
