"""Constants, shapes, and the dtypes that operators take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinyinfer import ops
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError, WeightsError
from tinyinfer.graph import Graph, Input, Node, Quant, TensorType
from tinyinfer.initialize import initialize
from tinyinfer.tensor_type import DTYPES


def graph_of(value: np.ndarray, **attrs: Any) -> Graph:
    """A constant beside an input that nothing reads."""
    node = Node("c", ops.create("constant", attrs), (), ("c",), {"value": "w"})
    return Graph([Input("x", (1,), (1,))], [node], ["c"], {"w": value})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (1, 2, 1, 3, 2)])
def test_constants_are_of_any_dtype_and_rank(dtype: str, shape: tuple[int, ...]) -> None:
    graph = graph_of(np.ones(shape, dtype))
    assert graph.verify()["c"] == TensorType(shape, dtype)
    assert graph.output_shapes() == [("c", shape)]


def test_quantised_constants() -> None:
    graph = graph_of(np.ones((3, 2), np.int8), scale=[0.5, 1.0, 2.0], axis=0)
    assert graph.verify()["c"] == TensorType((3, 2), "int8", Quant((0.5, 1.0, 2.0), (0, 0, 0), 0))
    for attrs, message in (
        ({"scale": (0.5,), "zero_point": (200,)}, "zero_point: expected -128 to 127"),
        ({"scale": (0.5,) * 3, "axis": 1}, "scale: expected 2 along axis 1, found 3"),
        ({"scale": (0.5,) * 3, "axis": 2}, "axis: expected below 2"),
    ):
        with pytest.raises(GraphError, match=f"node 'c' .constant.: {message}"):
            graph_of(np.ones((3, 2), np.int8), **attrs).verify()
    for attrs in ({"scale": (0.0,)}, {"scale": (float("nan"),)}, {"axis": 1}, {"zero_point": (4,)}):
        with pytest.raises(GraphError, match="scale"):
            ops.create("constant", attrs)


def test_dtypes_no_network_has_are_refused() -> None:
    for dtype in (np.float64, np.uint16, np.complex64):
        with pytest.raises(WeightsError, match=r"weight 'w': expected float32 or .*, found"):
            graph_of(np.ones(2, dtype)).verify()
    graph = graph_of(np.ones(2, np.float32))
    graph.inputs = [Input("x", (1,), (1,), "float64")]
    with pytest.raises(GraphError, match=r"input 'x': expected dtype float32, .* found float64"):
        graph.verify()


def test_nan_constants_are_weights_like_others() -> None:
    graph = graph_of(np.array([np.nan], np.float16))
    with pytest.raises(WeightsError, match="'w' holds NaN"):
        graph.verify()
    graph.verify(allow_nonfinite=True)


@pytest.mark.parametrize("dtype", ["float16", "int64", "bool"])
def test_operators_of_float32_stay_so(dtype: str) -> None:
    for name in ("relu", "conv2d", "softmax", "batch_norm"):
        case = ops.get(name).cases()[0]
        inputs = [TensorType(shape, dtype) for shape in case.inputs]
        with pytest.raises(GraphError, match=f"expected inputs of float32, found {dtype}"):
            ops.create(name, case.attrs).infer(inputs, {r: TensorType(s) for r, s in case.params.items()})


@pytest.mark.parametrize("name", ["flatten", "reshape", "permute", "concat", "split", "slice", "index_select"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_moves_elements_takes_any(name: str, dtype: str, rng: np.random.Generator) -> None:
    for case in ops.get(name).cases():
        op = ops.create(name, case.attrs)
        inputs = [rng.integers(0, 2, shape).astype(dtype) for shape in case.inputs]
        types = op.infer([TensorType(x.shape, dtype) for x in inputs], {})
        assert [TensorType(y.shape, str(y.dtype)) for y in op.reference(inputs, {})] == types


def test_concat_takes_one_dtype_at_a_time() -> None:
    with pytest.raises(GraphError, match="inputs of one dtype, found int32 and int64"):
        ops.create("concat", {}).infer([TensorType((2,), "int32"), TensorType((2,), "int64")], {})


def test_a_weight_of_two_uses_must_suit_both() -> None:
    b = Builder()
    x = b.apply("prelu", b.input(3, 8), name="act", params={"weight": (3,)})
    graph = b.finish([x])
    graph.nodes.append(Node("c", ops.create("constant", {}), (), ("c",), {"value": "act.weight"}))
    graph.weights["act.weight"] = np.ones(3, np.int32)
    with pytest.raises(WeightsError, match=r"weight 'act.weight': expected float32, found int32"):
        graph.verify()


def test_constants_alone_may_be_infinite() -> None:
    b = Builder()
    x = b.apply("prelu", b.input(3, 8), name="act", params={"weight": (3,)})
    graph = b.finish([x, b.constant(np.full(3, -np.inf, np.float32), name="mask")])
    graph.weights["act.weight"] = np.ones(3, np.float32)
    graph.verify()
    for key, params, value in (
        ("act.weight", {"weight": "act.weight"}, np.inf),
        ("mask.value", {"weight": "act.weight"}, np.nan),
        ("mask.value", {"weight": "mask.value"}, np.inf),
    ):
        changed = graph.copy()
        changed.weights[key] = np.full(3, value, np.float32)
        changed.replace_node(changed.node("act"), changed.node("act").replace(params=params))
        with pytest.raises(WeightsError, match=f"weight '{key}' holds NaN or infinite values"):
            changed.verify()


def test_the_builder_makes_constants_and_training_leaves_them() -> None:
    b = Builder()
    x = b.add(b.input(3, 8), b.constant(np.full((1, 3, 1, 1), 7, np.float32), name="seven"), name="sum")
    graph = b.finish([x, b.constant([1, 2], name="sizes"), b.constant(np.uint8(4), name="four", scale=0.5)])
    types = graph.verify()
    assert str(types["sizes"].dtype) == "int64"
    assert types["four"] == TensorType((), "uint8", Quant((0.5,)))
    assert (initialize(graph).weights["seven.value"] == 7).all()


def test_shape_counts_and_costs_nothing_to_speak_of() -> None:
    shape = ops.create("shape", {})
    assert shape.infer([TensorType((2, 3), "bool")], {}) == [TensorType((2,), "int64")]
    assert shape.cost([TensorType((200, 300))], {}, [TensorType((2,), "int64")]).bytes == 16
    with pytest.raises(GraphError, match="rank 1 or more"):
        shape.infer([TensorType(())], {})
