"""What the papers say of AlexNet, VGG, the Inceptions, Xception, FractalNet, PolyNet and GUNN, and their knobs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.profiling.cost import cost

# what keeps a network of the small form small
SHALLOW: dict[str, dict[str, Any]] = {
    "alexnet": {"hidden": 48},
    "alexnet_original": {"hidden": 48},
    "vgg11": {"hidden": 24},
    "vgg16_bn": {"hidden": 24, "dense": True},
    "vgg16_c": {"hidden": 24},
    "googlenet": {"transform_input": True},
    "googlenet_original": {},
    "inception_v3": {"transform_input": True},
    "inception_v4": {"depths": (1, 2, 1)},
    "inception_resnet_v2": {"depths": (2, 1, 1), "scales": (0.1, 0.2, 0.3)},
    "xception": {"middle": 1},
    "fractalnet20": {"channels": (16, 32)},
    "fractalnet_c3_gap_doubling_cifar": {"channels": (16, 32)},
    "bninception": {},
    "fractalnet34": {"channels": (8, 16), "columns": 2, "column": 1},
    "gunn15": {"table": ((48, 3), (60, 5))},
    "gunn18": {"table": ((48, 3), (60, 5))},
    "polynet": {"modules": (("2-way",), ("poly-3", "1-way"), ("poly-2",))},
}


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(SHALLOW)),
    width=st.sampled_from([0.1, 0.25, 0.4]),
    classes=st.integers(1, 37),
    height=st.integers(32, 47),
    side=st.integers(32, 47),
    batch=st.integers(1, 3),
)
def test_every_knob_gives_a_network_that_runs(
    name: str, width: float, classes: int, height: int, side: int, batch: int
) -> None:
    if name == "bninception":  # beside a convolution of stride 2 it has a pool that counts up
        height, side = 32, 32 + side % 2 * 32
    knobs = {"width": width, "num_classes": classes, "small_input": True, **SHALLOW[name]}
    check_builds_and_runs(name, (batch, 3, height, side), kernels="reference", **knobs)


def test_the_accesses_of_alexnet_to_memory() -> None:
    """Sze et al. 2017, section V: four accesses for each of 724 M mult-adds are 2,896 M."""
    macs = cost(ti.models.build("alexnet_original")).macs
    assert 4 * round(macs / 1e6) == 2896


def test_alexnets_groups_are_the_two_gpus() -> None:
    graph = ti.models.build("alexnet_original")
    convs = [node for node in graph.nodes if node.op.name == "conv2d"]
    assert [node.op.attrs["groups"] for node in convs] == [1, 2, 1, 2, 2]
    norms = [node for node in graph.nodes if node.op.name == "local_response_norm"]
    assert [graph.producers()[node.inputs[0]].op.name for node in norms] == ["relu", "relu"]
    assert [graph.consumers()[node.outputs[0]][0].op.name for node in norms] == ["max_pool2d", "max_pool2d"]


@pytest.mark.parametrize(
    ("name", "layers"), [("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg16_c", 16), ("vgg19", 19)]
)
def test_vggs_are_called_after_their_weight_layers(name: str, layers: int) -> None:
    assert Counter(node.op.name in ("conv2d", "linear") for node in ti.models.build(name).nodes)[True] == layers


def test_vggs_fully_connected_layers_are_convolutions() -> None:
    """Simonyan and Zisserman, section 3.2."""
    plain = ti.models.create("vgg11", width=0.1, hidden=16, small_input=True)
    dense = ti.models.build("vgg11", width=0.1, hidden=16, small_input=True, dense=True)
    for key in dense.weights:
        dense.weights[key] = plain.graph.weights[key].reshape(dense.weights[key].shape)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)
    slid = ti.Model(dense, kernels="reference")(x)
    np.testing.assert_allclose(slid, ti.Model(plain.graph, kernels="reference")(x), rtol=1e-4, atol=1e-6)


def test_timms_vgg_is_the_one_of_convolutions(tmp_path: Path) -> None:
    names = {"classifier.0.": "pre_logits.fc1.", "classifier.3.": "pre_logits.fc2.", "classifier.6.": "head.fc."}
    state = {}
    for key, array in ti.models.create("vgg11", width=0.1, hidden=16, dense=True).graph.weights.items():
        ours = next((ours for ours in names if key.startswith(ours)), None)
        state[key.replace(ours, names[ours]) if ours else key] = array
    np.savez(tmp_path / "timm.npz", **state)
    model = ti.convert(tmp_path / "timm.npz", arch="vgg11", width=0.1, hidden=16)
    assert model.meta["knobs"]["dense"]
    assert model.graph.weights["classifier.0.weight"].shape == (16, 48, 7, 7)


def test_googlenets_5x5_branch() -> None:
    shapes = {
        name: ti.models.build(name).weights["inception3a.branch3.1.conv.weight"].shape[2:]
        for name in ("googlenet", "googlenet_original")
    }
    assert shapes == {"googlenet": (3, 3), "googlenet_original": (5, 5)}


def test_xceptions_filters_are_separable() -> None:
    """Chollet, section 3: all of the wide ones but the two of the stem."""
    shapes = {key: array.shape for key, array in ti.models.build("xception").weights.items() if array.ndim == 4}
    wide = [key for key, (_, channels, height, _) in shapes.items() if channels > 1 and height > 1]
    assert wide == ["conv1.weight", "conv2.weight"]


def test_fractalnets_columns_join_in_means() -> None:
    model = ti.models.create("fractalnet20", channels=(8,))
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    ends = [f"layers.0.columns.{column}.3.relu" for column in range(3)]
    seen = ti.Model(model.graph, kernels="reference").run({"input": x}, capture=[*ends, "layers.0.join3"])
    mean = np.mean([seen[end] for end in ends], axis=0)
    np.testing.assert_allclose(seen["layers.0.join3"], mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("columns", "column", "layers"), [(3, None, 20), (4, None, 40), (3, 0, 5), (3, 2, 20)])
def test_fractalnets_longest_path(columns: int, column: int | None, layers: int) -> None:
    """Larsson et al., section 3: B * 2^(C - 1) convolutions, or a column's own."""
    graph = ti.models.build("fractalnet20", columns=columns, column=column)
    depth: dict[str, int] = {"input": 0}
    for node in graph.topological_order():
        before = max(depth[value] for value in node.inputs)
        depth.update(dict.fromkeys(node.outputs, before + (node.op.name == "conv2d")))
    assert depth[graph.outputs[0]] == layers


