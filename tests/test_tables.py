"""Tables in terminals of any width: numbers in full, all columns, no line too long."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tinyinfer.models import build
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.tables import Column, Table


def lines(table: Table, width: int) -> list[str]:
    file = io.StringIO()
    Console(width=width, file=file, color_system=None, legacy_windows=False).print(table, crop=False)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def numbers_of(table: Table) -> list[str]:
    return [cell for column in table.columns if column.right for cell in (*column.cells, column.total) if cell]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("by", ["node", "op"])
def test_no_digit_is_lost(width: int, by: str) -> None:
    table = cost(build("mobilenet_v2")).table(by)
    shown = lines(table, width)
    assert max(map(len, shown)) <= width
    words = re.split(r"\s+", " ".join(shown))
    for number in numbers_of(table):
        assert number in words


@given(
    cells=st.lists(
        st.tuples(st.text("abcdef.", min_size=1, max_size=30), *[st.integers(0, 10**12)] * 5), min_size=1, max_size=5
    ),
    width=st.integers(30, 130),
)
def test_columns_come_in_bands(cells: list[tuple[str, int, int, int, int, int]], width: int) -> None:
    names, *numbers = zip(*cells, strict=True)
    columns = [Column("name", names, right=False)]
    columns += [Column(f"n{i}", [str(n) for n in found]) for i, found in enumerate(numbers)]
    shown = lines(Table("title", columns, ["a note"]), width)
    assert max(map(len, shown)) <= width
    words = " ".join(shown).split()
    assert sorted(word for word in words if word.isdecimal()) == sorted(str(n) for found in numbers for n in found)
    assert [word for word in words if re.fullmatch(r"n\d", word)] == [f"n{i}" for i in range(5)]


def test_a_number_wider_than_the_terminal_stays_whole() -> None:
    table = Table("title", [Column("name", ["a"], right=False), Column("n", ["1234567890" * 3])])
    assert any("1234567890" * 3 in line for line in lines(table, 20))
