"""Whatever the knobs, a network is well formed, of the asked form, and computes finite outputs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import built, each_network

import tinyinfer as ti
from tinyinfer.errors import InputError

SMALL = [
    "mobilenet_v2",
    "mobilenet_v2_cifar",
    "mobilenetv2_035",
    "squeezenet1_0",
    "squeezenet1_1",
    "resnet18",
    "resnet20",
]


@settings(max_examples=25)
@given(
    name=st.sampled_from([*SMALL, "resnet50", "resnext50_32x4d"]),
    width=st.sampled_from([0.1, 0.25, 0.35, 0.5, 0.75, 1.0, 1.3]),
    classes=st.integers(1, 37),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    height=st.integers(33, 80),
    side=st.integers(33, 80),
    batch=st.integers(1, 3),
)
def test_every_knob_gives_a_network_that_runs(
    name: str, width: float, classes: int, padding: str, small: bool, height: int, side: int, batch: int
) -> None:
    knobs: dict[str, Any] = {"width": width, "padding": padding}
    if name != "resnet20":
        knobs["small_input"] = small
    model = ti.models.create(name, num_classes=classes, **knobs)
    model.graph.verify()
    assert model.outputs[0][1] == (None, classes)
    x = np.random.default_rng(0).standard_normal((batch, 3, height, side), np.float32)
    y = ti.Model(model.graph, kernels="reference")(x)
    assert y.shape == (batch, classes)
    assert np.isfinite(y).all()


@each_network(n for n in ti.models.names() if "small_input" in ti.models.find(n)[0].knobs)
def test_small_input_keeps_the_size_in_the_first_layer(name: str) -> None:
    padding = {"padding": "same"} if "padding" in ti.models.find(name)[0].knobs else {}
    graph = ti.models.build(name, small_input=True, **padding)
    first = graph.topological_order()[0]
    assert graph.infer_types({"input": (1, 3, 32, 32)})[first.outputs[0]].shape[2:] == (32, 32)


@each_network()
def test_dimensions_that_are_free(name: str) -> None:
    graph = built(name)
    assert graph.inputs[0].shape == (None, 3, None, None)
    (_, shape) = graph.output_shapes()[0]
    assert shape[0] is None
    family, variant = ti.models.find(name)
    assert shape[-1 if family.task == "detect" else 1] == family.resolve(variant, {})["num_classes"]


def test_same_padding_reaches_every_convolution_of_the_network() -> None:
    for name in SMALL:
        convs = [n.op for n in ti.models.build(name, padding="same").nodes if n.op.name == "conv2d"]
        wide = [n for n in convs if n.padding != (0, 0, 0, 0)]
        assert wide
        assert all(op.padding == "same" for op in wide)


def test_own_tables() -> None:
    rows = [(1, 16, 1, 1), (6, 24, 2, 2)]
    model = ti.models.create("mobilenet_v2", num_classes=10, inverted_residual_setting=rows, width_mult=0.5)
    names = [node.name for node in model.graph.nodes]
    assert "features.3.add" in names  # the second block of the second row
    assert "features.4.0" in names  # the head
    assert "features.5.0" not in names


def test_the_papers_own_knobs_of_squeezenet() -> None:
    """Iandola et al., section 5: SR makes the squeeze layers, pct_3x3 the share of 3x3 filters."""
    weights = ti.models.build("squeezenet1_0", squeeze_ratio=0.5, share_3x3=0.25).weights
    assert weights["features.3.squeeze.weight"].shape == (64, 96, 1, 1)
    assert weights["features.3.expand1x1.weight"].shape[0] == 96
    assert weights["features.3.expand3x3.weight"].shape[0] == 32


def test_tables_from_json_make_the_same_network() -> None:
    """Knobs in a model's metadata come back as lists."""
    for name in ("squeezenet1_1", "mobilenet_v2_cifar", "resnet50"):
        plain = ti.models.build(name)
        read = ti.models.build(name, **json.loads(json.dumps(ti.models.describe(name)["knobs"])))
        assert [node.op for node in read.nodes] == [node.op for node in plain.nodes]


def test_the_expansion_of_mobilenet_v2() -> None:
    weights = ti.models.build("mobilenet_v2", expand=3).weights
    assert weights["features.2.conv.0.0.weight"].shape[0] == 3 * 16
    assert "features.1.conv.3.weight" not in weights  # the row of t = 1 stays without expansion


def test_cifar_shortcuts() -> None:
    """A has no parameters; B adds a 1x1 convolution and a norm at the two stages that halve the size."""
    a, b = (ti.models.build("resnet20", shortcut=kind).weights for kind in "AB")
    extra = sum(array.size for key, array in b.items() if key not in a and "running" not in key)
    assert extra == 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64


def test_resnet20s_shortcut_a_subsamples_and_pads() -> None:
    model = ti.models.create("resnet20")
    x = np.random.default_rng(1).standard_normal((1, 3, 32, 32), np.float32)
    seen = model.run({"input": x}, capture=["layer1.2.relu2", "layer2.0.pad"])
    before, after = seen["layer1.2.relu2"], seen["layer2.0.pad"]
    np.testing.assert_array_equal(after[:, 8:24], before[:, :, ::2, ::2])
    assert not after[:, :8].any()
    assert not after[:, 24:].any()


@pytest.mark.parametrize(
    ("knobs", "named"),
    [
        ({"wdith": 0.5}, "width"),
        ({"width": 0}, "width"),
        ({"width": "wide"}, "width"),
        ({"num_classes": 0}, "num_classes"),
        ({"num_classes": 2.5}, "num_classes"),
        ({"padding": "valid"}, "padding"),
        ({"small_input": "yes"}, "small_input"),
        ({"resolution": 0}, "resolution"),
        ({"resolution": "224"}, "resolution"),
        ({"table": [(6, 24)]}, "table"),
        ({"table": [(6, 24, 1, -1)]}, "table"),
        ({"table": 3}, "table"),
        ({"head": -1}, "head"),
        ({"expand": 0}, "expand"),
        ({"width": None}, "width"),
    ],
)
def test_knobs_of_mobilenet_that_do_not_fit_are_refused_by_name(knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create("mobilenet_v2", **knobs)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("resnet18", {"block": "other"}, "block"),
        ("resnet18", {"groups": 2}, "groups"),
        ("resnet18", {"depths": (2, 2, 2)}, "depths"),
        ("resnet20", {"shortcut": "C"}, "shortcut"),
        ("squeezenet1_0", {"dropout": 2.0}, "dropout|p:"),
    ],
)
def test_knobs_of_others_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
