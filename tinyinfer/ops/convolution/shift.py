"""Shifts: every channel moved as a whole, which lets pixels see their neighbours without a single multiplication."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinyinfer.errors import WeightsError
from tinyinfer.graph import TensorType
from tinyinfer.ops.base import (
    LARGEST,
    Arrays,
    Case,
    Op,
    Params,
    ParamTypes,
    Types,
    integer,
    operator,
    require,
    require_rank,
    require_shape,
)


def move(x: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """y[..., i, j] = x[..., i + dy, j + dx], zero where that lies outside."""
    h, w = x.shape[-2:]
    y = np.zeros_like(x)
    rows, columns = slice(max(0, -dy), max(0, h - max(dy, 0))), slice(max(0, -dx), max(0, w - max(dx, 0)))
    from_rows, from_columns = slice(max(0, dy), max(0, h + min(dy, 0))), slice(max(0, dx), max(0, w + min(dx, 0)))
    y[..., rows, columns] = x[..., from_rows, from_columns]
    return y


@operator
class Shift(Op):
    """Each channel moved by one of kernel_size^2 displacements, dealt out in turn (Wu et al. 2018, section 3.1).

    y[:, c, i, j] = x[:, c, i + dy, j + dx], zero outside, with dx = dilation * (c % k - k // 2) and
    dy = dilation * (c // k % k - k // 2); the channels left over after whole rounds of k^2 stay where they are.
    """

    name: ClassVar[str] = "shift"

    kernel_size: int = 3
    dilation: int = 1

    def __post_init__(self) -> None:
        self.normalize(
            kernel_size=integer(self.kernel_size, "kernel_size", least=1),
            dilation=integer(self.dilation, "dilation", least=1),
        )
        require(self.kernel_size * self.dilation <= LARGEST, "kernel_size times dilation leaves 31 bits")

    def displacements(self, channels: int, params: Params) -> np.ndarray:
        """(channels, 2) integers (dy, dx)."""
        k, c = self.kernel_size, np.arange(channels)
        moved = c < channels // k**2 * k**2
        steps = np.stack([c // k % k - k // 2, c % k - k // 2], axis=1)
        return np.where(moved[:, None], self.dilation * steps, 0)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_rank(inputs[0], 4)
        return [inputs[0]]

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        moves = self.displacements(x.shape[1], params)
        return [np.stack([move(x[:, c], int(dy), int(dx)) for c, (dy, dx) in enumerate(moves)], axis=1)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [
            Case({}, ((2, 20, 5, 6),)),
            Case({"dilation": 2}, ((1, 37, 7, 3),)),
            Case({"kernel_size": 5}, ((1, 53, 6, 9),)),
            Case({}, ((1, 7, 4, 4),)),
        ]


class SparseShift(Op):
    """Each channel moved by its own learnt displacement, rounded to whole pixels (Chen et al. 2019, section 3).

    offset (C, 2) holds (dy, dx); y[:, c, i, j] = x[:, c, i + round(dy), j + round(dx)], zero outside.  Training draws
    displacements to zero, so that most channels stay where they are.  Halves are rounded to even.
    """

    name: ClassVar[str] = "sparse_shift"
    param_names: ClassVar[tuple[str, ...]] = ("offset",)
    required_params: ClassVar[tuple[str, ...]] = ("offset",)

    def displacements(self, channels: int, params: Params) -> np.ndarray:
        """(channels, 2) integers (dy, dx)."""
        return np.asarray(np.rint(params["offset"]), np.int64)

    def output_types(self, inputs: Types, params: ParamTypes) -> list[TensorType]:
        require_rank(inputs[0], 4)
        require_shape(params["offset"], (inputs[0].shape[1], 2), "offset")
        return [inputs[0]]

    def check_values(self, params: Params) -> None:
        """Raises WeightsError for displacements that leave 31 bits."""
        largest = float(np.max(np.abs(params["offset"]), initial=0))
        if not largest <= LARGEST:
            raise WeightsError(f"offset: expected displacements of at most {LARGEST} pixels, found {largest:g}")

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        x = inputs[0]
        moves = self.displacements(x.shape[1], params)
        return [np.stack([move(x[:, c], int(dy), int(dx)) for c, (dy, dx) in enumerate(moves)], axis=1)]

    @classmethod
    def cases(cls) -> list[Case]:
        return [Case({}, (x,), {"offset": (x[1], 2)}) for x in ((2, 21, 5, 7), (1, 6, 4, 3))]


OPS = (Shift, SparseShift)
