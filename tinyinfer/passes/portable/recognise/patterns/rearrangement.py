"""What reshapes and permutes do together, in the notation of einops: ``n (g c) h w -> n (c g) h w``.

A size is a product of factors, the outermost first.  A reshape brackets the factors of all sizes anew and splits some,
a permute reorders the brackets, and what picks one entry of a dimension takes its factors out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from tinyinfer.dim import expression_of
from tinyinfer.graph import Node, Shape, TensorType
from tinyinfer.ops.arithmetic.reduction import Reduction
from tinyinfer.ops.base import axis
from tinyinfer.ops.movement.joining import IndexSelect, Permute, Split
from tinyinfer.ops.movement.slicing import Slice
from tinyinfer.ops.movement.views import ReshapeAs, View

Factor = int  # a number of its own for each factor, whatever its size


class Rearrangement:
    """The factors of a value's sizes, and where the nodes that are followed have brought them.

    ``before`` and ``after`` have the factors of each dimension; those of a size of 1 are none.  ``picked`` are those
    whose entry ``entry`` alone was kept, ``reduced`` those that became one number.
    """

    def __init__(self, shape: Shape) -> None:
        self.size: dict[Factor, int] = {}
        self.before = [[self._factor(size)] if not _same(size, 1) else [] for size in shape]
        self.after = [[*dim] for dim in self.before]
        self.picked: list[Factor] = []
        self.entry = 0
        self.reduced: list[Factor] = []

    def follow(self, node: Node, value: str, types: Mapping[str, TensorType]) -> bool:
        """Go through a node to one of its values; False where it is none that only moves elements."""
        op, shape = node.op, types[value].shape
        if isinstance(op, Permute):
            self.after = [self.after[dim] for dim in order_of(node)]
            return True
        entry = picked_entry(node, value, types)
        if entry is not None:
            at, place = entry
            if self.picked or not self.after[at]:  # of a size of 1 nothing is picked
                return not self.after[at]
            self.picked, self.entry, self.after[at] = self.after[at], place, []
            return True
        return only_views(node) and self._regroup(shape)

    def reduce(self, op: Reduction) -> None:
        """Go through a reduction, of whatever kind."""
        gone = op.axes(len(self.after))
        self.reduced += [factor for dim in gone for factor in self.after[dim]]
        self.after = [[] if at in gone else dim for at, dim in enumerate(self.after) if op.keepdim or at not in gone]

    def pools_images(self) -> bool:
        """Whether height and width of images are what was reduced, and the order of all else is as it was."""
        if len(self.before) != 4:
            return False
        n, c, h, w = self.before
        left = [dim for dim in self.after if dim]
        return sorted(self.reduced) == sorted(h + w) and left == [dim for dim in (n, c) if dim]

    def sizes(self, text: str) -> dict[str, int] | None:
        """Sizes by the names of an expression, None where it says something else; ``...`` are any dimensions."""
        named = None if self.picked or self.reduced else self._named(text)
        return None if named is None else {name: self._product(group) for name, group in named.items()}

    def slice(self) -> Slice | None:
        """The slice of one dimension that the picked entry is, if all else stayed where it was."""
        self._merge()
        kept = [[factor for factor in dim if factor not in self.picked] for dim in self.before]
        dims = [at for at, dim in enumerate(self.before) if set(self.picked) & set(dim)]
        if not self.picked or kept != self.after or len(dims) != 1:
            return None
        (at,) = dims
        dim, count = self.before[at], len(self.picked)
        outside, inside = self._product(kept[at]), self._product(self.picked)
        if type(outside) is not int or type(inside) is not int:
            return None
        if dim[:count] == self.picked:
            return Slice(at, self.entry * outside, (self.entry + 1) * outside)
        return Slice(at, self.entry, None, inside) if dim[-count:] == self.picked else None

    # -- factors -------------------------------------------------------------------------------

    def _factor(self, size: int) -> Factor:
        factor = len(self.size)
        self.size[factor] = size
        return factor

    def _product(self, factors: Sequence[Factor]) -> int:
        product = 1
        for factor in factors:
            product = product * self.size[factor]
        return product

    def _regroup(self, shape: Shape) -> bool:
        """Bracket the factors for sizes, the outermost first; False where a factor would have to be cut in pieces."""
        left, groups = [factor for dim in self.after for factor in dim], []
        for size in shape:
            group: list[Factor] = []
            while not _same(size, 1):
                if not left:
                    return False
                if not _divides(self.size[left[0]], size):
                    if not _divides(size, self.size[left[0]]):
                        return False
                    left[:1] = self._split(left[0], size)
                group.append(left.pop(0))
                size = size // self.size[group[-1]]
            groups.append(group)
        self.after = groups
        return not left

    def _split(self, factor: Factor, outside: int) -> list[Factor]:
        """Two factors in the place of one, the first of a certain size."""
        parts = [self._factor(outside), self._factor(self.size[factor] // outside)]
        for dim in (*self.before, *self.after, self.picked, self.reduced):
            if factor in dim:
                at = dim.index(factor)
                dim[at : at + 1] = parts
        return parts

    def _merge(self) -> None:
        """Make factors that stay side by side one."""
        while (pair := next(self._inseparable(), None)) is not None:
            whole = self._factor(self._product(pair))
            for dim in (*self.before, *self.after, self.picked, self.reduced):
                if pair[0] in dim:
                    at = dim.index(pair[0])
                    dim[at : at + 2] = [whole]

    def _inseparable(self) -> Iterator[tuple[Factor, Factor]]:
        behind = {pair for dim in (*self.after, self.picked) for pair in itertools.pairwise(dim)}
        return (pair for dim in self.before for pair in itertools.pairwise(dim) if pair in behind)

    # -- expressions ---------------------------------------------------------------------------

    def _named(self, text: str) -> dict[str, tuple[Factor, ...]] | None:
        """The factors that an expression's names stand for."""
        self._merge()
        named: dict[str, tuple[Factor, ...]] = {}
        sides: list[tuple[tuple[str, ...], list[Factor]]] = []
        for side, dims in zip(text.split("->"), (self.before, self.after), strict=True):
            brackets = _parsed(side, len(dims))
            if len(brackets) != len(dims):
                return None
            sides += zip(brackets, dims, strict=True)
        # alone in a dimension a name may stand for a size of 1, for which brackets have nothing
        for names, dim in sorted(sides, key=lambda side: len(side[0])):
            inside = [name for name in names if len(names) == 1 or named.get(name) != ()]
            groups = [tuple(dim)] if len(inside) == 1 else [(factor,) for factor in dim]
            if len(inside) != len(groups) or any(len(group) > 1 for group in groups):
                return None
            if any(named.setdefault(name, group) != group for name, group in zip(inside, groups, strict=True)):
                return None
        return named


