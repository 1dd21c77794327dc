"""Constants in the orders that our layers have their weights in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.importer import Importer
from tinyinfer.passes.portable.integer_arithmetic.codes import Codes


class Weights:
    """Known values rearranged, each way once for all operators that share it.

    Raises GraphError when all of them together exceed what a file may unpack to.
    """

    def __init__(self, importer: Importer) -> None:
        self._importer, self._left = importer, importer.limits.total_bytes
        self._made: dict[tuple[str, str, tuple[int, ...]], str] = {}

    def permuted(self, value: str, order: tuple[int, ...], letters: str) -> str:
        """With its dimensions in this order; ``letters`` that tell them become part of the name."""
        return self._make(value, letters, order, lambda array: array.transpose(order), order.index)

    def row(self, value: str) -> str:
        """All elements in one dimension."""
        return self._make(value, "row", (), lambda array: array.reshape(-1))

    def of_flat_image(self, value: str, shape: tuple[int, ...]) -> str:
        """Weights (O, H * W * C) of an image in a row as (O, C * H * W); ``shape`` is (O, H, W, C)."""
        return self._make(
            value, "nchw", shape, lambda array: array.reshape(shape).transpose(0, 3, 1, 2).reshape(shape[0], -1)
        )

    def _make(
        self,
        value: str,
        what: str,
        sizes: tuple[int, ...],
        move: Callable[[np.ndarray], np.ndarray],
        axis: Callable[[int], int] = int,
    ) -> str:
        """The value that a function makes of an array, and of the integers that it was made of.

        ``axis`` says where dimensions go that these can have scales along; the first stays where it is.
        """
        key = value, what, sizes
        if key not in self._made:
            array = self._importer.known(value)
            assert array is not None, value
            self._left -= array.nbytes
            if self._left < 0:
                raise GraphError(f"weight: expected at most {self._importer.limits.total_bytes} bytes in all orders")
            made = self._importer.constant(f"{value}/{what}", np.ascontiguousarray(move(array)))
            self._made[key] = made
            codes = self._importer.codes.of(value)
            if codes is not None:
                at = codes.quant.axis
                quant = replace(codes.quant, axis=None if at is None else axis(at))
                self._importer.codes.add(made, Codes(made, np.ascontiguousarray(move(codes.array)), quant))
        return self._made[key]
