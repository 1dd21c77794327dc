"""The integers of the file that known real numbers were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.graph import TensorType
from tinyinfer.ops.arithmetic.quantization import DequantizeLinear
from tinyinfer.ops.base import Op
from tinyinfer.ops.quantized.requantization import CODES
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes

VIEWS = frozenset({"identity", "reshape", "flatten", "squeeze", "unsqueeze", "permute"})
"""Operators after which the elements of a weight still lie along the dimension that its scales belong to."""


class KnownCodes:
    """`Codes` by the names of known values; values that are brought into another shape or order keep theirs."""

    def __init__(self) -> None:
        self._codes: dict[str, Codes] = {}

    def add(self, value: str, codes: Codes) -> None:
        """Say what a value was made of."""
        self._codes[value] = codes

    def of(self, value: str) -> Codes | None:
        """What a value was made of."""
        return self._codes.get(value)

    def of_one_scale(self, value: str) -> Codes | None:
        """What a value was made of, if it is 8-bit codes of one scale."""
        codes = self._codes.get(value)
        return codes if codes is not None and codes.quant.axis is None and str(codes.array.dtype) in CODES else None

    def by_key(self, keys: Mapping[str, str]) -> dict[str, Codes]:
        """By the keys of the weights that values have become."""
        return {key: self._codes[value] for value, key in keys.items() if value in self._codes}

    def follow(self, op: Op, inputs: Sequence[np.ndarray], names: Sequence[str], outputs: Sequence[str]) -> None:
        """See an operator that was worked out: the names of what it read, and of what it made."""
        if isinstance(op, DequantizeLinear):
            self._codes[outputs[0]] = Codes(names[0], inputs[0], op.quant(inputs[0].ndim))
        elif op.name in VIEWS and names[0] in self._codes:
            name, array, quant = self._codes[names[0]]
            moved = op.reference([array], {})[0]
            if quant.axis == 0 and op.name != "permute" and moved.shape[:1] == array.shape[:1]:
                self._codes[outputs[0]] = Codes(name, moved, quant)
                return
            try:
                (t,) = op.infer([TensorType(array.shape, str(array.dtype), quant)], {})
            except GraphError:  # its scales would no longer lie along a dimension
                return
            assert t.quant is not None, op.name
            self._codes[outputs[0]] = Codes(name, moved, t.quant)
