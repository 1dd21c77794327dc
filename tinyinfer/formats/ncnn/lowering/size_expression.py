"""Sizes that a file gives as formulas of its inputs' sizes: ``"*(0w,2),//(0h,2),1c"``.

Numbers, the sizes of inputs (0w is the width of the first), and functions of those; n is the batch, which stands for
one image.  Syntax: https://github.com/Tencent/ncnn/blob/master/docs/developer-guide/expression.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinyinfer.dim import dim_max, dim_min, is_free
from tinyinfer.errors import GraphError

LONGEST = 1000  # characters
DEEPEST = 20  # functions in each other

_TOKEN = re.compile(r"\s*(?:(-?\d+)(?![\w.])|(\d)([whdcn])|(//|[+*/-]|[a-z]+)\(|([,)]))")

Sizes = Mapping[str, int]  # of an input by name: w, h, d, c


def _quotient(a: int, b: int) -> int:
    if b == 0:
        raise GraphError("a size is divided by 0")
    return a // b


FUNCTIONS: Mapping[str, tuple[int, Callable[..., int]]] = {
    "+": (2, lambda a, b: a + b),
    "-": (2, lambda a, b: a - b),
    "*": (2, lambda a, b: a * b),
    "//": (2, _quotient),
    "/": (2, _quotient),  # which is cut off to a whole number in the end
    "max": (2, dim_max),
    "min": (2, dim_min),
    "neg": (1, lambda a: -a),
    **{name: (1, lambda a: a) for name in ("trunc", "ceil", "floor", "round")},  # of what is whole already
}


def evaluate(text: str, inputs: Sequence[Sizes]) -> list[int]:
    """The sizes in their order, without a last one that is the batch itself; -1 may stand for what is left.

    Raises GraphError for a formula that can't be read.
    """
    if len(text) > LONGEST:
        raise GraphError(f"expected a formula of at most {LONGEST} characters, found {len(text)}")
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise GraphError(f"expected sizes and functions of them, found {text[at : at + 20]!r}")
        tokens.append(match.groups())
        at = match.end()
    if tokens and tokens[-1][2] == "n":
        del tokens[-2:]
    rest = iter([*tokens, (None, None, None, None, "end")])
    values, end = _list(rest, inputs, 0)
    if end != "end":
        raise GraphError(f"expected a list of sizes, found {text[:40]!r}")
    return values


def _list(tokens: Any, inputs: Sequence[Sizes], depth: int) -> tuple[list[int], str]:
    """Values up to what closes them, and that."""
    if depth > DEEPEST:
        raise GraphError(f"expected functions at most {DEEPEST} deep")
    values = []
    while True:
        number, index, name, function, mark = next(tokens)
        if number is not None:
            values.append(int(number))
        elif name is not None:
            values.append(_size(int(index), name, inputs))
        elif function is not None:
            values.append(_call(function, tokens, inputs, depth))
        else:
            raise GraphError(f"expected a size, found {mark!r}")
        mark = next(tokens)[4]
        if mark != ",":
            return values, str(mark)


def _size(index: int, name: str, inputs: Sequence[Sizes]) -> int:
    if name == "n":
        return 1
    if index >= len(inputs) or name not in inputs[index]:
        raise GraphError(f"{index}{name}: the input has no such size")
    return inputs[index][name]


def _call(function: str, tokens: Any, inputs: Sequence[Sizes], depth: int) -> int:
    arguments, end = _list(tokens, inputs, depth + 1)
    count, compute = FUNCTIONS.get(function, (0, None))
    if compute is None or end != ")" or len(arguments) != count:
        raise GraphError(f"the function {function!r} of {len(arguments)} arguments is not supported")
    value = compute(*arguments)
    if abs(value) >= 2**31 and not is_free(value):
        raise GraphError(f"expected a size below 2^31, found {value}")
    return value
