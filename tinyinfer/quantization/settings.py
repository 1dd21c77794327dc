"""How a network is to be quantised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyinfer.calibration import DEFAULT_METHOD, METHODS, Calibration
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.quantize import quantize


@dataclass(frozen=True)
class Settings:
    """How a network is quantised: as `tinyinfer.passes.quantize` says, and what is done before and after.

    With ``keep_sensitive`` nodes stay real numbers, too, with which alone in 8 bits the network's output has less
    signal-to-quantisation-noise than so many dB.  Raises InputError for a method that is not known and for what is no
    number.
    """

    method: str = DEFAULT_METHOD
    per_tensor: bool = False
    keep: Sequence[str] = ()
    equalize: bool = False
    bias_correction: bool = True
    keep_sensitive: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"method: expected one of {', '.join(METHODS)}, found {self.method!r}")
        if self.keep_sensitive is not None and not math.isfinite(self.keep_sensitive):
            raise InputError(f"keep_sensitive: expected a number of dB, found {self.keep_sensitive}")

    def quantize(self, graph: Graph, calibration: Calibration) -> Graph:
        """The pass, with these settings."""
        return quantize(graph, calibration, method=self.method, per_tensor=self.per_tensor, keep=self.keep)
