"""What the papers say of MobileNet V1, V3 and V4 and of the networks that searches found, and their knobs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.graph import Graph, Node
from tinyinfer.ops.convolution.conv2d import Conv2d

NETWORKS = [
    "mobilenet_v1",
    "mobilenet_v1_conv",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "tf_mobilenetv3_small_minimal_100",
    "mobilenetv4_conv_small",
    "mnasnet1_0",
    "semnasnet_100",
    "fbnetc_100",
    "spnasnet_100",
    "hardcorenas_a",
    "rexnet_100",
]


@settings(max_examples=15)
@given(
    name=st.sampled_from(NETWORKS),
    width=st.sampled_from([0.1, 0.25, 0.35, 0.5, 0.75]),
    classes=st.integers(1, 37),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    height=st.integers(33, 50),
    side=st.integers(33, 50),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_a_network_that_runs(
    name: str, width: float, classes: int, padding: str, small: bool, height: int, side: int, batch: int
) -> None:
    check_builds_and_runs(
        name,
        (batch, 3, height, side),
        kernels="reference",
        width=width,
        num_classes=classes,
        padding=padding,
        small_input=small,
    )


# -- MobileNet V1 -----------------------------------------------------------------------------------


def spent(model: ti.Model) -> tuple[Counter[str], Counter[str]]:
    """Mult-adds and parameters by the kinds of layer of MobileNet's table 2; its convolutions have no biases."""
    macs: Counter[str] = Counter()
    params: Counter[str] = Counter()
    kinds = {node.name: _kind(node, model.graph) for node in model.graph.nodes if node.op.name in ("conv2d", "linear")}
    for row in model.cost().rows:
        if row.name in kinds:
            macs[kinds[row.name]] += row.macs
            params[kinds[row.name]] += row.params
    return macs, params


def _kind(node: Node, graph: Graph) -> str:
    if not isinstance(node.op, Conv2d):
        return "linear"
    return "depthwise" if node.op.groups > 1 else "1x1" if graph.weights[node.params["weight"]].shape[2] == 1 else "3x3"


def test_mobilenet_v1_spends_nearly_everything_in_1x1_convolutions() -> None:
    """Howard et al., table 2: per cent of mult-adds and of parameters."""
    table = {"1x1": (94.86, 74.59), "depthwise": (3.06, 1.06), "3x3": (1.19, 0.02), "linear": (0.18, 24.33)}
    macs, params = spent(ti.models.create("mobilenet_v1"))
    for kind, expected in table.items():
        found = (100 * macs[kind] / macs.total(), 100 * params[kind] / params.total())
        assert found == pytest.approx(expected, abs=0.8), kind


def test_depthwise_separable_convolutions_save_eight_to_nine_times() -> None:
    """Howard et al., section 3.1 and table 4; 28.3 M of the standard network's parameters are its convolutions'."""
    standard, separable = (ti.models.create(name) for name in ("mobilenet_v1_conv", "mobilenet_v1"))
    assert 8 < standard.cost().macs / separable.cost().macs < 9
    _, params = spent(standard)
    assert params["3x3"] == pytest.approx(28.3e6, rel=0.002)


@pytest.mark.parametrize(("size", "macs"), [(224, 569e6), (192, 418e6), (160, 290e6), (128, 186e6)])
def test_resolutions_of_mobilenet_v1(size: int, macs: float) -> None:
    """Howard et al., table 7."""
    assert ti.models.create("mobilenet_v1", resolution=size).cost().macs == pytest.approx(macs, rel=0.005)


# -- MobileNet V3 -----------------------------------------------------------------------------------


