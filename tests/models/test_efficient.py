"""What the papers say of EfficientNet, TinyNet, GhostNet, AsymmNet and SqueezeNext, and their knobs."""

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
from tinyinfer.formats.state_dict import map_keys
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.ghost import ghost_module
from tinyinfer.models.zoo.efficientnet import ALPHA, BETA, GAMMA, compound
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.normalization.batch_norm import BatchNorm
from tinyinfer.profiling.cost import cost

OWN_KNOBS: dict[str, dict[str, list[Any]]] = {
    "efficientnet_b0": {"depth": [0.4, 1.0], "padding": ["symmetric", "same", "nominal"], "lite": [False, True]},
    "efficientnet_v2_s": {"depth": [0.1, 0.3]},
    "tinynet_e": {"depth": [0.3, 0.6]},
    "ghostnet_100": {"ratio": [1, 2, 3, 5], "cheap_kernel": [1, 3, 5]},
    "ghostnetv2_100": {"ratio": [2, 3], "cheap_kernel": [1, 3]},
    "asymmnet_large": {"asymmetry": [0, 1, 2]},
    "asymmnet_small": {"asymmetry": [0, 1, 2]},
    "sqnxt23_w1": {"blocks": [(1, 2, 1, 1), (2, 1, 1, 2)], "stem_kernel": [3, 5, 7]},
}


@settings(max_examples=12)
@given(
    data=st.data(),
    name=st.sampled_from(sorted(OWN_KNOBS)),
    width=st.sampled_from([0.1, 0.25, 0.35, 0.5]),
    classes=st.integers(1, 37),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    height=st.integers(33, 50),
    side=st.integers(33, 50),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_a_network_that_runs(
    data: st.DataObject,
    name: str,
    width: float,
    classes: int,
    padding: str,
    small: bool,
    height: int,
    side: int,
    batch: int,
) -> None:
    own = {knob: data.draw(st.sampled_from(values), label=knob) for knob, values in OWN_KNOBS[name].items()}
    knobs = {"width": width, "num_classes": classes, "padding": padding, "small_input": small, **own}
    check_builds_and_runs(name, (batch, 3, height, side), kernels="reference", **knobs)


def macs(name: str, **knobs: Any) -> int:
    return cost(ti.models.build(name, **knobs)).macs


def reference(name: str, **knobs: Any) -> ti.Model:
    """The network on the textbook kernels, which need no compiling."""
    return ti.Model(ti.models.create(name, **knobs).graph, kernels="reference")


def convolutions(name: str, **knobs: Any) -> list[Conv2d]:
    return [node.op for node in ti.models.build(name, **knobs).nodes if isinstance(node.op, Conv2d)]


# -- EfficientNet and TinyNet ------------------------------------------------------------------------


def test_compound_scaling_doubles_the_mult_adds() -> None:
    """Tan and Le, equation 3: alpha * beta^2 * gamma^2 is about 2, found on a grid of steps of 0.05."""
    assert pytest.approx(2, abs=0.1) == ALPHA * BETA**2 * GAMMA**2
    assert macs("efficientnet_b0", phi=0) == macs("efficientnet_b0")
    for phi in range(3, 8):  # the first step pays for all layers that are rounded up
        growth = (macs("efficientnet_b0", phi=phi) / macs("efficientnet_b0")) ** (1 / phi)
        assert growth == pytest.approx(ALPHA * BETA**2 * GAMMA**2, rel=0.06)


def test_the_released_b2_is_phi_1() -> None:
    width, depth, resolution = compound(1)
    knobs = ti.models.describe("efficientnet_b2")["knobs"]
    assert (knobs["width"], knobs["depth"]) == (width, depth)
    assert knobs["resolution"] == pytest.approx(resolution, rel=0.01)


def test_phi_leaves_room_for_a_resolution_of_ones_own() -> None:
    sizes: list[dict[str, Any]] = [{}, {"resolution": 96}, {"small_input": True}]
    built = [ti.models.build("efficientnet_b0", phi=1, **knobs).inputs[0].nominal[-1] for knobs in sizes]
    assert built == [258, 96, 32]


def test_the_lite_networks_leave_their_ends_unscaled() -> None:
    graph = ti.models.build("efficientnet_lite4")
    blocks = {tuple(node.name.split(".")[1:3]) for node in graph.nodes if ".block." in node.name}
    assert [sum(stage == str(i) for stage, _ in blocks) for i in range(1, 8)] == [1, 4, 4, 6, 6, 8, 1]
    assert graph.weights["features.0.0.weight"].shape[0] == 32
    assert graph.weights["features.8.0.weight"].shape[0] == 1280
    assert {"mul", "silu"}.isdisjoint(node.op.name for node in graph.nodes)


@pytest.mark.parametrize(
    ("name", "eps"),
    [("efficientnet_b4", 1e-5), ("efficientnet_b5", 1e-3), ("tf_efficientnet_b0", 1e-3), ("tf_efficientnet_b5", 1e-3)],
)
def test_the_eps_of_torchvisions_and_of_tensorflows_networks(name: str, eps: float) -> None:
    assert {node.op.eps for node in ti.models.build(name).nodes if isinstance(node.op, BatchNorm)} == {eps}


def test_nominal_padding_is_same_padding_that_stays_when_the_picture_changes() -> None:
    nominal, same = (ti.models.build("efficientnet_b0", padding=kind) for kind in ("nominal", "same"))
    strided = [op.padding for op in convolutions("efficientnet_b0", padding="nominal") if op.stride == (2, 2)]
    assert strided == [(0, 1, 0, 1), (0, 1, 0, 1), (1, 2, 1, 2), (0, 1, 0, 1), (1, 2, 1, 2)]
    for size, equal in ((224, True), (193, False)):
        assert (_pads(nominal, size) == _pads(same, size)) is equal


def _pads(graph: Graph, size: int) -> list[tuple[int, ...]]:
    """What the convolutions of a network pad a square picture of this size by."""
    types = graph.infer_types({"input": (1, 3, size, size)})
    found: list[tuple[int, ...]] = []
    for node in graph.nodes:
        if isinstance(node.op, Conv2d):
            side, kernel = types[node.inputs[0]].shape[-1], graph.weights[node.params["weight"]].shape[-1]
            found.append(node.op.pads((side, side), (kernel, kernel)))
    return found


def test_the_first_stages_of_v2_are_fused() -> None:
    """Tan and Le 2021, table 4: no depthwise and no squeeze before the maps are a sixteenth of the picture's side."""
    graph = ti.models.build("efficientnet_v2_s")
    depthwise = {name.split(".")[1] for name in _names(graph) if graph.weights[f"{name}.weight"].shape[1] == 1}
    squeezed = {name.split(".")[1] for name in _names(graph) if ".fc1" in name}
    assert depthwise == squeezed == {"4", "5", "6"}


def _names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes if isinstance(node.op, Conv2d)]


