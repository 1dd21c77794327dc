"""Conv, ConvTranspose and DeformConv of ONNX files: their forms, windows and paddings, at fixed and free sizes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_nodes import assert_same, imported, normal, one_node, operators, weights

from tinyinfer.errors import GraphError, UnsupportedOpError

OPSETS = (7, 11, 22)
AUTO = ("SAME_UPPER", "SAME_LOWER", "VALID")


def pads(data: st.DataObject, rank: int, kernel: list[int]) -> list[int]:
    return [data.draw(st.integers(0, k - 1)) for k in kernel * 2][: 2 * rank]


def windows(data: st.DataObject, rank: int, dilated: bool = True) -> dict[str, Any]:
    """Attributes of a convolution over lines or images."""
    kernel = data.draw(st.lists(st.integers(1, 4), min_size=rank, max_size=rank))
    found: dict[str, Any] = {"kernel_shape": kernel}
    if data.draw(st.booleans()):
        found["strides"] = data.draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    if dilated and data.draw(st.booleans()):
        found["dilations"] = data.draw(st.lists(st.integers(1, 2), min_size=rank, max_size=rank))
    auto = data.draw(st.sampled_from([None, *AUTO]))
    # ONNX Runtime pads windows with gaps as if they had none
    if auto and (auto == "VALID" or "dilations" not in found):
        return found | {"auto_pad": auto}
    return found | {"pads": pads(data, rank, kernel)}


@given(data=st.data())
def test_conv(data: st.DataObject) -> None:
    rank, groups = data.draw(st.sampled_from([1, 2])), data.draw(st.sampled_from([1, 2, 4]))
    attributes = windows(data, rank) | {"group": groups}
    x = normal(2, 4, *(9, 11)[:rank])
    values = [x, weights(8, 4 // groups, *attributes["kernel_shape"])]
    values += [weights(8)] if data.draw(st.booleans()) else []
    free = (0, *range(2, 2 + rank)) if data.draw(st.booleans()) else ()
    others = [[normal(1, 4, *(14, 8)[:rank])]] if free else []
    graph = assert_same("Conv", values, data.draw(st.sampled_from(OPSETS)), free=free, others=others, **attributes)
    assert "conv2d" in operators(graph)


def test_a_convolution_of_images_is_one_node() -> None:
    graph = assert_same("Conv", [normal(1, 3, 8, 8), weights(4, 3, 3, 3), weights(4)], 11, free=(0, 2, 3))
    assert operators(graph) == ["conv2d"]
    assert graph.inputs[0].shape == (None, 3, None, None)


@pytest.mark.parametrize("side", [7, 8])
def test_an_odd_pixel_goes_to_the_beginning_or_the_end(side: int) -> None:
    for auto in ("SAME_UPPER", "SAME_LOWER"):
        values = [normal(1, 2, side, side), weights(3, 2, 4, 3)]
        other = [[normal(1, 2, side + 1, side + 2)]]
        assert_same("Conv", values, 11, free=(2, 3), others=other, strides=[2, 2], auto_pad=auto)


@pytest.mark.parametrize(
    ("values", "attributes", "error", "message"),
    [
        ([normal(1, 2, 5, 5), normal(3, 2, 3, 3)], {}, UnsupportedOpError, "weight: expected an array of the file"),
        ([normal(1, 2, 5, 5), weights(3, 2, 3, 3), normal(3)], {}, UnsupportedOpError, "bias: expected an array"),
        ([normal(1, 2, 5, 5, 5), weights(3, 2, 3, 3, 3)], {}, UnsupportedOpError, r"lines .* images .* rank 5"),
        ([normal(1, 2, 5, 5), weights(3, 2, 3, 3)], {"group": 3}, GraphError, "groups 3 do not divide"),
    ],
)
def test_what_does_not_fit_is_refused(values: Any, attributes: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        imported(one_node("Conv", values, 11, **attributes))


def transposed(data: st.DataObject, rank: int) -> dict[str, Any]:
    found = windows(data, rank)
    kernel, strides = found["kernel_shape"], found.get("strides", [1] * rank)
    # where windows leave gaps, ONNX Runtime makes less of SAME than the standard's multiple of the size
    if found.get("auto_pad") == "VALID" or any(s > k for s, k in zip(strides, kernel, strict=True)):
        found.pop("auto_pad", None)
    if data.draw(st.booleans()):
        found["output_padding"] = [data.draw(st.integers(0, stride - 1)) for stride in strides]
    if "pads" in found:  # not all of the sum of windows is cut off
        found["pads"] = [min(p, (k - 1) // 2 + 1) for p, k in zip(found["pads"], kernel * 2, strict=True)]
    return found


@given(data=st.data())
def test_conv_transpose(data: st.DataObject) -> None:
    rank, groups = data.draw(st.sampled_from([1, 2])), data.draw(st.sampled_from([1, 2]))
    attributes = transposed(data, rank) | {"group": groups}
    values = [normal(2, 4, *(5, 6)[:rank]), weights(4, 3, *attributes["kernel_shape"])]
    values += [weights(3 * groups)] if data.draw(st.booleans()) else []
    free = (0, *range(2, 2 + rank)) if data.draw(st.booleans()) else ()
    others = [[normal(1, 4, *(7, 8)[:rank])]] if free else []
    assert_same("ConvTranspose", values, data.draw(st.sampled_from(OPSETS)), free=free, others=others, **attributes)


@pytest.mark.parametrize("auto_pad", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("shape", [(10, 9), (9, 11), (12, 12)])
def test_conv_transpose_to_a_shape(auto_pad: str, shape: tuple[int, int]) -> None:
    values = [normal(1, 2, 5, 5), weights(2, 3, 3, 3), weights(3)]
    assert_same("ConvTranspose", values, 11, strides=[2, 2], output_shape=list(shape), auto_pad=auto_pad)


def test_same_transposed_convolutions_of_free_sizes_multiply_them() -> None:
    values = [normal(1, 2, 5, 6), weights(2, 3, 4, 4)]
    graph = assert_same(
        "ConvTranspose", values, 11, free=(2, 3), others=[[normal(1, 2, 3, 9)]], strides=[2, 2], auto_pad="SAME_UPPER"
    )
    assert operators(graph) == ["conv_transpose2d"]


@pytest.mark.parametrize("opset", [19, 22])
@pytest.mark.parametrize("masked", [False, True])
def test_deform_conv(opset: int, masked: bool) -> None:
    values = [normal(2, 4, 6, 5), weights(6, 2, 3, 3), normal(2, 36, 3, 5, seed=3), weights(6)]
    values += [normal(2, 18, 3, 5, seed=4)] if masked else []
    attributes = {"strides": [2, 1], "pads": [1, 1, 1, 1], "group": 2, "offset_group": 2}
    assert_same("DeformConv", values, opset, engine="onnx", **attributes)


def test_a_kernel_shape_that_the_weight_contradicts_is_told() -> None:
    with pytest.raises(GraphError, match=r"kernel_shape: expected \(3, 3\), the size of the weight, found \(5, 5\)"):
        imported(one_node("Conv", [normal(1, 2, 5, 5), weights(3, 2, 3, 3)], 11, kernel_shape=[5, 5]))
