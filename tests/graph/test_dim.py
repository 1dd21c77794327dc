"""Sizes that remember how they follow from others: one form for equal ones, and the right value for any input."""

from __future__ import annotations

import json
import math
import operator
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.dim import Dim, agreed, dim_max, dim_min, dim_scale, expression_of, is_free, substituted
from tinyinfer.errors import GraphError

H, W, N = Dim.symbol("H", 224), Dim.symbol("W", 192), Dim.symbol("N", 1)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (H, "H"),
        ((H - 1) // 2 + 1, "(H+1)//2"),
        (-(-H // 2), "(H+1)//2"),
        ((H + 2 - 3) // 2 + 1, "(H+1)//2"),
        (((H + 1) // 2 + 1) // 2, "(H+3)//4"),
        (H // 2 // 2, "H//4"),
        (4 * H // 4, "H"),
        ((2 * H + 1) // 4, "H//2"),
        ((2 * H + 6) // 2, "H+3"),
        (W * 4, "4*W"),
        (3 + W + H, "H+W+3"),
        (H - W, "H-W"),
        (math.prod((N, 3, H, W)), "3*H*N*W"),
        (2 * (H // 2) + 1, "2*(H//2)+1"),
        (H // 2 * (W // 2), "(H//2)*(W//2)"),
        (H % 2, "H-2*(H//2)"),
        ((H + W) // (H // 2), "(H+W)//(H//2)"),
        (dim_min(H, W), "min(H, W)"),
        (dim_max(H - 3, 5), "max(5, H-3)"),
        (dim_scale(H, 1.5), "H+H//2"),
        (dim_scale(H, 0.7), "floor(0.7*H)"),
        (H // -2, "-((H+1)//2)"),
        (7 // H, "7//H"),
        (-H, "-H"),
        (sum([H, 2, W]), "H+W+2"),
    ],
)
def test_canonical_form(size: int, text: str) -> None:
    assert is_free(size)
    assert str(size) == f"{size}" == text
    assert str(expression_of(size)) == text


@pytest.mark.parametrize(
    ("size", "value"),
    [
        (H - H, 0),
        (0 * H, 0),
        (3 * (H + 1) - 3 * H, 3),
        (N * H * W // (N * W) - H, 0),
        ((H * W + W) // (H + 1) - W, 0),
        (dim_min(0, H), 0),
        (dim_max(H, 1) - H, 0),
        (dim_min(H + 3, H) - H, 0),
        (dim_max(H // 2, 0) - H // 2, 0),
        (dim_min(H, dim_min(H, 5)) - dim_min(5, H), 0),
        (dim_max(dim_max(H, 5), 4) - dim_max(5, H), 0),
        ((H + 1) // 2 - (-(-H // 2)), 0),
    ],
)
def test_what_depends_on_nothing_is_a_plain_int(size: int, value: int) -> None:
    assert type(size) is int
    assert size == value


def test_it_is_an_int_where_ints_are_wanted() -> None:
    assert H == 224
    assert H > 100 >= N
    assert hash(H) == hash(224)
    assert H / 2 == 112.0
    assert 0.5 * H == 112.0
    assert list(range(N + 2)) == [0, 1, 2]
    assert json.dumps([H // 2]) == "[112]"
    assert divmod(H, 3) == (74, 2)
    assert +H is H
    assert repr(H // 2) == "<H//2 = 112>"
    copy = pickle.loads(pickle.dumps(H + 1))
    assert (str(copy), copy) == ("H+1", 225)
    with pytest.raises(ZeroDivisionError):
        H // 0
    with pytest.raises(KeyError):
        (H + W).substitute({"H": 3})


def test_of_two_equal_sizes_the_fixed_one_stands() -> None:
    assert type(agreed(H, 224)) is type(agreed(224, H)) is int
    assert agreed(H, W + 32) is H


BINARY: list[Callable[[int, int], int]] = [
    operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod, dim_min, dim_max,
]  # fmt: skip


@st.composite
def sizes(draw: st.DrawFn) -> int:
    """What a dozen operations make of three symbols and small numbers."""
    made = [Dim.symbol(name, draw(st.integers(1, 60))) for name in "HWN"]
    made += draw(st.lists(st.integers(-9, 9), min_size=2, max_size=3))
    for _ in range(draw(st.integers(1, 9))):
        if draw(st.integers(0, 9)) == 0:
            made.append(dim_scale(draw(st.sampled_from(made)), draw(st.sampled_from([0.5, 2.0, 1.5, 0.29, 0.7, 2.3]))))
            continue
        # small divisors, as strides are: those of sizes of their own can be zero for other values
        operation, a = draw(st.sampled_from(BINARY)), draw(st.sampled_from(made))
        b = draw(st.integers(1, 7) if operation in (operator.floordiv, operator.mod) else st.sampled_from(made))
        if abs(result := operation(a, b)) < 1e6:
            made.append(result)
    return made[-1]


@given(size=sizes(), values=st.tuples(*[st.integers(1, 300)] * 3))
def test_the_value_is_what_the_expression_says(size: int, values: tuple[int, int, int]) -> None:
    if isinstance(size, Dim):
        assert expression_of(size).symbols() <= set("HWN")
        text = str(size).replace("floor(", "math.floor(")
        assert eval(text, {"math": math}, dict(zip("HWN", values, strict=True))) == size.substitute(
            dict(zip("HWN", values, strict=True))
        )


@given(data=st.data())
def test_operations_at_other_values_give_what_substituting_gives(data: st.DataObject) -> None:
    names = "HWN"
    here, there = ({name: data.draw(st.integers(1, 80)) for name in names} for _ in range(2))
    pairs = [(Dim.symbol(name, here[name]), there[name]) for name in names] + [(n, n) for n in (-3, 0, 1, 2, 5)]
    for _ in range(data.draw(st.integers(1, 10))):
        operation, (a, x) = data.draw(st.sampled_from(BINARY)), data.draw(st.sampled_from(pairs))
        b, y = data.draw(st.sampled_from(pairs))
        if operation in (operator.floordiv, operator.mod) and (b == 0 or y == 0):
            continue
        made = operation(int(x), int(y))
        if abs(made) < 1e6 and abs(operation(int(a), int(b))) < 1e6:
            pairs.append((operation(a, b), made))
    for size, expected in pairs:
        assert substituted(size, there) == expected
        assert substituted(size, here) == size


@given(a=sizes(), b=sizes(), c=st.integers(1, 9), d=st.integers(1, 9), e=st.integers(-9, 9))
def test_equal_expressions_are_found_equal(a: int, b: int, c: int, d: int, e: int) -> None:
    assert expression_of(a + b) == expression_of(b + a)
    assert expression_of(a * b) == expression_of(b * a)
    assert expression_of((a + b) * c) == expression_of(a * c + b * c)
    assert expression_of((a + c * e) // c) == expression_of(a // c + e)
    assert expression_of(a * b * c // (c * d)) == expression_of(a * b // d)
    assert expression_of(dim_min(a, b)) == expression_of(dim_min(b, a))


@given(start=st.integers(1, 60), c=st.integers(1, 9), d=st.integers(1, 9), e=st.integers(-9, 9))
def test_nested_divisions_become_one(start: int, c: int, d: int, e: int) -> None:
    size = Dim.symbol("H", start)
    assert expression_of((size // c + e) // d) == expression_of((size + c * e) // (c * d))
    assert expression_of(-(-size // c)) == expression_of((size + c - 1) // c)


def _repeated(size: int, step: Callable[[int], int]) -> int:
    for _ in range(60):
        size = step(size)
    return size


@pytest.mark.parametrize(
    ("nominal", "step"),
    [(1, lambda size: size * size), (224, lambda size: size + size), (3, lambda size: size // 2 * size + 1)],
)
def test_sizes_that_would_take_pages_to_write_are_refused(nominal: int, step: Callable[[int], int]) -> None:
    with pytest.raises(GraphError, match="expected numbers of 64 bits in short expressions"):
        _repeated(Dim.symbol("H", nominal), step)