@pytest.mark.parametrize(
    ("key", "ours"),
    [
        ("conv_stem.weight", "features.0.0.weight"),
        ("blocks.0.1.conv.weight", "features.1.1.block.0.0.weight"),
        ("blocks.2.3.conv_exp.weight", "features.3.3.block.0.0.weight"),
        ("blocks.2.3.bn2.bias", "features.3.3.block.1.1.bias"),
        ("blocks.3.0.se.conv_reduce.bias", "features.4.0.block.2.fc1.bias"),
        ("blocks.5.14.conv_pwl.weight", "features.6.14.block.3.0.weight"),
        ("bn2.weight", "features.7.1.weight"),
    ],
)
def test_timms_names_of_v2(key: str, ours: str) -> None:
    rows = ti.models.key_layouts("tf_efficientnetv2_s")["timm"].rows
    graph = ti.models.build("tf_efficientnetv2_s")
    assert list(map_keys({key: np.zeros(1)}, rows)) == [ours]
    assert ours in graph.weights


def test_tinynet_unscaled_is_efficientnet_b0() -> None:
    tiny, base = (
        ti.models.build(name, width=1.0, depth=1.0, resolution=224) for name in ("tinynet_c", "efficientnet_b0")
    )
    assert [node.op for node in tiny.nodes] == [node.op for node in base.nodes]
    assert {k: v.shape for k, v in tiny.weights.items()} == {k: v.shape for k, v in base.weights.items()}


def test_the_tinynets_shrink_from_a_to_e() -> None:
    """Han et al.: from 339 M mult-adds, near EfficientNet-B0's, to 24 M."""
    costs = [macs(f"tinynet_{letter}") for letter in "abcde"]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] / costs[-1] == pytest.approx(339 / 24, rel=0.03)