def test_attention_of_mobilenet_v3_stands_behind_the_depthwise_and_its_activation() -> None:
    """Howard et al. 2019, figure 4 and section 5.3: a quarter of the channels, gated by a hard sigmoid."""
    nodes = {node.name: node for node in ti.models.build("mobilenet_v3_small").nodes}
    order = list(nodes)
    block = order[order.index("features.4.block.1.0") : order.index("features.4.block.3.0")]
    assert [nodes[name].op.name for name in block] == [
        *("conv2d", "batch_norm", "hardswish"),
        *("adaptive_avg_pool2d", "conv2d", "relu", "conv2d", "hardsigmoid", "mul"),
    ]
    assert ti.models.build("mobilenet_v3_small").weights["features.4.block.2.fc1.weight"].shape[:2] == (96 // 4, 96)
    first = {node.name: node for node in ti.models.build("mobilenet_v3_small", attention_first=True).nodes}
    assert first["features.4.block.1.2"].inputs == ("features.4.block.2.mul",)
    assert first["features.1.block.0.2"].inputs == ("features.1.block.0.1",)  # not in the block without expansion


def test_the_head_of_mobilenet_v3_has_no_norm() -> None:
    """Howard et al. 2019, tables 1 and 2: NBN behind the pooling, h-swish between its two layers."""
    for name in ("mobilenet_v3_large", "mobilenet_v3_small"):
        ops = [node.op.name for node in ti.models.build(name).nodes]
        head = ops[len(ops) - ops[::-1].index("adaptive_avg_pool2d") - 1 :]
        assert head == ["adaptive_avg_pool2d", "flatten", "linear", "hardswish", "dropout", "linear"]


def test_nonlinearities_of_mobilenet_v3() -> None:
    """Howard et al. 2019, section 5.2: ReLU where maps are large, h-swish in the stem and from half the depth on."""
    nodes = [n for n in ti.models.build("mobilenet_v3_large").nodes if n.op.name in ("relu", "hardswish")]
    blocks = {int(n.name.split(".")[1]): n.op.name for n in nodes if "activation" not in n.name and "feat" in n.name}
    assert [blocks[i] for i in range(17)] == ["hardswish", *["relu"] * 6, *["hardswish"] * 10]
    minimal = {node.op.name for node in ti.models.build("tf_mobilenetv3_large_minimal_100").nodes}
    assert "relu" in minimal
    assert not minimal & {"hardswish", "hardsigmoid", "mul"}


@pytest.mark.parametrize(("output_stride", "side", "dilations"), [(32, 2, {1}), (16, 4, {1, 2}), (8, 8, {1, 2, 4})])
def test_output_stride_of_mobilenet_v3(output_stride: int, side: int, dilations: set[int]) -> None:
    graph = ti.models.build("mobilenet_v3_large", output_stride=output_stride)
    assert graph.infer_types({"input": (1, 3, 64, 64)})["features.16.2"].shape[2:] == (side, side)
    assert {node.op.dilation[0] for node in graph.nodes if isinstance(node.op, Conv2d)} == dilations


def test_the_reduced_tail_of_mobilenet_v3_halves_its_last_stage() -> None:
    """Howard et al. 2019, section 6.4."""
    full, reduced = (ti.models.build("mobilenet_v3_large", reduced_tail=half).weights for half in (False, True))
    assert (full["features.12.block.3.0.weight"].shape) == (reduced["features.12.block.3.0.weight"].shape)
    for key in ("features.14.block.3.0.weight", "features.16.0.weight", "classifier.0.weight"):
        assert full[key].shape[:2] == tuple(2 * c for c in reduced[key].shape[:2])


def test_two_rules_of_width() -> None:
    """The authors' code expands a block by the table's ratio from its real input, torchvision scales the table."""
    ours, theirs = (
        ti.models.build("mobilenet_v3_small", width=0.75, widths=rule) for rule in ("torchvision", "tensorflow")
    )
    key = "features.2.block.0.0.weight"
    assert (ours.weights[key].shape[0], theirs.weights[key].shape[0]) == (56, 72)
    assert (ours.weights["classifier.0.weight"].shape[0], theirs.weights["classifier.0.weight"].shape[0]) == (768, 1024)


# -- MobileNet V4 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernels", "layers"),
    [
        ((3, 5), ["dw_start", "pw_exp", "dw_mid", "pw_proj"]),  # extra depthwise
        ((0, 3), ["pw_exp", "dw_mid", "pw_proj"]),  # the inverted bottleneck of V2
        ((3, 0), ["dw_start", "pw_exp", "pw_proj"]),  # ConvNeXt's
        ((0, 0), ["pw_exp", "pw_proj"]),  # a feed-forward network's
    ],
)
def test_the_universal_block_can_be_its_four_forerunners(kernels: tuple[int, int], layers: list[str]) -> None:
    """Qin et al. 2024, figure 4: the stride is the last depthwise's; the first depthwise has no activation."""
    table = [[("uib", *kernels, 4, 48, 1, 2 if any(kernels) else 1)]]
    graph = ti.models.build("mobilenetv4_conv_small", table=table, resolution=32)
    nodes = [node for node in graph.nodes if node.name.startswith("blocks.")]
    assert [node.name.split(".")[3] for node in nodes if node.op.name == "conv2d"] == layers
    assert {node.name.split(".")[3] for node in nodes if node.op.name == "relu"} == {"pw_exp", "dw_mid"} & set(layers)
    strided = [n.name.split(".")[3] for n in nodes if isinstance(n.op, Conv2d) and n.op.stride == (2, 2)]
    assert strided == [layer for layer in layers if layer.startswith("dw")][-1:]


