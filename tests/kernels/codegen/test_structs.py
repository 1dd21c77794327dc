"""Structs, arguments with names, at every level: plans, tasks, helpers, vector functions and shared functions."""

from __future__ import annotations

import gc
import weakref
from typing import NamedTuple

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from tinyinfer.kernels.arguments.operands import Epilogue, Image, Rows
from tinyinfer.kernels.codegen.cpu import LANES
from tinyinfer.kernels.codegen.jit import inline, load, shared
from tinyinfer.kernels.codegen.simd import vector_function
from tinyinfer.kernels.codegen.structs import Address, struct
from tinyinfer.kernels.parallel.task import task


@struct
class Span(NamedTuple):
    """Some rows, one more than once."""

    rows: Rows
    first: int
    scale: float

    def behind(self, rows: int = 1) -> Span:
        return Span(self.rows.at(rows), self.first + rows, self.scale)

    def end(self, number: int) -> int:
        return self.first + number


class Table(NamedTuple):
    """A struct of tasks alone, as it has an array."""

    span: Span
    factors: np.ndarray


@vector_function(x=Span, y=Rows, number="int")
def scale_rows(v, x, y, number):
    with v.loop(number) as i:
        row, to = x.behind(i).rows, y.at(i)
        v.store(v.mul(v.load(row.address), v.broadcast(x.scale)), to.address)


@shared(x=Span, y=Rows, number="int")
def shared_scale_rows(x, y, number):
    scale_rows(x, y, number)


def make_scale(twice: bool):
    @inline
    def scale(x, y, number):
        scale_rows(Span(x.rows, x.first, x.scale * np.float32(2) if twice else x.scale), y, number)

    return scale


KINDS = {"x": Span, "y": Rows, "number": "int"}
scale_once = shared("test_scale_once", **KINDS)(make_scale(False))
scale_twice = shared("test_scale_twice", **KINDS)(make_scale(True))


@task
def scaled(part, parts, table: Table, y: Rows, number, way):
    span = table.span.behind()
    if way == 0:
        scale_rows(span, y, number)
    elif way == 1:
        shared_scale_rows(Span(span.rows, span.first, table.factors[1]), y, number)
    elif way == 2:
        scale_once(span, y, number)
    else:
        scale_twice(span, y, number)


def rows_of(array: np.ndarray) -> Rows:
    return Rows(Address.of(array), array.shape[1])


@pytest.mark.parametrize(("way", "factor"), [(0, 3), (1, 5), (2, 3), (3, 6)])
def test_fields_arrive_where_they_are_used(way: int, factor: int) -> None:
    load(shared_scale_rows, scale_once, scale_twice)
    x, y = np.random.default_rng(0).random((4, LANES + 3), np.float32), np.zeros((3, LANES), np.float32)
    table = Table(Span(rows_of(x), 0, np.float32(3)), np.array([4, 5], np.float32))
    scaled.bind(1, table, rows_of(y), 3, way)()
    np.testing.assert_array_equal(y, x[1:, :LANES] * np.float32(factor))


def test_methods_are_the_same_in_python_and_in_numba() -> None:
    @numba.njit
    def walk(address, stride):
        rows = Rows(address, stride).at(2, 1).walk(3, -1)
        image = Image(address, 7 * stride, stride).at(1, 2).line(1)
        epilogue = Epilogue(address, rows, np.float32(0), np.float32(1), 2).at(1, 4)
        return rows, image, epilogue, Span(rows, 5, np.float32(1)).end(3)

    found = walk(1000, 10)
    assert found == walk.py_func(1000, 10)
    assert [type(value) for value in found] == [Rows, Rows, Epilogue, int]


def test_an_address_keeps_its_array_alive() -> None:
    x, y = np.ones((2, LANES), np.float32), np.zeros((1, LANES), np.float32)
    call = scaled.bind(1, Table(Span(rows_of(x), 0, np.float32(2)), np.zeros(2, np.float32)), rows_of(y), 1, 0)
    alive = weakref.ref(x)
    del x
    gc.collect()
    assert alive() is not None
    call()
    assert (y == 2).all()
    del call
    gc.collect()
    assert alive() is None


def test_another_struct_is_no_match() -> None:
    y = np.zeros((1, LANES), np.float32)
    with pytest.raises(TypeError, match="expected Table, found"):
        scaled.bind(1, (1, 2), rows_of(y), 1, 0)
    with pytest.raises(TypeError, match="expected Span, found"):
        scaled.bind(1, Table(rows_of(y), y), rows_of(y), 1, 0)


def test_a_vector_function_takes_its_own_structs_alone() -> None:
    @numba.njit
    def run(address):
        scale_rows(Rows(address, 1), Rows(address, 1), 1)

    with pytest.raises(TypingError, match="expected Span, found Rows"):
        run(0)
