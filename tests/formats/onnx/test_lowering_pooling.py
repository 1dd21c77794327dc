"""The pools of ONNX files: windows, ceil mode, padding that counts or not, places of maxima."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx_nodes import assert_same, imported, normal, one_node, operators

from tinyinfer.errors import UnsupportedOpError

SIDES = (9, 8)
OTHERS = (12, 11)


def windows(data: st.DataObject, rank: int, dilated: bool) -> dict[str, Any]:
    """Attributes of a pool over lines or images; padding is narrower than half a window, as engines want it."""
    kernel = data.draw(st.lists(st.integers(1, 4), min_size=rank, max_size=rank))
    found: dict[str, Any] = {"kernel_shape": kernel}
    found["strides"] = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    if dilated:
        found["dilations"] = data.draw(st.lists(st.integers(1, 2), min_size=rank, max_size=rank))
    auto = data.draw(st.sampled_from([None, "SAME_UPPER", "SAME_LOWER", "VALID"]))
    # ONNX Runtime has no padding for windows that are narrower than their steps
    if auto and not dilated and all(s <= k for s, k in zip(found["strides"], kernel, strict=True)):
        return found | {"auto_pad": auto}
    return found | {"pads": [data.draw(st.integers(0, k // 2)) for k in kernel * 2]}


def drawn_case(data: st.DataObject, dilated: bool) -> tuple[list[np.ndarray], dict[str, Any], dict[str, Any]]:
    rank = data.draw(st.sampled_from([1, 2]))
    attributes = windows(data, rank, dilated)
    free = (0, *range(2, 2 + rank)) if data.draw(st.booleans()) else ()
    others = [[normal(3, 3, *OTHERS[:rank])]] if free else []
    return [normal(2, 3, *SIDES[:rank])], attributes, {"free": free, "others": others}


@given(data=st.data())
def test_max_pool(data: st.DataObject) -> None:
    values, attributes, options = drawn_case(data, data.draw(st.booleans()))
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = data.draw(st.integers(0, 1))
    assert_same("MaxPool", values, data.draw(st.sampled_from([10, 12, 22])), **options, **attributes)


@given(data=st.data())
def test_places_of_maxima_count_through_the_batch(data: st.DataObject) -> None:
    values, attributes, options = drawn_case(data, dilated=False)
    attributes["storage_order"] = data.draw(st.integers(0, 1))
    assert_same("MaxPool", values, 12, outputs=2, **options, **attributes)


@given(data=st.data())
def test_average_pool(data: st.DataObject) -> None:
    values, attributes, options = drawn_case(data, dilated=False)
    attributes["count_include_pad"] = data.draw(st.integers(0, 1))
    if "auto_pad" not in attributes:
        attributes["ceil_mode"] = data.draw(st.integers(0, 1))
    graph = assert_same("AveragePool", values, data.draw(st.sampled_from([10, 11, 19])), **options, **attributes)
    assert "avg_pool2d" in operators(graph) or set(attributes["kernel_shape"]) == {1}, "windows of a pixel do nothing"


@given(data=st.data())
def test_average_pool_with_gaps(data: st.DataObject) -> None:
    values, attributes, options = drawn_case(data, dilated=True)
    attributes["count_include_pad"] = data.draw(st.integers(0, 1))
    assert_same("AveragePool", values, data.draw(st.sampled_from([19, 22])), **options, **attributes)


def test_windows_with_gaps_that_overhang_the_image() -> None:
    attributes = {"kernel_shape": [3, 2], "strides": [2, 2], "dilations": [2, 2], "ceil_mode": 1}
    for counted in (0, 1):
        assert_same("AveragePool", [normal(1, 2, 8, 8)], 19, engine="onnx", count_include_pad=counted, **attributes)
    notes = imported(one_node("AveragePool", [normal(1, 2, 8, 8)], 19, free=(2,), **attributes), (1, 2, 8, 8))
    assert notes.inputs[0].shape == (1, 2, 8, 8)


@given(data=st.data())
def test_lp_pool(data: st.DataObject) -> None:
    values, attributes, options = drawn_case(data, dilated=False)
    assume(attributes.get("auto_pad") != "SAME_LOWER")  # which ONNX Runtime pads like SAME_UPPER
    attributes["p"] = data.draw(st.integers(1, 3))
    assert_same("LpPool", values, data.draw(st.sampled_from([11, 18])), **options, **attributes)


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_max_pool_of_small_integers(kind: str) -> None:
    x = np.random.default_rng(0).integers(0, 100, (1, 2, 6, 6)).astype(kind)
    assert_same("MaxPool", [x], 12, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


@pytest.mark.parametrize("op_type", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 3, 7), (2, 3, 2, 3, 4)])
def test_global_pools(op_type: str, shape: tuple[int, ...]) -> None:
    assert_same(op_type, [normal(*shape)], 11, free=(0, 2))


def test_what_was_pooled_is_unpooled() -> None:
    x = normal(2, 3, 8, 6)
    model = one_node("MaxPool", [x], 12, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    from onnx_nodes import expected

    pooled, places = expected(model, {"v0": x}, "ort")
    assert_same("MaxUnpool", [pooled, places], 11, free=(0,), kernel_shape=[2, 2], strides=[2, 2])


def test_unpooling_to_a_shape_puts_values_where_its_places_say() -> None:
    from onnx_nodes import Known

    x, places = normal(1, 1, 2, 2), np.array([[[[0, 6], [16, 24]]]])
    shape = Known(np.array([1, 1, 5, 5], np.int64))
    assert_same("MaxUnpool", [x, places, shape], 11, kernel_shape=[2, 2], strides=[2, 2])


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_volumes_are_refused(op_type: str) -> None:
    with pytest.raises(UnsupportedOpError, match=r"lines .* images .* rank 5"):
        imported(one_node(op_type, [normal(1, 2, 4, 4, 4)], 11, kernel_shape=[2, 2, 2]))
