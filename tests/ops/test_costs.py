"""The cost formulas of the papers, term by term."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer import ops
from tinyinfer.graph import OpCost, TensorType


def cost(name: str, *inputs: tuple[int, ...], params: dict[str, tuple[int, ...]] | None = None, **attrs: Any) -> OpCost:
    op = ops.create(name, attrs)
    kinds = [TensorType(shape) for shape in inputs]
    roles = {role: TensorType(shape) for role, shape in (params or {}).items()}
    return op.cost(kinds, roles, op.infer(kinds, roles))


def conv(x: tuple[int, ...], m: int, k: int, groups: int = 1, **attrs: Any) -> OpCost:
    return cost("conv2d", x, params={"weight": (m, x[1] // groups, k, k)}, groups=groups, padding=k // 2, **attrs)


def test_depthwise_separable_against_standard() -> None:
    """MobileNet V1, section 3.1, at 112x112, 64 to 128 channels."""
    x = (1, 64, 112, 112)
    standard = conv(x, 128, 3).macs
    separable = conv(x, 64, 3, groups=64).macs + conv(x, 128, 1).macs
    assert standard == 924_844_032
    assert separable == 109_985_792
    assert separable / standard == pytest.approx(1 / 128 + 1 / 9)
    assert round(separable / standard, 4) == 0.1189


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.sampled_from([1, 3, 5]), st.integers(4, 9))
def test_conv_formulas(g: int, c: int, m: int, k: int, size: int) -> None:
    x = (1, g * c, size, size + 1)
    whole, grouped = conv(x, g * m, k), conv(x, g * m, k, groups=g)
    assert whole.params == k * k * g * c * g * m
    assert whole.macs == k * k * g * c * size * (size + 1) * g * m
    assert whole.memory_access == k * k * g * c * g * m + size * (size + 1) * g * (c + m)
    assert grouped.macs * g == whole.macs
    assert grouped.params * g == whole.params


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 16))
def test_pointwise_memory_access_is_least_at_equal_widths(c1: int, c2: int, side: int) -> None:
    """ShuffleNet V2, guideline 1: memory access >= 2 sqrt(hw B) + B / hw, with equality at c1 = c2."""
    found, hw = conv((1, c1, side, side), c2, 1), side * side
    bound = 2 * (hw * found.macs) ** 0.5 + found.macs / hw
    assert found.memory_access >= bound - 1e-6
    assert (abs(found.memory_access - bound) < 1e-6) == (c1 == c2)


def test_stride_batch_and_bias() -> None:
    assert conv((1, 3, 224, 224), 64, 7, stride=2).macs == 7 * 7 * 3 * 64 * 112 * 112
    assert conv((5, 3, 8, 8), 4, 3).macs == 5 * conv((1, 3, 8, 8), 4, 3).macs
    biased = cost("conv2d", (1, 3, 8, 8), params={"weight": (4, 3, 1, 1), "bias": (4,)})
    assert (biased.macs, biased.params) == (3 * 4 * 64, 16)


def test_linear() -> None:
    found = cost("linear", (2, 1280), params={"weight": (1000, 1280), "bias": (1000,)})
    assert found == OpCost(2 * 1280 * 1000, 1280 * 1000 + 1000, 2 * 1280 + 1_281_000, 2000, 4 * (2 * 1280 + 1_283_000))


def test_running_statistics_are_not_learnable() -> None:
    roles = ("running_mean", "running_var", "weight", "bias")
    found = cost("batch_norm", (1, 8, 4, 4), params=dict.fromkeys(roles, (8,)))
    assert (found.macs, found.params) == (0, 16)
    assert cost("batch_norm", (1, 8, 4, 4), params=dict.fromkeys(roles[:2], (8,))).params == 0


def test_residual_is_read() -> None:
    plain = cost("conv2d", (1, 4, 6, 6), params={"weight": (4, 4, 1, 1)})
    fused = cost("conv2d", (1, 4, 6, 6), (1, 4, 6, 6), params={"weight": (4, 4, 1, 1)})
    assert fused.reads - plain.reads == 4 * 6 * 6
    assert fused.macs == plain.macs


@pytest.mark.parametrize(
    ("name", "attrs"), [("flatten", {"start_dim": 1}), ("dropout", {}), ("reshape", {"shape": (0, -1)})]
)
def test_views_cost_nothing(name: str, attrs: dict[str, Any]) -> None:
    assert cost(name, (2, 3, 4, 5), **attrs) == OpCost()