def order_of(permute: Node) -> tuple[int, ...]:
    """The dimensions of a permute, counted from the front."""
    assert isinstance(permute.op, Permute)
    return tuple(axis(dim, len(permute.op.dims)) for dim in permute.op.dims)


def only_views(node: Node) -> bool:
    """Whether a node hands on its first input's elements in their order."""
    return isinstance(node.op, View | ReshapeAs) and node.op.name not in ("dropout", "identity")


def picked_entry(node: Node, value: str, types: Mapping[str, TensorType]) -> tuple[int, int] | None:
    """Dimension and number of the only entry that a value has of a node's input; None where there are more."""
    op, rank = node.op, len(types[value].shape)
    if isinstance(op, Split):
        at = axis(op.dim, rank)
        first = sum(types[other].shape[at] for other in node.outputs[: node.outputs.index(value)])
    elif isinstance(op, IndexSelect):
        at, first = axis(op.dim, rank), op.index[0]
    elif isinstance(op, Slice) and len(op.cuts(rank)) == 1:
        ((at, cut),) = op.cuts(rank).items()
        size = types[node.inputs[0]].shape[at]
        if type(size) is not int:
            return None
        first = cut.indices(size)[0]
    else:
        return None
    return (at, first) if _same(types[value].shape[at], 1) else None


def _parsed(side: str, rank: int) -> list[tuple[str, ...]]:
    """The names of each dimension: ``n (g c)`` is [("n",), ("g", "c")]."""
    groups = [tuple(group.strip("()").split()) for group in re.findall(r"\(.*?\)|[^\s()]+", side)]
    if ("...",) in groups:
        at = groups.index(("...",))
        groups[at : at + 1] = [(f"...{i}",) for i in range(rank - len(groups) + 1)]
    return groups


def _same(a: int, b: int) -> bool:
    return expression_of(a) == expression_of(b)


def _divides(a: int, b: int) -> bool:
    """Whether a size is a multiple of another one, whatever the inputs are."""
    return a > 0 and _same(b // a * a, b)
