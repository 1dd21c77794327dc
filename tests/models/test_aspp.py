"""LR-ASPP on MobileNet V3 and R-ASPP on MobileNet V2: costs, shapes, knobs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyinfer as ti
from tinyinfer.ops.convolution.conv2d import Conv2d


@settings(max_examples=8)
@given(
    name=st.sampled_from(["lraspp_mobilenet_v3_large", "lraspp_mobilenet_v3_small", "raspp_mobilenet_v2"]),
    width=st.sampled_from([0.25, 0.35, 0.5]),
    output_stride=st.sampled_from([8, 16, 32]),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    classes=st.integers(1, 23),
    height=st.integers(33, 60),
    side=st.integers(33, 60),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_a_map_of_the_images_size(
    name: str,
    width: float,
    output_stride: int,
    padding: str,
    small: bool,
    classes: int,
    height: int,
    side: int,
    batch: int,
) -> None:
    model = ti.models.create(
        name, num_classes=classes, width=width, output_stride=output_stride, padding=padding, small_input=small
    )
    model.graph.verify()
    x = np.random.default_rng(0).standard_normal((batch, 3, height, side), np.float32)
    y = ti.Model(model.graph, kernels="reference")(x)
    assert y.shape == (batch, classes, height, side)
    assert np.isfinite(y).all()


def test_r_aspp_costs_what_the_paper_says() -> None:
    """Sandler et al. 2018, table 7: MobileNet V2's second last map, output stride 16, no ASPP: 2.11 M and 2.75 G."""
    cost = ti.models.create("raspp_mobilenet_v2").cost()
    assert cost.params == pytest.approx(2.11e6, rel=0.005)
    assert cost.macs == pytest.approx(2.75e9, rel=0.02)


@pytest.mark.parametrize(("output_stride", "side"), [(8, 16), (16, 8), (32, 4)])
def test_strides_beyond_the_output_stride_dilate(output_stride: int, side: int) -> None:
    graph = ti.models.build("raspp_mobilenet_v2", output_stride=output_stride)
    types = graph.infer_types({"input": (1, 3, 128, 128)})
    assert types["classifier.project.2"].shape[2:] == (side, side)
    dilations = [n.op.dilation[0] for n in graph.nodes if isinstance(n.op, Conv2d) and n.op.groups > 1]
    assert max(dilations) == 32 // output_stride
    assert dilations == sorted(dilations)


@pytest.mark.parametrize(("name", "block", "channels"), [("large", "backbone.4", 40), ("small", "backbone.2", 24)])
def test_the_head_of_lr_aspp_looks_at_a_map_of_stride_8(name: str, block: str, channels: int) -> None:
    """Howard et al. 2019, figure 10."""
    graph = ti.models.build(f"lraspp_mobilenet_v3_{name}")
    (low,) = (node for node in graph.nodes if node.name == "classifier.low_classifier")
    assert low.inputs[0].startswith(f"{block}.")
    assert graph.infer_types({"input": (1, 3, 64, 64)})[low.inputs[0]].shape == (1, channels, 8, 8)


def test_a_checkpoint_of_mobilenet_v2_is_the_backbone_of_r_aspp() -> None:
    """The backbone's keys are the classifier's under another name, dilated or not."""
    backbone = {
        key.removeprefix("backbone."): array.shape
        for key, array in ti.models.build("raspp_mobilenet_v2").weights.items()
        if key.startswith("backbone.")
    }
    classifier = ti.models.build("mobilenet_v2").weights
    assert backbone == {key: classifier[f"features.{key}"].shape for key in backbone}
    assert len(backbone) == len(classifier) - 5 - 2  # less the last 1x1 with its norm, and the linear layer