# -- networks that searches found -------------------------------------------------------------------


def test_the_depth_multiplier_of_mnasnet_leaves_the_head() -> None:
    """Tan et al. 2019, section 4.1: channels of every layer are scaled; the reference keeps 1280 at the end."""
    half = ti.models.build("mnasnet1_0", depth_multiplier=0.5).weights
    assert half["layers.0.weight"].shape[0] == 16
    assert half["layers.14.weight"].shape[:2] == (1280, 160)


def test_attention_of_mnasnet_keeps_a_quarter_of_the_blocks_input() -> None:
    weights = ti.models.build("semnasnet_100").weights
    assert weights["layers.9.1.se.fc1.weight"].shape[:2] == (40 // 4, 3 * 40)
    assert not any("layers.8" in key and "se." in key for key in weights)


def test_only_the_small_mnasnet_adds_the_input_of_its_first_block() -> None:
    first = {name: {node.name for node in ti.models.build(name).nodes} for name in ("mnasnet_small", "mnasnet1_0")}
    assert [name for name, nodes in first.items() if "layers.7.add" in nodes] == ["mnasnet_small"]
    assert "layers.7.add" not in {node.name for node in ti.models.build("mnasnet1_0", first=32).nodes}


def test_an_expansion_of_one_keeps_its_layer_in_fbnet() -> None:
    """Wu et al. 2019, figure 3: a block's first 1x1 is there for e = 1 too; a separable block has none."""
    assert "blocks.0.0.conv_pwl.weight" in ti.models.build("fbnetc_100").weights
    assert "blocks.0.0.conv_pwl.weight" not in ti.models.build("spnasnet_100").weights


def test_the_two_designs_differ_in_head_and_nonlinearity() -> None:
    ops = {name: [node.op.name for node in ti.models.build(name).nodes] for name in ("fbnetc_100", "hardcorenas_a")}
    assert ops["fbnetc_100"][-5:] == ["relu", "adaptive_avg_pool2d", "flatten", "dropout", "linear"]
    assert ops["hardcorenas_a"][-6:] == ["adaptive_avg_pool2d", "conv2d", "hardswish", "flatten", "dropout", "linear"]
    graph = ti.models.build("hardcorenas_a")
    kinds = {node.name: node.op.name for node in graph.nodes if node.name.endswith(("act1", "act2"))}
    assert [kinds[f"blocks.{stage}.0.act1"] for stage in range(6)] == ["relu"] * 3 + ["hardswish"] * 3


def test_channels_of_rexnet_grow_along_a_line() -> None:
    """Han et al. 2021, section 4.2: every block adds channels, and its shortcut only reaches those it had."""
    weights = ti.models.build("rexnet_100").weights
    sizes = [weights[f"features.{i}.conv_pwl.conv.weight"].shape[0] for i in range(16)]
    assert (sizes[0], sizes[-1]) == (16, 185)
    assert {after - before for before, after in pairwise(sizes)} == {11, 12}
    model = ti.Model(ti.models.create("rexnet_100", width=0.5).graph, kernels="reference")
    x = np.random.default_rng(0).standard_normal((1, 3, 40, 36), np.float32)
    ends = ("features.1.conv_pwl.bn", "features.2.conv_pwl.bn", "features.2.concat")
    entry, inner, out = (model.run({"input": x}, capture=ends)[end] for end in ends)
    np.testing.assert_allclose(out[:, : entry.shape[1]], inner[:, : entry.shape[1]] + entry, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[:, entry.shape[1] :], inner[:, entry.shape[1] :])
