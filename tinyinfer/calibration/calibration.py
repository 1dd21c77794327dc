"""What is known of the values of a network after it has seen pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyinfer.calibration.histogram import Histogram
from tinyinfer.calibration.ranges import DEFAULT_METHOD, Range, find_range
from tinyinfer.errors import InputError


@dataclass(frozen=True)
class Calibration:
    """A histogram for each value that can become 8 bits, by name, and how many ``samples`` they are from.

    Raises InputError where there were none.
    """

    histograms: Mapping[str, Histogram]
    samples: int

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError("calibration: expected at least one picture, found none")

    def range_of(self, value: str, method: str = DEFAULT_METHOD) -> Range:
        """The range that 8 bits should cover of a value.

        Raises InputError for a value that was not seen, as those of another network are not, and for unknown methods.
        """
        if value not in self.histograms:
            raise InputError(f"calibration: it has not seen the value {value!r}: is it of another network?")
        return find_range(self.histograms[value], method)

    def __repr__(self) -> str:
        return f"<Calibration: {len(self.histograms)} values on {self.samples} samples>"