# -- GhostNet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize("channels", [12, 96])
def test_the_ghost_modules_speed_up(ratio: int, channels: int) -> None:
    """Han et al., equation 4: s * c / (s + c - 1) times fewer mult-adds where both kernels are of one size."""

    def spent(s: int) -> int:
        b = Builder()
        x = ghost_module(b, b.input(channels, 14), 48, 3, name="ghost", style=Style(), ratio=s, cheap_kernel=3)
        return cost(b.finish(x)).macs

    assert spent(1) / spent(ratio) == pytest.approx(ratio * channels / (ratio + channels - 1), rel=1e-9)


def test_uneven_ghosts_are_cut_to_the_asked_channels() -> None:
    graph = ti.models.build("ghostnet_100", ratio=3, cheap_kernel=5)
    assert graph.weights["blocks.0.0.ghost1.primary_conv.0.weight"].shape == (6, 16, 1, 1)
    assert graph.weights["blocks.0.0.ghost1.cheap_operation.0.weight"].shape == (12, 1, 5, 5)
    types = graph.infer_types()
    assert types["blocks.0.0.ghost1.concat"].shape[1] == 18
    assert types["blocks.0.0.ghost1.slice"].shape[1] == 16


def test_the_long_range_attention_takes_the_maps_size_whatever_the_picture() -> None:
    """GhostNetV2 halves the map for its attention; rows and columns left over by an odd size get a gate too."""
    model = reference("ghostnetv2_100", width=0.25, num_classes=3)
    x = np.random.default_rng(0).standard_normal((1, 3, 75, 103), np.float32)
    seen = model.run({"input": x}, capture=["blocks.2.0.ghost1.gate", "blocks.2.0.ghost1.resize"])
    gate, resized = seen["blocks.2.0.ghost1.gate"], seen["blocks.2.0.ghost1.resize"]
    assert (gate.shape[2:], resized.shape[2:]) == ((9, 13), (19, 26))
    np.testing.assert_array_equal(resized[..., 18, 25], gate[..., 8, 12])


# -- AsymmNet ----------------------------------------------------------------------------------------


def test_the_asymmetrical_bottleneck_sees_more_channels_for_about_the_same_mult_adds() -> None:
    """Yang et al., figure 2: the first 1x1 makes t - r times the input, the depthwise sees t + r times."""
    shapes = [ti.models.build("asymmnet_large", asymmetry=r).weights for r in (0, 1, 2)]
    assert [w["asymm_block.6.expand.conv.weight"].shape[0] for w in shapes] == [240, 200, 160]
    assert [w["asymm_block.6.dw_conv.conv.weight"].shape[0] for w in shapes] == [240, 280, 320]
    assert macs("asymmnet_large") / macs("asymmnet_large", asymmetry=0) == pytest.approx(1, abs=0.05)


def test_the_asymmetrical_bottlenecks_order_is_input_expansion_input() -> None:
    model = reference("asymmnet_small", num_classes=3)
    x = np.random.default_rng(0).standard_normal((1, 3, 64, 64), np.float32)
    seen = model.run({"input": x}, capture=["asymm_block.0.pw_conv_linear.bn", "asymm_block.1.concat"])
    entry, joined = seen["asymm_block.0.pw_conv_linear.bn"], seen["asymm_block.1.concat"]
    np.testing.assert_allclose(joined[:, :16], entry, rtol=1e-6)
    np.testing.assert_allclose(joined[:, -16:], entry, rtol=1e-6)


# -- SqueezeNext -------------------------------------------------------------------------------------


def test_the_fifth_variation_moves_blocks_at_equal_cost() -> None:
    """Gholami et al., section 4: as many blocks and mult-adds, more parameters."""
    first, fifth = (cost(ti.models.build(name)) for name in ("sqnxt23_w1", "sqnxt23v5_w1"))
    assert fifth.macs / first.macs == pytest.approx(1, abs=0.01)
    assert fifth.params > 1.25 * first.params


def test_the_papers_pictures_of_squeezenext() -> None:
    assert cost(ti.models.build("sqnxt23_w1"), {"input": (1, 3, 227, 227)}).macs == pytest.approx(282e6, rel=0.02)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("efficientnet_b0", {"phi": -1}, "phi"),
        ("efficientnet_b0", {"padding": "valid"}, "padding"),
        ("ghostnet_100", {"ratio": 0}, "ratio"),
        ("asymmnet_large", {"asymmetry": 3}, "asymmetry"),
        ("sqnxt23_w1", {"blocks": (6, 6, 8)}, "blocks"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
