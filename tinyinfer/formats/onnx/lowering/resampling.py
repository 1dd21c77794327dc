"""Resize and Upsample: as interpolate wherever that mixes the same pixels by the same weights, else as resize."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from tinyinfer.dim import dim_scale, expression_of, is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.ops.base import axes
from tinyinfer.ops.open_values import Ratio, is_open_element
from tinyinfer.ops.pooling.interpolate import Interpolate, Taps
from tinyinfer.ops.pooling.resize import Line, Resize

Number = TypeVar("Number", int, float)

IMAGE = (2, 3)  # the dimensions that interpolate changes
TRIED = range(1, 34)  # sizes at which two rules are compared where the size is free
MOST_COMPARED = 2**16  # pixels of new lines: a file can ask for any number
CLOSE = 1e-5  # weights that differ by less are equal


@dataclass(frozen=True)
class Change:
    """What becomes of a dimension: a size, which may be free, or a factor, or both, the factor being that of places."""

    size: int | None
    factor: float | None

    def none(self, old: int) -> Change:
        """The same said of a dimension that stays as it is."""
        return Change(None if self.size is None else old, None if self.factor is None else 1.0)


Changes = dict[int, Change]  # by dimension


def upsample(call: Call) -> str:
    """Upsample, and Resize of opset 10, whose pixels begin at whole numbers."""
    scales = call.array(1, "scales").reshape(-1).tolist() if call.has(1) else call.attribute("scales", [])
    mode = call.attribute("mode", "nearest")
    rule = {"mode": "linear" if mode == "bilinear" else mode, "coordinates": "asymmetric", "rounding": "floor"}
    return _resized(call, _by_factors(call, range(len(call.shape())), scales), rule)


def resize(call: Call) -> str:
    """Resize from opset 11 on."""
    call.ignore_inputs(1)  # a region, which one of the modes reads
    rank = len(call.shape())
    dims = axes(tuple(call.attribute("axes", range(rank))), rank)
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    scales = call.array(2, "scales").reshape(-1).tolist() if call.has(2) else []
    sizes = call.sizes(3, "sizes") if call.has(3) else ()
    if bool(sizes) == bool(scales):  # files leave out what they do not have, or give it no elements
        raise GraphError("expected scales or sizes, and not both")
    changes = _by_sizes(call, dims, sizes, policy) if sizes else _by_factors(call, dims, scales)
    coordinates = call.attribute("coordinate_transformation_mode", "half_pixel")
    rule = {
        "mode": call.attribute("mode", "nearest"), "coordinates": coordinates,
        "rounding": call.attribute("nearest_mode", "round_prefer_floor"),
        "cubic_coeff_a": call.attribute("cubic_coeff_a", -0.75),
        "exclude_outside": bool(call.attribute("exclude_outside", 0)),
        "antialias": bool(call.attribute("antialias", 0)),
        "extrapolation_value": call.attribute("extrapolation_value", 0.0),
    }  # fmt: skip
    if rule["mode"] == "nearest":
        rule["antialias"] = False
    if coordinates == "tf_crop_and_resize":
        return _crop_and_resize(call, changes, dims, rule)
    return _resized(call, changes, rule)


def _by_factors(call: Call, dims: Sequence[int], scales: Sequence[Any]) -> Changes:
    """The dimensions whose factor is not 1; factors that depend on free sizes are the quotients of two."""
    if len(scales) != len(dims):
        raise GraphError(f"scales: expected {len(dims)} numbers, found {len(scales)}")
    if not any(map(is_open_element, scales)):
        return {dim: Change(None, float(scale)) for dim, scale in zip(dims, scales, strict=True) if scale != 1}
    old = [call.shape()[dim] for dim in dims]
    new = [_times(size, scale) for size, scale in zip(old, scales, strict=True)]
    return _by_sizes(call, dims, new, "stretch")


def _times(size: int, scale: Any) -> int:
    """floor(size * scale), the scale perhaps open."""
    if isinstance(scale, Ratio):
        return size * scale.above // scale.below
    return size * scale if is_free(scale) else dim_scale(size, float(scale))


def _by_sizes(call: Call, dims: Sequence[int], sizes: Sequence[int], policy: str) -> Changes:
    """The dimensions whose size changes; with a policy that keeps the ratio of the sides all by one factor."""
    if len(sizes) != len(dims):
        raise GraphError(f"sizes: expected {len(dims)} numbers, found {len(sizes)}")
    old = [call.shape()[dim] for dim in dims]
    if policy == "stretch":
        both = zip(dims, old, sizes, strict=True)
        return {dim: Change(new, None) for dim, size, new in both if expression_of(size) != expression_of(new)}
    if policy not in ("not_larger", "not_smaller"):
        call.refuse(f"keep_aspect_ratio_policy {policy!r} is not supported")
    if any(map(is_free, (*old, *sizes))):
        call.fix((*old, *sizes), f"keep_aspect_ratio_policy {policy!r} chooses between sizes")
    ratios = [new / size for size, new in zip(old, sizes, strict=True)]
    factor = min(ratios) if policy == "not_larger" else max(ratios)
    found = [int(size * factor + 0.5) for size in old]
    exact = all(new == size * factor for size, new in zip(old, found, strict=True))  # then sizes say it all
    return {dim: Change(new, None if exact else factor) for dim, new in zip(dims, found, strict=True)}


def _crop_and_resize(call: Call, changes: Changes, dims: Sequence[int], rule: dict[str, Any]) -> str:
    """A part of the image, which also dimensions that keep their size may have."""
    ends = call.array(1, "roi").tolist()
    if len(ends) != 2 * len(dims):
        raise GraphError(f"roi: expected {2 * len(dims)} numbers, found {len(ends)}")
    roi = {dim: (ends[i], ends[len(dims) + i]) for i, dim in enumerate(dims)}
    usual = next(iter(changes.values()), Change(None, 1.0))
    for dim in dims:
        if roi[dim] != (0, 1):
            changes.setdefault(dim, usual.none(call.shape()[dim]))
    return _resized(call, changes, rule | {"roi": tuple(roi[dim][end] for end in range(2) for dim in sorted(changes))})


def _resized(call: Call, changes: Changes, rule: dict[str, Any]) -> str:
    """The input with other sizes, by the rule of resize."""
    if not changes:
        return call.x
    images = len(call.shape()) == 4 and set(changes) <= set(IMAGE)
    if images and "roi" not in rule:  # both sides are named, of which one may stay as it is
        usual = next(iter(changes.values()))
        changes = {dim: changes.get(dim, usual.none(call.shape()[dim])) for dim in IMAGE}
    dims = tuple(sorted(changes))
    size = _all(changes[dim].size for dim in dims)
    factors = _all(changes[dim].factor for dim in dims)
    like: list[str] = []
    if size is not None and any(map(is_free, size)):
        if dims != IMAGE or factors is not None:
            call.fix(size, "sizes of other dimensions than height and width depend on the input's")
        factors = _common_factors(call.shape()[2:], size)
        like = [] if factors else [call.of_size(size)]
        size = None
    op = Resize(dims, size, factors, **rule)
    if images and dims == IMAGE and not (size and factors):
        for candidate in _candidates(size, factors):
            sides = (None if is_free(side) else side for side in call.shape()[2:])
            if all(_alike(op, candidate, i, side) for i, side in enumerate(sides)):
                return call.apply(candidate, call.x, *like)
    return call.apply(op, call.x, *like)


def _all(values: Iterable[Number | None]) -> tuple[Number, ...] | None:
    """The values, None if they are not said."""
    found = tuple(value for value in values if value is not None)
    return found or None


def _common_factors(old: Sequence[int], new: Sequence[int]) -> tuple[float, ...] | None:
    """Whole factors by which all sizes grow, None if there are none."""
    factors = [n // o for o, n in zip(old, new, strict=True)]
    grow = all(type(factor) is int and expression_of(o * factor) == expression_of(n)
               for o, n, factor in zip(old, new, factors, strict=True))  # fmt: skip
    return tuple(map(float, factors)) if grow else None


def _candidates(size: Any, factors: Any) -> Iterator[Interpolate]:
    """All that interpolate can do with these sizes."""
    yield from (Interpolate(size, factors, mode) for mode in ("nearest", "nearest-exact"))
    for mode in ("bilinear", "bicubic"):
        yield from (Interpolate(size, factors, mode, align_corners) for align_corners in (False, True))


@lru_cache(maxsize=256)  # networks resize many maps by one rule
def _alike(op: Resize, candidate: Interpolate, i: int, side: int | None) -> bool:
    """Whether two rules mix a line alike: at its size, or if that is free (None) at all that are tried.

    Rules differ by where they look and how they round, which shows in some pixel of short lines already.
    """
    tried = TRIED if side is None else (side,)
    for size in tried:
        if op.size is not None:
            outs: Sequence[int] = (op.size[i],)
        elif op.scale_factor is not None:
            outs = (int(size * op.scale_factor[i]),)
        else:
            outs = TRIED[::4]
        if max(outs) * len(tried) > MOST_COMPARED:
            return False
        for out in filter(None, outs):
            line = op.line(i, size, out)
            if line.outside.any() or not _same(line, candidate.taps(i, size, out), size):
                return False
    return True


def _same(a: Line, b: Taps, size: int) -> bool:
    """Whether two tables of taps give every pixel of the old line the same weight in every pixel of the new one."""
    places = [np.arange(len(table.source))[:, None] * size + table.source for table in (a, b)]
    _, pair = np.unique(np.concatenate([place.reshape(-1) for place in places]), return_inverse=True)
    differences = np.bincount(pair, np.concatenate([a.weight.reshape(-1), -b.weight.reshape(-1)]))
    return bool(np.abs(differences).max() < CLOSE)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("Upsample", 7): upsample,
    ("Resize", 10): upsample,
    ("Resize", 11): resize,
}
