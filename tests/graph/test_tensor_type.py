"""Types of values: sizes in elements and bytes, and quantisations that can't be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer.errors import GraphError
from tinyinfer.graph import Quant, TensorType

PER_TENSOR, PER_CHANNEL = Quant((0.5,), (3,)), Quant((0.5, 0.25, 1.0), (0, 1, -1), axis=1)


def test_bytes() -> None:
    assert TensorType((2, 3)).bytes == 24
    assert [TensorType((5,), dtype).bytes for dtype in ("int64", "float16", "uint8", "bool")] == [40, 10, 5, 5]
    assert TensorType((), "int32").bytes == 4


def test_single_numbers_go_for_the_whole_tensor() -> None:
    assert Quant(0.5, 3) == Quant([np.float32(0.5)], np.array([3])) == PER_TENSOR  # type: ignore[arg-type]
    assert Quant((1.0, 2.0), axis=0).zero_point == (0, 0)
    assert hash(Quant((0.5,), (3,))) == hash(PER_TENSOR)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": (0.0,)}, "scale: expected finite numbers above 0, found 0.0"),
        ({"scale": (-1.0,)}, "found -1.0"),
        ({"scale": (float("nan"),)}, "found nan"),
        ({"scale": (float("inf"),)}, "found inf"),
        ({"scale": (1e39,)}, "found 1e"),
        ({"scale": ("1",)}, "found '1'"),
        ({"scale": (True,)}, "found True"),
        ({"scale": None}, "found None"),
        ({"scale": ()}, "found 0 of one and"),
        ({"scale": (1.0,), "zero_point": (0.5,)}, "zero_point: expected integers, found 0.5"),
        ({"scale": (1.0,), "zero_point": (False,)}, "zero_point: expected integers, found False"),
        ({"scale": (1.0, 2.0)}, "expected an axis for 2 scales"),
        ({"scale": (1.0, 2.0), "zero_point": (1, 2, 3), "axis": 0}, "found 2 of one and 3 of the other"),
        ({"scale": (1.0,), "axis": -1}, "axis: expected a dimension counted from 0"),
        ({"scale": (1.0,), "axis": 1.0}, "axis: expected a dimension"),
        ({"scale": (1.0,), "axis": True}, "axis: expected a dimension"),
    ],
)
def test_bad_quantisations(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        Quant(**arguments)


@pytest.mark.parametrize(
    ("shape", "dtype", "quant", "message"),
    [
        ((2, 3), "float32", PER_TENSOR, "quantised values: expected one of uint8, int8, int32, int64, found float32"),
        ((2, 3), "bool", PER_TENSOR, "found bool"),
        ((2, 3), "uint8", Quant((1.0,), (256,)), "zero_point: expected 0 to 255 for uint8, found 256"),
        ((2, 3), "uint8", PER_CHANNEL, "expected 0 to 255 for uint8, found -1"),
        ((2, 3), "int8", Quant((1.0,), (-129,)), "expected -128 to 127 for int8, found -129"),
        ((2, 4), "int8", PER_CHANNEL, "scale: expected 4 along axis 1, found 3"),
        ((3,), "int8", PER_CHANNEL, "axis: expected below 1, found 1"),
        ((), "int8", Quant((1.0,), axis=0), "axis: expected below 0, found 0"),
    ],
)
def test_quantisations_that_do_not_fit_the_value(
    shape: tuple[int, ...], dtype: str, quant: Quant, message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        TensorType(shape, dtype, quant)


def test_moving_dimensions_moves_the_axis() -> None:
    value = TensorType((2, 3, 4), "int8", PER_CHANNEL)
    moved = value.moved((4, 2, 3), (2, 0, 1))
    assert moved.quant is not None
    assert moved.quant.axis == 2
    assert value.reshaped(value.shape) == value
    with pytest.raises(GraphError, match="can't be brought into another shape"):
        value.reshaped((6, 4))
    assert TensorType((2, 3), "int8", PER_TENSOR).reshaped((6,)).quant == PER_TENSOR
