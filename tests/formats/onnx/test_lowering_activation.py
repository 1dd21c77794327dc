"""Activations, Clip and the Softmax family of ONNX files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_nodes import Known, assert_same, normal, operators, scalar, weights

X = 3 * normal(2, 4, 3, 5)
OTHER = [[3 * normal(1, 4, 6, 2)]]
FREE = {"free": (0, 2, 3), "others": OTHER}


@pytest.mark.parametrize(
    ("op_type", "opset", "ours", "attributes"),
    [
        ("Relu", 7, ["relu"], {}),
        ("Sigmoid", 13, ["sigmoid"], {}),
        ("Tanh", 7, ["tanh"], {}),
        ("Softplus", 7, ["softplus"], {}),
        ("Softsign", 7, ["softsign"], {}),
        ("HardSwish", 14, ["hardswish"], {}),
        ("Mish", 18, ["mish"], {}),
        ("Gelu", 20, ["gelu"], {}),
        ("Gelu", 20, ["gelu"], {"approximate": "tanh"}),
        ("LeakyRelu", 7, ["leaky_relu"], {}),
        ("LeakyRelu", 16, ["leaky_relu"], {"alpha": 0.3}),
        ("Elu", 7, ["elu"], {"alpha": 0.7}),
        ("Celu", 12, ["celu"], {"alpha": 0.7}),
        ("Selu", 7, ["selu"], {}),
        ("Selu", 7, ["elu", "scale_shift"], {"alpha": 2.0, "gamma": 3.0}),
        ("ThresholdedRelu", 10, ["threshold"], {"alpha": 0.7}),
        ("HardSigmoid", 7, ["scale_shift", "hardsigmoid"], {}),
        ("HardSigmoid", 7, ["scale_shift", "hardsigmoid"], {"alpha": 0.4, "beta": -0.2}),
        ("HardSigmoid", 7, ["hardsigmoid"], {"alpha": 1 / 6, "beta": 0.5}),
        ("Shrink", 9, ["hardshrink"], {"lambd": 0.7}),
        ("Shrink", 9, ["softshrink"], {"lambd": 0.7, "bias": 0.7}),
    ],
)
def test_activations(op_type: str, opset: int, ours: list[str], attributes: dict[str, Any]) -> None:
    assert operators(assert_same(op_type, [X], opset, **FREE, **attributes)) == ours


@pytest.mark.parametrize(("bias", "lambd"), [(0.3, 0.7), (-1.0, 0.2), (0.5, -0.5)])
def test_shrink_in_general(bias: float, lambd: float) -> None:
    assert_same("Shrink", [X], 9, bias=bias, lambd=lambd)


@pytest.mark.parametrize("alpha", [1.0, 1.7])
def test_swish(alpha: float) -> None:
    assert_same("Swish", [X], 24, engine="onnx", alpha=alpha)


@pytest.mark.parametrize("shape", [(1,), (), (4, 1, 1), (1, 4, 1, 1), (3, 5), (2, 4, 3, 5)])
@pytest.mark.parametrize("known", [True, False])
def test_prelu(shape: tuple[int, ...], known: bool) -> None:
    slope = weights(*shape) if known else normal(*shape)
    graph = assert_same("PRelu", [X, slope], 9)
    by_channel = known and (int(np.prod(shape)) == 1 or shape[-3:] == (4, 1, 1))
    assert ("prelu" in operators(graph)) == by_channel


def test_prelu_of_rows() -> None:
    assert operators(assert_same("PRelu", [normal(3, 4), weights(4)], 9)) == ["prelu"]


@pytest.mark.parametrize(
    ("bounds", "ours"),
    [
        ({}, ["identity"]),
        ({"min": 0.0, "max": 6.0}, ["relu6"]),
        ({"min": 0.0}, ["relu"]),
        ({"min": -0.5, "max": 0.5}, ["clamp"]),
        ({"max": -0.5}, ["clamp"]),
        ({"min": -np.inf, "max": 0.5}, ["clamp"]),
    ],
)
def test_clip(bounds: dict[str, float], ours: list[str]) -> None:
    assert operators(assert_same("Clip", [X], 6 + 1, **FREE, **bounds)) == ours
    known = [scalar(bounds[name]) if name in bounds else None for name in ("min", "max")]
    while known and known[-1] is None:
        known.pop()
    for opset in (11, 12, 13):
        assert operators(assert_same("Clip", [X, *known], opset, **FREE)) == ours


def test_clip_by_computed_bounds() -> None:
    low, high = np.array(-0.5, np.float32), np.array(0.7, np.float32)
    assert_same("Clip", [X, low, high], 13)
    assert_same("Clip", [X, None, high], 13)
    assert_same("Clip", [X, low, scalar(0.7)], 13)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_clip_of_integers(dtype: str) -> None:
    x = np.arange(0, 100, 7).astype(dtype)
    assert_same("Clip", [x, scalar(10, dtype), Known(np.array(50, dtype))], 13)


@given(data=st.data())
def test_softmax_family(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(3, 5), (2, 4, 3, 5), (2, 4, 1, 1), (2, 1, 3)]))
    op_type = data.draw(st.sampled_from(["Softmax", "LogSoftmax", "Hardmax"]))
    opset = data.draw(st.sampled_from([7, 11, 13]))
    least = 0 if opset == 7 else -len(shape)
    attributes = {"axis": data.draw(st.integers(least, len(shape) - 1))} if data.draw(st.booleans()) else {}
    if op_type == "Hardmax":  # whose places are those of a size that is not free
        assert_same(op_type, [normal(*shape)], opset, **attributes)
    else:
        assert_same(op_type, [normal(*shape)], opset, free=(0,), others=[[normal(5, *shape[1:])]], **attributes)


def test_softmax_of_an_old_opset_over_free_sizes() -> None:
    graph = assert_same("Softmax", [normal(2, 3, 1, 4)], 11, free=(0, 3), others=[[normal(1, 3, 1, 6)]], axis=2)
    assert operators(graph) == ["softmax"]
    assert_same("Softmax", [normal(2, 3, 5, 4)], 11, free=(3,), others=[[normal(2, 3, 5, 6)]], axis=2)
