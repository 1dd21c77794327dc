"""Norms of ONNX files: the forms of each, parameters that are known and computed, free sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx_nodes import Known, assert_same, imported, normal, one_node, operators, weights

from tinyinfer.errors import UnsupportedOpError

X = normal(2, 6, 5, 4)
OTHER = [[normal(3, 6, 7, 8)]]
FREE = {"free": (0, 2, 3), "others": OTHER}


def positive(*shape: int) -> np.ndarray:
    return np.abs(normal(*shape, seed=7)) + 0.5


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
def test_batch_norm(opset: int) -> None:
    values = [X, weights(6), weights(6, seed=2), weights(6, seed=3), Known(positive(6))]
    assert operators(assert_same("BatchNormalization", values, opset, **FREE, epsilon=1e-3)) == ["batch_norm"]


@pytest.mark.parametrize("shape", [(2, 6), (2, 6, 4), (2, 6, 3, 2, 2)])
def test_batch_norm_of_any_rank(shape: tuple[int, ...]) -> None:
    values = [normal(*shape), weights(6), weights(6, seed=2), weights(6, seed=3), Known(positive(6))]
    assert_same("BatchNormalization", values, 15)


def test_batch_norm_by_computed_parameters() -> None:
    assert_same("BatchNormalization", [X, normal(6), normal(6, seed=2), normal(6, seed=3), positive(6)], 15)


def test_the_batchs_own_statistics_are_refused() -> None:
    values = [X, weights(6), weights(6), weights(6), Known(positive(6))]
    with pytest.raises(UnsupportedOpError, match="training_mode"):
        imported(one_node("BatchNormalization", values, 15, training_mode=1))


@pytest.mark.parametrize("known", [True, False])
def test_instance_norm(known: bool) -> None:
    values = [X, *(weights(6, seed=s) if known else normal(6, seed=s) for s in (1, 2))]
    others = OTHER if known else []
    assert_same("InstanceNormalization", values, 7, free=(0, 2, 3) if known else (), others=others, epsilon=1e-3)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("opset", "count"), [(18, 3), (21, 6)])
def test_group_norm(opset: int, count: int, known: bool) -> None:
    values = [X, *(weights(count, seed=s) if known else normal(count, seed=s) for s in (1, 2))]
    engine = "onnx" if opset == 18 else "ort"
    assert_same("GroupNormalization", values, opset, engine=engine, num_groups=3, epsilon=1e-2)


@pytest.mark.parametrize("axis", [-1, 1, 2, -3])
@pytest.mark.parametrize("bias", [True, False])
def test_layer_norm(axis: int, bias: bool) -> None:
    shape = X.shape[axis:]
    values = [X, weights(*shape), *([weights(*shape, seed=2)] if bias else [])]
    graph = assert_same("LayerNormalization", values, 17, axis=axis, epsilon=1e-3)
    assert operators(graph) == ["layer_norm"]
    assert_same("LayerNormalization", values, 17, outputs=3, engine="onnx", axis=axis)


def test_layer_norm_over_free_sizes_and_by_a_scale_that_broadcasts() -> None:
    assert_same("LayerNormalization", [X, weights(1)], 17, **FREE, axis=2, engine="onnx")
    assert_same("LayerNormalization", [X, normal(4)], 17, axis=-1)
    graph = assert_same("LayerNormalization", [X, weights(4)], 17, free=(0, 2), others=[[normal(1, 6, 9, 4)]])
    assert operators(graph) == ["layer_norm"]


@pytest.mark.parametrize("axis", [-1, 2, 1])
def test_rms_norm(axis: int) -> None:
    values = [X, weights(*X.shape[axis:])]
    assert_same("RMSNormalization", values, 23, free=(0,), others=[[normal(3, 6, 5, 4)]], engine="onnx", axis=axis)


@pytest.mark.parametrize(
    ("op_type", "opset", "attributes"),
    [
        ("MeanVarianceNormalization", 9, {}),
        ("MeanVarianceNormalization", 13, {"axes": [2, 3]}),
        ("LpNormalization", 1, {}),
        ("LpNormalization", 22, {"axis": 1, "p": 1}),
        *(("LRN", 13, {"size": size, "alpha": 0.3, "beta": 0.6, "bias": 1.5}) for size in (1, 3, 5)),
    ],
)
def test_norms_without_parameters(op_type: str, opset: int, attributes: dict[str, Any]) -> None:
    assert_same(op_type, [X], max(opset, 7), **FREE, **attributes)


@pytest.mark.parametrize("size", [2, 4])
def test_even_windows_of_channels_reach_further_back_than_torchs(size: int) -> None:
    x = normal(6, 6, 3, 2)  # the reference takes the number of images for that of channels
    assert_same("LRN", [x], 13, engine="onnx", size=size, alpha=0.3)


def test_a_vector_of_zeros_has_no_length() -> None:
    graph = imported(one_node("LpNormalization", [np.zeros((2, 3), np.float32)], 22))
    from tinyinfer.model import Model

    assert not Model(graph, kernels="reference")(np.zeros((2, 3), np.float32)).any()
