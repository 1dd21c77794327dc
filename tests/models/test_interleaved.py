"""IGC, clcNet and Deep Roots: group convolutions that mix nonetheless, as their papers say, and their knobs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.zoo import clcnet, igcnet
from tinyinfer.ops.convolution.conv2d import Conv2d

PLAIN = Style("identity")
SHAPES = st.tuples(st.integers(1, 2), st.just(3), st.integers(33, 50), st.integers(33, 50))


def paths(b: Builder, output: str, channels: int) -> np.ndarray:
    """How many paths lead from each input channel (axis 1) to each output channel (axis 0) of a linear block."""
    graph = b.finish(output)
    for key in graph.weights:
        shape = graph.weights.shape(key)
        tap = np.ones(shape, np.float32)
        if len(shape) == 4:  # the middle of a window alone
            tap[...] = 0
            tap[:, :, shape[2] // 2, shape[3] // 2] = 1
        graph.weights[key] = np.zeros(shape, np.float32) if key.endswith(("bias", "mean")) else tap
    x = np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1)
    return np.rint(ti.Model(graph, kernels="reference")(x)[:, :, 0, 0].T)


def test_igc_leads_from_every_channel_to_every_other_by_one_path() -> None:
    """Zhang et al., section 3.2."""
    b = Builder()
    x = igcnet._interleaved(b, b.input(12, 1), (4, 3), "block", 1, PLAIN)
    np.testing.assert_array_equal(paths(b, x, 12), np.ones((12, 12)))


@pytest.mark.parametrize("widths", [(4, 4), (2, 2, 2), (2, 8), (4, 2, 3)])
def test_igcv2_leads_from_every_channel_to_every_other_by_one_path(widths: tuple[int, ...]) -> None:
    """Xie et al., section 3.2: the complementary condition."""
    b, channels = Builder(), int(np.prod(widths))
    x = igcnet._structured(b, b.input(channels, 1), channels, widths, "block", 1, PLAIN)
    np.testing.assert_array_equal(paths(b, x, channels), np.ones((channels, channels)))


def test_clc_blocks_lead_from_every_channel_to_every_other() -> None:
    b = Builder()
    x = clcnet._block(b, b.input(8, 1), 12, "block", 1, 2, 2, PLAIN)
    np.testing.assert_array_equal(paths(b, x, 8), np.ones((12, 8)))


def test_igcv3_interleaves_and_puts_back() -> None:
    """The two shuffles of a block undo each other where it keeps its number of channels."""
    nodes = {node.name: node.op for node in ti.models.build("igcv3_d_1x").nodes}
    x = np.arange(24.0).reshape(1, 24, 1, 1)
    for op in (nodes["features.2.conv.9"], ti.ops.create("channel_shuffle", {"groups": 2})):
        (x,) = op.reference([x], {})  # type: ignore[attr-defined]
    np.testing.assert_array_equal(x.ravel(), np.arange(24.0))


def test_pytorchcvs_igcv3_neither_activates_the_expansion_nor_puts_back() -> None:
    block = [node.op.name for node in ti.models.build("igcv3_w1").nodes if node.name.startswith("features.2.conv")]
    conv, shuffle = ["conv2d", "batch_norm"], ["channel_shuffle"]
    assert block == [*conv, *shuffle, *conv, "relu6", *conv]


def test_igcv3_for_cifar_ends_in_4x4() -> None:
    graph = ti.models.build("igcv3_d_1x_cifar")
    (pool,) = (node for node in graph.nodes if node.op.name == "adaptive_avg_pool2d")
    assert graph.infer_types()[pool.inputs[0]].shape[2:] == (4, 4)


def groups_of(graph: Graph) -> dict[str, int]:
    """Groups of each convolution."""
    return {node.name: node.op.groups for node in graph.nodes if isinstance(node.op, Conv2d)}


def test_roots_have_fewer_groups_with_depth() -> None:
    groups = groups_of(ti.models.build("resnet50_root16"))
    assert [groups[f"layer{stage}.0.conv2"] for stage in (1, 2, 3, 4)] == [16, 8, 4, 2]
    assert {groups[f"layer{stage}.0.conv{i}"] for stage in (1, 2, 3, 4) for i in (1, 3)} == {1}
    assert [groups_of(ti.models.build("nin_root8"))[f"conv{i}a"] for i in (1, 2, 3)] == [1, 8, 4]


@settings(max_examples=8)
@given(
    network=st.sampled_from([
        ("igcv3_d_1x", {"groups": 4, "table": ((1, 16, 1, 1), (6, 24, 2, 2))}),
        ("igcv3_d_1x", {"width": 0.25}),
        ("igc_l24m2_d20", {"primary": 5, "secondary": 3, "blocks": 2}),
        ("igc_l100m2_imagenet", {"primary": 6, "secondary": 4}),
        ("igc_l4m32_imagenet", {"primary": 2, "secondary": 3, "small_input": True}),
        ("igcv2_c64", {"group_width": 4, "layers": 3, "blocks": 1}),
        ("clcnet_a", {"width": 0.3, "group_width": 4, "groups": 3}),
        ("nin_root4", {"width": 0.4}),
        ("resnet50_root64", {"width": 0.3, "depths": (1, 1, 2, 1)}),
    ]),
    classes=st.integers(1, 9),
    padding=st.sampled_from(["symmetric", "same"]),
    shape=SHAPES,
)  # fmt: skip
def test_all_knobs(
    network: tuple[str, dict[str, Any]], classes: int, padding: str, shape: tuple[int, int, int, int]
) -> None:
    name, knobs = network
    check_builds_and_runs(name, shape, "reference", num_classes=classes, padding=padding, **knobs)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("igcv2_c64", {"group_width": 3}, "group_width"),
        ("clcnet_a", {"repeats": (1, 1)}, "repeats"),
        ("nin_root4", {"groups": (1, 4)}, "groups"),
        ("resnet50_root4", {"groups": (4, 2, 0, 1)}, "groups"),
        ("igcv3_d_1x", {"table": ((0, 16, 1, 1),)}, "expansions"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
