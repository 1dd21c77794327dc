"""SSDLite on MobileNet V2 and V3: forms, costs, knobs, and torchvision's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.profiling.cost import cost

NAMES = ti.models.names("ssdlite_v2") + ti.models.names("ssdlite_v3")
TORCHVISIONS = "ssdlite320_mobilenet_v3_large"


@settings(max_examples=8)
@given(
    name=st.sampled_from(NAMES),
    width=st.sampled_from([0.1, 0.35, 0.5]),
    finest=st.sampled_from([3, 6]),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    classes=st.integers(1, 23),
    height=st.integers(33, 80),
    side=st.integers(33, 80),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_scores_and_offsets_of_as_many_anchors(
    name: str, width: float, finest: int, padding: str, small: bool, classes: int, height: int, side: int, batch: int
) -> None:
    knobs: dict[str, Any] = {"width": width, "finest": finest, "padding": padding, "small_input": small}
    model = ti.models.create(name, num_classes=classes, **knobs)
    model.graph.verify()
    x = np.random.default_rng(0).standard_normal((batch, 3, height, side), np.float32)
    scores, offsets = ti.Model(model.graph, kernels="reference").run({"input": x}).values()
    assert scores.shape == (batch, scores.shape[1], classes)
    assert offsets.shape == (batch, scores.shape[1], 4)
    assert np.isfinite(scores).all()
    assert np.isfinite(offsets).all()


@pytest.mark.parametrize("name", NAMES)
def test_six_maps_from_a_stride_of_16_on(name: str) -> None:
    graph = ti.models.build(name)
    types = graph.infer_types()
    first = [
        node.inputs[0] for node in graph.nodes if node.name.endswith(".0.0") and "classification_head" in node.name
    ]
    assert [types[value].shape[2] for value in first] == [20, 10, 5, 3, 2, 1]


def test_the_first_map_is_what_layer_15_expands_to() -> None:
    """Sandler et al., section 6.2, who count the first convolution as layer 1; Howard et al., C4 of V3."""
    for name, value, channels in (
        ("ssdlite_mobilenet_v2", "backbone.14.conv.0.2", 576),
        ("ssdlite_mobilenet_v3_large", "backbone.13.block.0.2", 672),
        ("ssdlite_mobilenet_v3_small", "backbone.9.block.0.2", 288),
    ):
        graph = ti.models.build(name)
        (head,) = (node for node in graph.nodes if node.name == "head.regression_head.module_list.0.0.0")
        assert head.inputs == (value,)
        assert graph.infer_types()[value].shape == (1, channels, 20, 20)


def test_every_wide_convolution_of_the_heads_is_depthwise() -> None:
    for node in ti.models.build("ssdlite_mobilenet_v2").nodes:
        if isinstance(node.op, Conv2d) and node.name.startswith(("head", "backbone.extra")):
            *_, size, _ = ti.models.build("ssdlite_mobilenet_v2").weights.shape(node.params["weight"])
            assert (node.op.groups > 1) == (size > 1)


def test_costs_of_the_81_classes_that_coco_names() -> None:
    """Table 6 of the V2 paper says 4.3 M and 0.8 G."""
    found = cost(ti.models.build("ssdlite_mobilenet_v2", num_classes=81))
    assert found.params == pytest.approx(4.3e6, rel=0.01)
    assert found.macs == pytest.approx(0.8e9, rel=0.015)


def test_metadata_says_how_to_detect() -> None:
    meta = ti.models.create(TORCHVISIONS).meta
    assert meta["task"] == "detect"
    assert meta["preprocess"]["resize"] == [320, 320]
    assert "crop" not in meta["preprocess"]
    assert meta["anchors"]["strides"] == [16, 32, 64, 128, 256, 512]
    assert meta["labels"][1] == "person"
    assert ti.models.describe(TORCHVISIONS, resolution=160)["preprocess"]["resize"] == [160, 160]
    assert ti.models.describe(TORCHVISIONS, small_input=True)["anchors"]["strides"][0] == 8
    assert [len(sizes) for sizes in ti.models.describe("ssdlite_mobilenet_v2")["anchors"]["sizes"]] == [3, *[6] * 5]


def torchvisions(key: str) -> str:
    """torchvision's name of one of our keys: the backbone in two parts, cut inside block 13."""
    part, *path = key.split(".")
    if part != "backbone" or path[0] == "extra":
        return key
    number = int(path[0])
    if number == 13:
        rest = path[2:]  # behind "block"
        return ".".join(["backbone.features.0.13", *rest[1:]] if rest[0] == "0" else ["backbone.features.1.0", *rest])
    index = f"0.{number}" if number < 13 else f"1.{number - 13}"
    return ".".join(["backbone.features", index, *path[1:]])


# rows of torchvision's own state dict, chosen from each of its parts
TORCHVISION_ROWS = {
    "backbone.features.0.0.0.weight": (16, 3, 3, 3),
    "backbone.features.0.12.block.2.fc1.weight": (168, 672, 1, 1),
    "backbone.features.0.13.0.weight": (672, 112, 1, 1),
    "backbone.features.0.13.1.running_var": (672,),
    "backbone.features.1.0.1.0.weight": (672, 1, 5, 5),
    "backbone.features.1.0.2.fc2.bias": (672,),
    "backbone.features.1.0.3.0.weight": (80, 672, 1, 1),
    "backbone.features.1.2.block.3.0.weight": (80, 480, 1, 1),
    "backbone.features.1.3.0.weight": (480, 80, 1, 1),
    "backbone.extra.3.1.0.weight": (64, 1, 3, 3),
    "head.classification_head.module_list.0.0.0.weight": (672, 1, 3, 3),
    "head.classification_head.module_list.5.1.weight": (546, 128, 1, 1),
    "head.regression_head.module_list.5.1.bias": (24,),
}


@pytest.mark.parametrize("classes", [91, 4])
def test_torchvisions_checkpoint_is_recognised(tmp_path: Path, classes: int) -> None:
    network = ti.models.create(TORCHVISIONS, num_classes=classes)
    state = {torchvisions(key): array for key, array in network.graph.weights.items()}
    if classes == 91:
        assert {key: state[key].shape for key in TORCHVISION_ROWS} == TORCHVISION_ROWS
    np.savez(tmp_path / "checkpoint.npz", **state)  # type: ignore[arg-type]
    found = ti.convert(tmp_path / "checkpoint.npz")
    assert (found.meta["arch"], found.meta["layout"]) == (TORCHVISIONS, "torchvision")
    assert found.meta["knobs"].get("num_classes", 91) == classes
    assert found.meta["task"] == "detect"
    assert all(np.array_equal(array, network.graph.weights[key]) for key, array in found.graph.weights.items())


@pytest.mark.parametrize("knobs", [{"finest": 4}, {"finest": "6"}, {"width": 0}, {"num_classes": 0}, {"table": ()}])
def test_knobs_that_do_not_fit(knobs: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ti.models.create(TORCHVISIONS, **knobs)
