"""Reductions over axes, which were an attribute before they became an input, and running sums."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.tensors.arithmetic import cast_to

AXES_AS_INPUT = 18  # but for ReduceSum
Reduce = Callable[[str, bool], str]  # reduces a value by an operator of ours; the flag keeps the dimensions


def reduction(lower: Callable[[Call, Callable[..., str]], str], axes_as_input: int = AXES_AS_INPUT) -> Lowering:
    """A reduction that ``lower`` makes of our operators; those that reduce, over the file's axes, are given to it."""

    def lowered(call: Call) -> str:
        keepdim = bool(call.attribute("keepdims", 1))
        axes = _axes(call, axes_as_input)
        if axes == ():
            return lower(call, lambda name, x, keepdim=keepdim: x)
        return lower(call, lambda name, x, keepdim=keepdim: call.apply(name, x, dim=axes, keepdim=keepdim))

    return lowered


def _axes(call: Call, axes_as_input: int) -> tuple[int, ...] | None:
    """The axes; None for all of them, an empty tuple for none."""
    noop = bool(call.attribute("noop_with_empty_axes", 0))
    if call.version < axes_as_input:
        found = tuple(call.attribute("axes", ()))
    else:
        found = call.sizes(1, "axes") if call.has(1) else ()
    rank = len(call.shape())
    if not found and noop:
        return ()
    return found if found and rank else None


def plain(name: str, call: Call, reduce: Callable[..., str]) -> str:
    """One of our reductions."""
    return reduce(name, call.x)


def extreme(name: str, call: Call, reduce: Callable[..., str]) -> str:
    """The largest or smallest element; of truth values by way of 0 and 1."""
    if call.type().dtype != "bool":
        return reduce(name, call.x)
    return cast_to(call, reduce(name, cast_to(call, call.x, "uint8")), "bool")


def l1(call: Call, reduce: Callable[..., str]) -> str:
    """The sum of absolute values."""
    return reduce("sum", call.apply("abs", call.x))


def l2(call: Call, reduce: Callable[..., str]) -> str:
    """The root of the sum of squares; of integers rounded down."""
    dtype = call.type().dtype
    x = cast_to(call, call.x, "float32") if dtype.startswith("int") else call.x
    return cast_to(call, call.apply("sqrt", reduce("sum", call.apply("mul", x, x))), dtype)


def sum_of_squares(call: Call, reduce: Callable[..., str]) -> str:
    """The sum of squares."""
    return reduce("sum", call.apply("mul", call.x, call.x))


def log_of_sum(call: Call, reduce: Callable[..., str]) -> str:
    """The logarithm of the sum."""
    return call.apply("log", reduce("sum", call.x))


def log_of_sum_of_exp(call: Call, reduce: Callable[..., str]) -> str:
    """The logarithm of the sum of powers of e, which are kept small by taking the largest exponent out."""
    largest = reduce("amax", call.x, keepdim=True)
    powers = call.apply("exp", call.apply("sub", call.x, largest))
    return call.apply("add", call.apply("log", reduce("sum", powers)), reduce("amax", call.x))


def cumsum(call: Call) -> str:
    """CumSum."""
    dim = call.single(1, "axis")
    exclusive, reverse = bool(call.attribute("exclusive", 0)), bool(call.attribute("reverse", 0))
    return call.apply("cumsum", call.x, dim=dim, exclusive=exclusive, reverse=reverse)


LOWERINGS: dict[tuple[str, int], Lowering] = {
    ("ReduceSum", 1): reduction(partial(plain, "sum"), axes_as_input=13),
    ("ReduceMean", 1): reduction(partial(plain, "mean")),
    ("ReduceProd", 1): reduction(partial(plain, "prod")),
    ("ReduceMax", 1): reduction(partial(extreme, "amax")),
    ("ReduceMin", 1): reduction(partial(extreme, "amin")),
    ("ReduceL1", 1): reduction(l1),
    ("ReduceL2", 1): reduction(l2),
    ("ReduceSumSquare", 1): reduction(sum_of_squares),
    ("ReduceLogSum", 1): reduction(log_of_sum),
    ("ReduceLogSumExp", 1): reduction(log_of_sum_of_exp),
    ("CumSum", 11): cumsum,
}
