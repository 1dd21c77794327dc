"""The networks for 32x32 pictures that are trained here: what makes each small, and the knobs that only they set."""

from __future__ import annotations

import math

import pytest

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.profiling.cost import cost

NETWORKS = [
    "asymmnet_cifar",
    "densenet_cifar",
    "efficientnet_cifar",
    "ghostnet_cifar",
    "mobilenet_v1_cifar",
    "mobilenet_v2_cifar",
    "mobilenet_v3_cifar",
    "repvgg_cifar",
    "resnet20_s2",
    "shiftnet_cifar",
    "shufflenet_v1_cifar",
    "shufflenet_v2_cifar",
    "squeezenet_cifar",
]


@pytest.mark.parametrize("name", NETWORKS)
def test_they_keep_their_budget(name: str) -> None:
    graph = ti.models.build(name)
    assert cost(graph).macs <= 10_200_000
    assert sum(math.prod(graph.weights.shape(key)) for key in graph.weights) <= 300_000  # of two bytes
    assert graph.inputs[0].nominal == (1, 3, 32, 32)
    assert graph.output_shapes()[0][1] == (None, 10)
    assert ti.models.describe(name)["labels"][0] == "airplane"


def test_a_stem_of_stride_2_takes_all_of_a_resnet_at_half_the_size() -> None:
    usual, halved = cost(ti.models.build("resnet20")), cost(ti.models.build("resnet20_s2"))
    assert halved.params == usual.params
    assert halved.macs == pytest.approx(usual.macs / 4, rel=0.001)  # all but the classifier


def test_channels_stand_in_a_columns_place() -> None:
    column = {"channels": (48, 96, 192, 1024)}
    assert cost(ti.models.build("shufflenet_v2_x1_0", **column)).macs == 40_476_448  # that of x0.5
    with pytest.raises(InputError, match=r"channels: expected those of 3 stages and a convolution, found \(48, 96\)"):
        ti.models.build("shufflenet_v2_cifar", channels=(48, 96))


def test_stems_and_heads_can_be_chosen() -> None:
    for name, knobs, key, channels in (
        ("mobilenet_v1", {"stem": 24}, "conv_stem.weight", 24),
        ("mobilenet_v1", {"stem": 32, "width": 0.5}, "conv_stem.weight", 16),
        ("efficientnet_b0", {"stem": 16}, "features.0.0.weight", 16),
        ("efficientnet_b0", {"head": 640}, "features.8.0.weight", 640),
        ("ghostnet_100", {"stem": 8}, "conv_stem.weight", 8),
        ("ghostnet_100", {"squeezed": 240}, "blocks.9.0.conv.weight", 240),
        ("ghostnet_100", {"head": 192}, "conv_head.weight", 192),
    ):
        assert ti.models.build(name, **knobs).weights.shape(key)[0] == channels


def test_densenets_stem_may_keep_its_pixels() -> None:
    graph = ti.models.build("densenet121", stem_kernel=3, stem_pool=False, resolution=32)
    assert graph.weights.shape("features.conv0.weight")[2:] == (3, 3)
    assert graph.infer_types()["features.denseblock1.denselayer1.conv1"].shape[2:] == (16, 16)