def test_fractalnets_doubling_layers_change_the_channels_and_the_last_block_is_averaged() -> None:
    graph = ti.models.build("fractalnet_c3_gap_doubling_cifar")
    doublers = {key: w.shape for key, w in graph.weights.items() if key.endswith("doubler.conv.weight")}
    assert list(doublers.values()) == [
        (64, 3, 1, 1),
        (128, 64, 1, 1),
        (256, 128, 1, 1),
        (512, 256, 1, 1),
        (512,) * 2 + (1, 1),
    ]
    assert {w.shape[0] == w.shape[1] for key, w in graph.weights.items() if ".columns." in key and w.ndim == 4} == {
        True
    }
    assert sum(node.op.name == "max_pool2d" for node in graph.nodes) == 4
    assert "layers.11.weight" in graph.weights


def test_bn_inception_sees_bytes_in_opencvs_order() -> None:
    preprocess = ti.models.describe("bninception")["preprocess"]
    assert (preprocess["channels"], preprocess["scale"], preprocess["mean"]) == ("bgr", 1.0, [104.0, 117.0, 128.0])


def test_fractalnet_refuses_a_column_that_is_not_there() -> None:
    with pytest.raises(InputError, match="column: expected 0 to 2, found 3"):
        ti.models.build("fractalnet20", column=3)


def test_gunns_segments_see_those_before_them_updated() -> None:
    model = ti.models.create("gunn15", table=((24, 3),))
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    names = ["6.concat0", "6.concat1", "6.concat2", "6.add0", "6.add1"]
    seen = ti.Model(model.graph, kernels="reference").run({"input": x}, capture=names)
    first, second, third, one, two = (seen[name] for name in names)
    np.testing.assert_array_equal(second, np.concatenate([one, first[:, 8:]], axis=1))
    np.testing.assert_array_equal(third, np.concatenate([one, two, first[:, 16:]], axis=1))


def test_polynets_powers_share_their_convolutions() -> None:
    uses = Counter(node.params["weight"] for node in ti.models.build("polynet").nodes if node.op.name == "conv2d")
    assert Counter(uses.values())[3] == 60
    assert set(uses.values()) == {1, 3}


@pytest.mark.parametrize("modules", [(("2-way",), ("poly-0",), ()), (("mpoly-2",), (), ())])
def test_polynet_refuses_unknown_modules(modules: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(InputError, match=r"expected \"N-way\" or \"poly-N\""):
        ti.models.build("polynet", modules=modules)


def test_polynets_later_residuals_weigh_less() -> None:
    scales = [n.op.attrs["scale"][0] for n in ti.models.build("polynet").nodes if n.op.name == "scale_shift"]
    assert (scales[0], scales[-1]) == (1.0, pytest.approx(0.7))
    assert scales == sorted(scales, reverse=True)


def test_inception_resnet_damps_its_residuals() -> None:
    """Szegedy et al. 2016, section 3.3: by 0.1 to 0.3; 10, 20 and 9 blocks, the tenth C undamped."""
    nodes = ti.models.build("inception_resnet_v2").nodes
    assert Counter(n.op.attrs["scale"][0] for n in nodes if n.op.name == "scale_shift") == {0.17: 10, 0.10: 20, 0.20: 9}
