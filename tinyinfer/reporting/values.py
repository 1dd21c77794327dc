"""What arrays hold, in numbers: for outputs of networks of which nobody has said what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinyinfer.reporting.tables import Column, Table

TOP = 5  # indices shown of a vector unless said


@dataclass(frozen=True)
class Statistics:
    """Of one array: finite numbers' least, largest, mean and deviation, None where there are none.

    ``not_finite`` counts the others.  ``top`` has index and value of a vector's largest, and is empty for other arrays.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    not_finite: int
    top: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        top = [{"index": index, "value": value} for index, value in self.top]
        return {**asdict(self), "shape": list(self.shape), "top": top}


def statistics(name: str, array: np.ndarray, top: int = TOP) -> Statistics:
    """Statistics of an array of numbers or truth values; a vector is what has one dimension above 1."""
    values = np.asarray(array, np.float64)
    finite = values[np.isfinite(values)]
    found = (finite.min(), finite.max(), finite.mean(), finite.std()) if finite.size else (None,) * 4
    least, most, mean, std = (None if number is None else float(number) for number in found)
    largest: tuple[tuple[int, float], ...] = ()
    if values.size > 1 and max(values.shape) == values.size == finite.size:
        row = values.reshape(-1)
        largest = tuple((int(i), float(row[i])) for i in np.argsort(-row, kind="stable")[:top])
    missing = values.size - finite.size
    return Statistics(name, array.shape, str(array.dtype), least, most, mean, std, missing, largest)


def values_table(found: Sequence[Statistics]) -> Table:
    """A row for each array, and below it the largest values of vectors."""

    def numbers(title: str) -> Column:
        return Column(title, [_number(getattr(row, title)) for row in found])

    notes = [f"{row.name}: {', '.join(f'{i}: {value:.4g}' for i, value in row.top)}" for row in found if row.top]
    notes += [f"{row.name}: {row.not_finite} values are not finite" for row in found if row.not_finite]
    return Table(
        "Outputs",
        [
            Column("name", [row.name for row in found], right=False),
            Column("shape", ["x".join(map(str, row.shape)) or "()" for row in found], right=False, whole=True),
            Column("dtype", [row.dtype for row in found], right=False),
            *map(numbers, ("min", "max", "mean", "std")),
        ],
        notes,
    )


def all_statistics(outputs: Mapping[str, np.ndarray], top: int = TOP) -> list[Statistics]:
    """Statistics of arrays by name."""
    return [statistics(name, array, top) for name, array in outputs.items()]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
