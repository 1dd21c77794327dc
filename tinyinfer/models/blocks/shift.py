"""The shift as a layer: what stands between two 1x1 convolutions in place of a spatial one (Wu et al. 2018)."""

from __future__ import annotations

from typing import Literal

from tinyinfer.builder import Builder

ShiftKind = Literal["grouped", "sparse"]


def shift(b: Builder, x: str, kernel: int, *, name: str, kind: ShiftKind = "grouped") -> str:
    """Channels moved within a window of ``kernel`` by turns, or "sparse": each by its own learnt displacement.

    The second is the sparse shift layer (Chen et al. 2019), which keeps them as ``<name>.offset``.
    """
    if kind == "sparse":
        return b.apply("sparse_shift", x, name=name, params={"offset": (b.channels(x), 2)})
    return b.apply("shift", x, name=name, kernel_size=kernel)
