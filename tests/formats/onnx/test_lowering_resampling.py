"""Resize and Upsample of ONNX files: each mode, each rule of coordinates, at fixed and at free sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx_nodes import assert_same, floats, ints, normal, operators

from tinyinfer.formats.onnx.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

onnx = pytest.importorskip("onnx")

X = normal(2, 3, 5, 7)
OTHER = [[normal(1, 3, 8, 6)]]
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")


@given(data=st.data())
def test_resize(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(["nearest", "linear", "cubic"]))
    attributes: dict[str, Any] = {"mode": mode}
    attributes["coordinate_transformation_mode"] = data.draw(st.sampled_from(COORDINATES))
    if mode == "nearest":
        attributes["nearest_mode"] = data.draw(st.sampled_from(ROUNDINGS))
    if mode == "cubic":
        attributes |= {"cubic_coeff_a": data.draw(st.sampled_from([-0.75, -0.5]))}
        attributes |= {"exclude_outside": data.draw(st.integers(0, 1))}
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=2, max_size=2))
    # what the standard says of one pixel, and of nearest ones that are equally near in exact numbers only
    assume(min(sizes) > 1)
    # where half a pixel is left over, the reference rounds one place in two ways
    symmetric = attributes["coordinate_transformation_mode"] == "half_pixel_symmetric"
    scale = st.sampled_from([1.0, 2.0, 3.0] if symmetric else [0.5, 1.0, 2.0, 3.0])
    if data.draw(st.booleans()):
        given_as = [None, floats(), ints(2, 3, *sizes)]
        options: dict[str, Any] = {}
    else:
        given_as = [None, floats(1.0, 1.0, data.draw(scale), data.draw(scale))]
        options = {"free": (0, 2, 3), "others": OTHER} if data.draw(st.booleans()) else {}
    assert_same("Resize", [X, *given_as], 19, engine="onnx", **options, **attributes)


@pytest.mark.parametrize(
    ("attributes", "ours"),
    [
        ({"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, "interpolate"),
        ({"mode": "nearest"}, "interpolate"),
        ({"mode": "nearest", "nearest_mode": "round_prefer_ceil"}, "interpolate"),
        ({"mode": "linear"}, "interpolate"),
        ({"mode": "linear", "coordinate_transformation_mode": "align_corners"}, "interpolate"),
        ({"mode": "cubic"}, "interpolate"),
        ({"mode": "linear", "coordinate_transformation_mode": "asymmetric"}, "resize"),
        ({"mode": "cubic", "cubic_coeff_a": -0.5}, "resize"),
    ],
)
def test_what_interpolate_can_say_is_said_by_it(attributes: dict[str, Any], ours: str) -> None:
    options: dict[str, Any] = {"free": (0, 2, 3), "others": OTHER}
    for opset in (11, 13, 18, 19):
        graph = assert_same("Resize", [X, floats(), floats(1, 1, 2, 2)], opset, **options, **attributes)
        assert operators(graph) == [ours]


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("factor", [2.0, 3.0])
def test_upsample(mode: str, factor: float) -> None:
    options: dict[str, Any] = {"free": (0, 2, 3), "others": OTHER}
    assert_same("Upsample", [X], 7, **options, mode=mode, scales=[1.0, 1.0, factor, 2.0])
    assert_same("Upsample", [X, floats(1, 1, factor, 2)], 9, **options, mode=mode)
    assert_same("Resize", [X, floats(1, 1, factor, 2)], 10, **options, mode=mode)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialiased_shrinking(mode: str) -> None:
    for sizes in ((3, 4), (2, 9)):
        assert_same("Resize", [X, None, None, ints(*sizes)], 18, engine="onnx", mode=mode, antialias=1, axes=[2, 3])


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_the_ratio_of_sides_is_kept(policy: str) -> None:
    for sizes in ((10, 10), (3, 9)):
        assert_same(
            "Resize", [X, None, None, ints(*sizes)], 18, mode="linear", keep_aspect_ratio_policy=policy, axes=[2, 3],
            engine="onnx",
        )  # fmt: skip


def test_a_part_of_the_image() -> None:
    attributes = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 5.0}
    roi = floats(0, 0, 0.2, -0.1, 1, 1, 0.7, 1.2)
    assert_same("Resize", [X, roi, floats(), ints(2, 3, 6, 4)], 11, **attributes)
    assert_same("Resize", [X, roi, floats(), ints(2, 3, 5, 7)], 11, engine="onnx", **attributes)


def test_what_lies_outside_a_part_of_one_pixel_is_not_that_pixel() -> None:
    attributes = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 5.0}
    roi = floats(0, 0, -1, -1, 1, 1, 2, 2)
    assert_same("Resize", [normal(1, 2, 3, 3), roi, floats(), ints(1, 2, 6, 6)], 11, engine="onnx", **attributes)


def test_a_ratio_that_gives_whole_sizes_is_interpolated() -> None:
    attributes = {"mode": "linear", "keep_aspect_ratio_policy": "not_larger", "axes": [2, 3]}
    graph = assert_same("Resize", [X, None, None, ints(10, 20)], 18, engine="onnx", **attributes)
    assert operators(graph) == ["interpolate"]


def test_other_dimensions_than_height_and_width() -> None:
    assert_same("Resize", [X, None, None, ints(4, 6)], 18, engine="onnx", mode="linear", axes=[1, 3])
    assert_same("Resize", [normal(3, 5), None, floats(1.0, 2.0)], 13, mode="linear")
    assert_same("Resize", [normal(1, 2, 3, 4, 5), None, floats(1, 1, 2, 2, 2)], 13, mode="nearest")


def grown_to_an_input(tmp_path: Any) -> Graph:
    """A map at the size of another, as torch exports it: the sizes are those of the other's Shape."""
    model = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["": 13]>
        grown (float[N, 3, H, W] x, float[1, 3, 1, 1] w) => (float[N, 3, H, W] y)
        <int64[1] two = {2}, int64[1] four = {4}, float[0] none = {}>
        {
            pooled = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x)
            sizes = Shape (x)
            space = Slice (sizes, two, four)
            small = Shape (pooled)
            zero = Constant <value_ints = [0]> ()
            first = Slice (small, zero, two)
            wanted = Concat <axis = 0> (first, space)
            y = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (pooled, none, none, wanted)
        }"""
    )
    del model.graph.input[1]
    (tmp_path / "grown.onnx").write_bytes(model.SerializeToString())
    return load(tmp_path / "grown.onnx", {"x": (1, 3, 8, 10)})[0]


def test_the_size_of_another_value(tmp_path: Any) -> None:
    graph = grown_to_an_input(tmp_path)
    assert graph.inputs[0].shape == (None, 3, None, None)
    assert operators(graph) == ["avg_pool2d", "interpolate"]
    for shape in ((1, 3, 8, 10), (2, 3, 7, 13)):
        assert Model(graph, kernels="reference")(np.ones(shape, np.float32)).shape == shape
