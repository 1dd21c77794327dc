"""Activations of infinities, NaN, zeros and numbers far from zero, in the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from special_values import NUMBERS, TABLE

from tinyinfer import ops
from tinyinfer.ops.activation import activation, parametric_activation


@pytest.mark.parametrize(("name", "attrs", "expected"), TABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reference(name: str, attrs: dict[str, Any], expected: tuple[float, ...], dtype: type) -> None:
    with np.errstate(all="ignore"):
        y = ops.reference(name)(np.array(NUMBERS, dtype), **attrs)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)


def test_no_activation_is_left_out() -> None:
    listed = {name for name, _, _ in TABLE} | {"prelu"}
    assert {op.name for op in (*activation.OPS, *parametric_activation.OPS)} == listed


@pytest.mark.parametrize("name", ["silu", "mish", "gelu"])
def test_a_gate_comes_to_zero_from_below(name: str) -> None:
    y = ops.reference(name)(np.array([-np.inf], np.float32))
    assert y[0] == 0
    assert np.signbit(y[0])
