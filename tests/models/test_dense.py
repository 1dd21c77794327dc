"""DenseNet, CondenseNet and ConvNeXt: what their papers say, learned groups in both forms, and their knobs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from golden_files import error, golden_fill, write_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.errors import InputError, WeightsError
from tinyinfer.formats.state_dict import map_keys


def test_densenet_grows_by_32_channels_a_layer_and_halves_in_between() -> None:
    weights = ti.models.build("densenet121").weights
    assert weights["features.denseblock1.denselayer6.conv1.weight"].shape == (4 * 32, 64 + 5 * 32, 1, 1)
    assert weights["features.denseblock1.denselayer6.conv2.weight"].shape == (32, 4 * 32, 3, 3)
    assert weights["features.transition1.conv.weight"].shape == (128, 256, 1, 1)


def test_keys_of_torchvisions_first_densenets() -> None:
    rows = ti.models.key_layouts("densenet121")["torchvision before 0.3"].rows
    graph = ti.models.build("densenet121", depths=(1, 1), growth=8)
    old = {key.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): w for key, w in graph.weights.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert "features.conv0.weight" in old
    assert list(map_keys(old, rows)) == list(graph.weights)


# -- CondenseNet ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "macs"), [("condensenet74_c4_g4", 529e6), ("condensenet74_c8_g8", 274e6), ("condensenet86_cifar", 65.8e6)]
)
def test_condensenets_figures_count_relus_and_pools(name: str, macs: float) -> None:
    graph = ti.models.build(name)
    types = graph.infer_types()
    others = sum(
        types[node.inputs[0]].size
        for node in graph.nodes
        if node.op.name in ("relu", "avg_pool2d", "adaptive_avg_pool2d")
    )
    assert ti.Model(graph, kernels="reference").cost().macs + others == pytest.approx(macs, rel=0.002)


@pytest.fixture(scope="module")
def fill(shared: Path) -> ModuleType:
    return golden_fill(shared)


def trained_checkpoint(fill: ModuleType, folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    """The checkpoint of a CondenseNet after training, and its record."""
    (record,) = (record for record in fill.records() if record["name"] == "condensenet_cifar_lgc")
    state = {**fill.state_dict(record), **changes}
    return write_checkpoint(folder / "trained.pth", state), record


def test_a_trained_condensenet_is_condensed_as_the_reference_does_it(fill: ModuleType, tmp_path: Path) -> None:
    path, record = trained_checkpoint(fill, tmp_path)
    x, outputs = fill.input_image(record["input_shape"], record["input_seed"]), fill.outputs(record)
    condensed = ti.convert(path, arch="condensenet_cifar_converted")
    assert error(condensed, x, outputs["y_converted"]) <= record["tol"]
    whole = ti.convert(path, arch="condensenet_cifar_converted", classifier_share=1)
    assert error(whole, x, outputs["y"]) <= record["tol"]
    assert whole.cost().macs < ti.convert(path, arch="condensenet_cifar_lgc").cost().macs / 2.7


def test_a_converted_condensenet_survives_a_file(fill: ModuleType, tmp_path: Path) -> None:
    path, record = trained_checkpoint(fill, tmp_path)
    model = ti.convert(path, arch="condensenet_cifar_converted")
    model.save(tmp_path / "model.npz")
    x = fill.input_image(record["input_shape"], record["input_seed"])
    np.testing.assert_array_equal(ti.load(tmp_path / "model.npz")(x), model(x))


MASK = "features.denseblock_1.denselayer_1.conv_1._mask"
LOPSIDED = np.ones((32, 16, 1, 1), np.float32)
LOPSIDED[0, :3] = 0


@pytest.mark.parametrize(
    ("arch", "changes", "message"),
    [
        (
            "condensenet_cifar_lgc",
            {MASK: np.ones((32, 17, 1, 1), np.float32)},
            "_mask.*expected 32x16x1x1, found 32x17",
        ),
        ("condensenet_cifar_lgc", {"x._mask": np.ones(3, np.float32)}, "x._mask.*expected no mask, found 3"),
        ("condensenet_cifar_converted", {MASK: LOPSIDED}, "expected 4 groups of equally many inputs"),
        ("condensenet_cifar_converted", {MASK: np.ones((32, 16, 1, 1), np.float32)}, "index.*expected 16 integers"),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    fill: ModuleType, tmp_path: Path, arch: str, changes: dict[str, np.ndarray], message: str
) -> None:
    path, _ = trained_checkpoint(fill, tmp_path, **changes)
    with pytest.raises(WeightsError, match=message):
        ti.convert(path, arch=arch)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (np.full(400, 800), "expected 0 to 799, found 800 to 800"),
        (np.full(400, -1), "expected 0 to 799, found -1 to -1"),
        (np.zeros(399, np.int64), "expected 400 integers, found int64 399"),
        (np.zeros(400, np.float32), "expected 400 integers, found float32 400"),
        (None, "classifier.index' is missing"),
    ],
)
def test_indices_that_do_not_fit_are_refused(
    fill: ModuleType, tmp_path: Path, index: np.ndarray | None, message: str
) -> None:
    (record,) = (record for record in fill.records() if record["name"] == "condensenet_cifar_converted")
    state = fill.state_dict(record)
    del state["classifier.index"]
    if index is not None:
        state["classifier.index"] = index
    with pytest.raises(WeightsError, match=message):
        ti.convert(write_checkpoint(tmp_path / "x.pth", state), arch="condensenet_cifar_converted")


# -- ConvNeXt ---------------------------------------------------------------------------------------


def test_torchvisions_keys_of_convnext(tmp_path: Path) -> None:
    """There layer scale is (C, 1, 1) and the 1x1s are linear layers."""
    model = ti.models.create("convnext_tiny", dims=(8, 16), depths=(1, 2), num_classes=5, seed=3)
    state = {_torchvision(key): _as_torchvision(key, w) for key, w in model.graph.weights.items()}
    assert state["features.3.1.layer_scale"].shape == (16, 1, 1)
    read = ti.convert(write_checkpoint(tmp_path / "x.pth", state), arch="convnext_tiny", dims=(8, 16), depths=(1, 2))
    assert read.meta["layout"] == "torchvision"
    x = np.random.default_rng(0).standard_normal((1, 3, 64, 64), np.float32)
    np.testing.assert_array_equal(read(x), model(x))


def _torchvision(key: str) -> str:
    for ours, theirs in (
        ("stem.", "features.0."),
        ("stages.0.blocks.", "features.1."),
        ("stages.1.downsample.", "features.2."),
        ("stages.1.blocks.", "features.3."),
        ("conv_dw", "block.0"),
        (".norm", ".block.2"),
        ("mlp.fc1", "block.3"),
        ("mlp.fc2", "block.5"),
        ("gamma", "layer_scale"),
        ("head.block.2", "classifier.0"),
        ("head.fc", "classifier.2"),
    ):
        key = key.replace(ours, theirs)
    return key


def _as_torchvision(key: str, weight: np.ndarray) -> np.ndarray:
    if key.endswith("gamma"):
        return weight.reshape(-1, 1, 1)
    return weight[:, :, 0, 0] if ".mlp." in key and weight.ndim == 4 else weight


# -- knobs ------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(
    case=st.sampled_from(
        [
            ("densenet121", {"depths": (2, 3), "growth": 6, "compression": 0.7, "bottleneck": 2}),
            ("densenet161", {"depths": (1, 2, 1), "dropout": 0.2, "padding": "same"}),
            ("condensenet74_c4_g4", {"stages": (2, 2), "growth": (4, 8), "groups": 2}),
            ("condensenet74_c8_g8", {"stages": (2, 1), "growth": (8, 8), "groups": 4}),
            ("condensenet86_cifar_lgc", {"stages": (2, 2, 1), "reduction": 0.4}),
            ("densenet_lgc_cifar", {"stages": (1, 2, 1), "converted": True, "classifier_share": 0.3}),
            ("convnext_atto", {"depths": (1, 2, 1, 1), "dims": (8, 16, 24, 32), "activation": "relu"}),
            ("convnext_tiny", {"depths": (1, 1), "dims": (16, 24), "kernel": 5, "expansion": 2}),
        ]
    ),
    width=st.sampled_from([0.3, 0.5, 1.0]),
    classes=st.integers(1, 12),
    small=st.booleans(),
    height=st.integers(33, 44),
    side=st.integers(33, 44),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_a_network_that_runs(
    case: tuple[str, dict[str, Any]], width: float, classes: int, small: bool, height: int, side: int, batch: int
) -> None:
    name, knobs = case
    knobs = {**knobs, "width": width, "num_classes": classes, "small_input": small}
    check_builds_and_runs(name, (batch, 3, height, side), kernels="reference", **knobs)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("densenet121", {"growth": 0}, "growth"),
        ("densenet121", {"compression": -1.0}, "compression"),
        ("condensenet74_c4_g4", {"stages": (4, 6)}, "stages, growth"),
        ("condensenet74_c4_g4", {"growth": (8, 16, 32, 64, 0)}, "stages, growth"),
        ("condensenet74_c4_g4", {"classifier_share": 1.5}, "classifier_share"),
        ("convnext_atto", {"dims": (40, 80)}, "dims, depths"),
        ("convnext_atto", {"activation": "tan"}, "activation"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
