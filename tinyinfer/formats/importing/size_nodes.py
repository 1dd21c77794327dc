"""Sizes that a network computes with: nodes that work them out in each run, from the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from tinyinfer.dim import Dim, expression_of
from tinyinfer.expression import Atom, Expression, Extreme, Floor, Monomial, Scaled, Symbol
from tinyinfer.formats.importing.free_sizes import FreeSizeError
from tinyinfer.ops.open_values import Ratio

Apply = Callable[..., str]  # an operator's name, inputs, and attributes to a value


class SizeNodes:
    """Makes the nodes, once for every size; ``symbols`` says of which input, and which of its dimensions, one is.

    Every value that is made is a row; sizes are int64.
    """

    def __init__(self, apply: Apply, constant: Callable[[np.ndarray], str]) -> None:
        self.symbols: dict[str, tuple[str, int]] = {}
        self._apply, self._constant = apply, constant
        self._made: dict[Expression | str, str] = {}

    def value(self, array: np.ndarray, dtype: str) -> str:
        """An array of which some elements depend on free sizes, as a value of this dtype."""
        rows = [self._element(element, dtype) for element in array.flat]
        row = self._apply("concat", *rows, dim=0) if len(rows) > 1 else rows[0]
        return self._apply("reshape", row, shape=array.shape) if array.ndim != 1 else row

    def _element(self, element: Any, dtype: str) -> str:
        if isinstance(element, Ratio):
            above, below = (self._element(part, dtype) for part in (element.above, element.below))
            return self._apply("div", above, below)
        if not isinstance(element, int):
            return self._constant(np.array([element], dtype))
        row = self._size(expression_of(element))
        return row if dtype == "int64" else self._apply("cast", row, dtype=dtype)

    def _size(self, size: Expression) -> str:
        if size not in self._made:
            products = [self._times(monomial, factor) for monomial, factor in size.terms or (((), 0),)]
            self._made[size] = reduce(lambda a, b: self._apply("add", a, b), products)
        return self._made[size]

    def _times(self, monomial: Monomial, factor: int) -> str:
        atoms = [self._atom(atom) for atom in monomial]
        factors = atoms if factor == 1 and atoms else [self._number(factor), *atoms]
        return reduce(lambda a, b: self._apply("mul", a, b), factors)

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Symbol) and atom.name not in self.symbols:
            raise FreeSizeError([Dim.symbol(atom.name, 1)], "a size that a run shows is computed with")
        if isinstance(atom, Symbol):
            value, axis = self.symbols[atom.name]
            if value not in self._made:
                self._made[value] = self._apply("shape", value)
            return self._apply("slice", self._made[value], dim=0, start=axis, end=axis + 1)
        if isinstance(atom, Floor):
            return self._apply("div", self._size(atom.above), self._size(atom.below), rounding_mode="floor")
        if isinstance(atom, Scaled):
            raise FreeSizeError([Dim(0, atom.inner)], "a size is scaled by a number that floats do not hold")
        assert isinstance(atom, Extreme)
        return self._apply({"min": "minimum", "max": "maximum"}[atom.kind], *map(self._size, atom.parts))

    def _number(self, number: int) -> str:
        return self._constant(np.array([number], np.int64))
