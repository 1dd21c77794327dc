"""Einsum of one or two operands: dimensions reordered, a product of matrices, dimensions reordered again."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.dim import is_free
from tinyinfer.errors import GraphError
from tinyinfer.formats.importing.call import Call, Lowering
from tinyinfer.formats.onnx.lowering.matmul import multiply

Labels = list[str]  # of a value's dimensions; those of an ellipsis are digits


def einsum(call: Call) -> str:
    """The equation's letters name dimensions; those that the output lacks are summed over."""
    operands, output = _parse(call, call.attribute("equation", ""))
    values = []
    for i, labels in enumerate(operands):
        value, labels = _diagonal(call, call.value(i), labels)
        others = {label for other in operands[:i] + operands[i + 1 :] for label in other}
        gone = tuple(at for at, label in enumerate(labels) if label not in others and label not in output)
        value = call.apply("sum", value, dim=gone) if gone else value
        values.append((value, [label for at, label in enumerate(labels) if at not in gone]))
    value, labels = values[0] if len(values) == 1 else _product(call, values[0], values[-1], output)
    return _reordered(call, value, labels, output)


def _parse(call: Call, equation: str) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(call.inputs):
        raise GraphError(f"equation {equation[:80]!r}: expected {len(call.inputs)} operands, found {len(terms)}")
    if len(terms) > 2:
        call.refuse(f"expected one or two operands, found {len(terms)}")
    ranks = [len(call.shape(i)) - len(term.replace("...", "")) for i, term in enumerate(terms)]
    most = max((rank for rank, term in zip(ranks, terms, strict=True) if "..." in term), default=0)
    operands = [_labels(term, rank, most, equation) for term, rank in zip(terms, ranks, strict=True)]
    if arrow:
        return operands, _labels(right, most, most, equation)
    letters = left.replace(",", "").replace("...", "")
    once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
    return operands, [*map(str, range(most)), *once]


def _labels(term: str, rank: int, most: int, equation: str) -> Labels:
    """Letters, and for an ellipsis of ``rank`` dimensions the last of ``most`` digits."""
    before, dots, after = term.partition("...")
    fits = 0 <= rank <= 9 if dots else rank in (0, most)
    if not fits or not all(letter.isalpha() for letter in before + after):
        raise GraphError(f"equation {equation[:80]!r}: {term[:80]!r} does not fit its operand")
    return [*before, *(map(str, range(most - rank, most)) if dots else ()), *after]


def _diagonal(call: Call, x: str, labels: Labels) -> tuple[str, Labels]:
    """Each letter once: of dimensions that share one, the elements at which their indices agree."""
    for label in {label for label in labels if labels.count(label) > 1}:
        first, second = [at for at, found in enumerate(labels) if found == label][:2]
        size, other = call.shape_of(x)[first], call.shape_of(x)[second]
        if is_free(size) or is_free(other):
            call.fix((size, other), f"the letter {label!r}, which an operand has twice, is of a size that is free")
        if size != other:
            raise GraphError(f"equation: letter {label!r} stands for {size} and for {other}")
        rest = [at for at in range(len(labels)) if at not in (first, second)]
        x = call.apply("flatten", call.apply("permute", x, dims=(*rest, first, second)), start_dim=len(rest))
        x = call.apply("slice", x, dim=len(rest), step=size + 1)
        return _diagonal(call, x, [*(labels[at] for at in rest), label])
    return x, labels


def _product(call: Call, a: tuple[str, Labels], b: tuple[str, Labels], output: Labels) -> tuple[str, Labels]:
    """The product of two values and its labels: those of both first, then those of each alone."""
    both = [label for label in a[1] if label in b[1] and label in output]
    summed = [label for label in a[1] if label in b[1] and label not in output]
    rows, columns = ([label for label in x[1] if label not in both + summed] for x in (a, b))
    sizes = _sizes(call, a, b)
    apart = len(rows) == len(columns) == 1  # as they come out of a product of matrices
    unsaid = not apart and sum(is_free(sizes[label]) for label in rows + columns) > 1
    if unsaid or _broadcasts(call, a, b, summed):
        return _broadcast_product(call, a, b, both + rows + columns, summed)
    left = _merged(call, _reordered(call, *a, both + rows + summed), len(both), len(rows), len(summed))
    right = _merged(call, _reordered(call, *b, both + summed + columns), len(both), len(summed), len(columns))
    y = multiply(call, left, right)
    if apart:
        return y, both + rows + columns
    split = tuple(-1 if is_free(sizes[label]) else sizes[label] for label in rows + columns)
    return call.apply("reshape", y, shape=(0,) * len(both) + split), both + rows + columns


def _sizes(call: Call, *values: tuple[str, Labels]) -> dict[str, int]:
    """The size that each label stands for."""
    sizes: dict[str, int] = {}
    for value, labels in values:
        for label, size in zip(labels, call.shape_of(value), strict=True):
            if label not in sizes or sizes[label] == 1:
                sizes[label] = size
    return sizes


def _broadcasts(call: Call, a: tuple[str, Labels], b: tuple[str, Labels], summed: Labels) -> bool:
    """Whether a dimension that is summed over has size 1 in one of the two only."""
    sizes = [dict(zip(labels, call.shape_of(value), strict=True)) for value, labels in (a, b)]
    return any(sizes[0][label] != sizes[1][label] for label in summed)


def _broadcast_product(
    call: Call, a: tuple[str, Labels], b: tuple[str, Labels], kept: Labels, summed: Labels
) -> tuple[str, Labels]:
    """All products at once and their sums: sizes need not be known."""
    factors = []
    for value, labels in (a, b):
        value = _reordered(call, value, labels, [label for label in kept + summed if label in labels])
        missing = tuple(at for at, label in enumerate(kept + summed) if label not in labels)
        factors.append(call.apply("unsqueeze", value, dim=missing) if missing else value)
    y = call.apply("mul", *factors)
    return (call.apply("sum", y, dim=tuple(range(len(kept), len(kept + summed)))) if summed else y), kept


def _merged(call: Call, x: str, batch: int, *groups: int) -> str:
    """A stack of matrices: ``batch`` dimensions, then each group of dimensions as one."""
    for at, count in enumerate(groups, batch):
        if count == 0:
            x = call.apply("unsqueeze", x, dim=at)
        elif count > 1:
            x = call.apply("flatten", x, start_dim=at, end_dim=at + count - 1)
    return x


def _reordered(call: Call, x: str, labels: Sequence[str], wanted: Sequence[str]) -> str:
    """The value with its dimensions in another order."""
    if sorted(labels) != sorted(wanted):
        raise GraphError(f"equation: expected the letters {''.join(labels)} in the output, found {''.join(wanted)}")
    order = tuple(labels.index(label) for label in wanted)
    return x if order == tuple(range(len(order))) else call.apply("permute", x, dims=order)


LOWERINGS: dict[tuple[str, int], Lowering] = {("Einsum", 12): einsum}
