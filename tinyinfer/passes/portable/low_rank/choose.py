"""Which form each layer gets: by the energy it is to keep, or by a budget of mult-adds for the whole network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.passes.portable.low_rank.forms import Candidate, Form

ROUNDED_OFF = float(np.finfo(np.float32).eps) ** 2  # share of a weight's energy that float32 does not hold anyway

Choice = dict[str, Form]  # by the layer's name; layers that stay are not in it


def check_energy(energy: float) -> None:
    """Raise InputError unless it is a share that a layer can keep."""
    if not 0 < energy <= 1:
        raise InputError(f"low rank: energy: expected a share above 0 and at most 1, found {energy:g}")


def check_mult_adds(mult_adds: float) -> None:
    """Raise InputError unless it is a share that is less than all."""
    if not 0 < mult_adds < 1:
        raise InputError(f"low rank: mult-adds: expected a share above 0 and below 1, found {mult_adds:g}")


def enough(candidate: Candidate, energy: float) -> list[Form]:
    """The cheapest form of each kind that keeps this share of the weight's energy, its squared singular values."""
    first: dict[str, Form] = {}
    for form in candidate.forms:
        if form.error <= 1 - energy + ROUNDED_OFF:
            first.setdefault(form.name, form)
    return [*first.values()]


def by_energy(candidates: Sequence[Candidate], energy: float, price: Callable[[Form], float] | None = None) -> Choice:
    """For each layer the form of least mult-adds, or ``price``, of those that keep this share of its energy.

    Raises InputError for a share that no layer can keep.
    """
    check_energy(energy)
    found = {candidate.node.name: enough(candidate, energy) for candidate in candidates}
    return {layer: min(forms, key=price or _macs) for layer, forms in found.items() if forms}


def by_mult_adds(candidates: Sequence[Candidate], total: int, mult_adds: float) -> Choice:
    """Forms that leave at most this share of the network's ``total`` mult-adds.

    Cut by cut, each time where the least error is added for a mult-add saved.  Raises InputError for no share, and for
    one that the lowest ranks do not reach.
    """
    check_mult_adds(mult_adds)
    cuts = sorted((cut for candidate in candidates for cut in _cuts(candidate)), key=lambda cut: cut.slope)
    left, chosen = total, {}
    for cut in cuts:
        if left <= mult_adds * total:
            break
        left -= cut.saved
        chosen[cut.layer] = cut.form
    if left > mult_adds * total:
        raise InputError(
            f"low rank: mult-adds: {mult_adds:g} can't be reached, all cuts together leave {left / total:.3f}"
        )
    return chosen


class _Cut(NamedTuple):
    """A step of a layer to a cheaper form."""

    layer: str
    form: Form
    saved: int
    slope: float  # error added for each mult-add saved


def hull(candidate: Candidate) -> list[Form]:
    """The forms that a budget can lead to."""
    return [cut.form for cut in _cuts(candidate)]


def _cuts(candidate: Candidate) -> Iterator[_Cut]:
    """From form to form along the lower convex hull of errors over mult-adds, whose slopes ascend."""
    macs, error = candidate.macs, 0.0
    while cheaper := [form for form in candidate.forms if form.macs < macs]:
        best = min(cheaper, key=lambda form: ((form.error - error) / (macs - form.macs), form.macs))
        slope = (best.error - error) / (macs - best.macs)
        yield _Cut(candidate.node.name, best, macs - best.macs, slope)
        macs, error = best.macs, best.error


def _macs(form: Form) -> int:
    return form.macs
