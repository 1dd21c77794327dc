"""SE-ResNet: what its paper says, and its knobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.checkpoints.recognise import recognise
from tinyinfer.errors import InputError
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.profiling.cost import cost


@pytest.mark.parametrize(
    ("reduction", "millions"), [(2, 45.7), (4, 35.7), (8, 30.7), (16, 28.1), (32, 26.9), (None, 25.6)]
)
def test_parameters_by_reduction(reduction: int | None, millions: float) -> None:
    """Hu et al., table 10."""
    for name in ("seresnet50", "legacy_seresnet50"):
        assert cost(ti.models.build(name, reduction=reduction)).params / 1e6 == pytest.approx(millions, rel=0.004)


def test_without_attention_it_is_resnet50() -> None:
    plain, squeezed = (ti.models.build(name).weights for name in ("resnet50", "seresnet50"))
    assert ti.models.build("seresnet50", reduction=None).weights.keys() == plain.keys()
    assert squeezed.keys() - plain.keys() == {key for key in squeezed if ".se." in key}


def test_the_stride_is_on_the_first_convolution_in_the_authors_form() -> None:
    for name, conv in (("seresnet50", 2), ("legacy_seresnet50", 1), ("legacy_seresnext50_32x4d", 2)):
        nodes = {node.name: node.op for node in ti.models.build(name).nodes}
        strides = {i: nodes[f"layer2.0.conv{i}"] for i in (1, 2, 3)}
        assert [i for i, op in strides.items() if isinstance(op, Conv2d) and op.stride == (2, 2)] == [conv]


def test_the_authors_basic_blocks_have_a_relu_in_front_of_the_attention() -> None:
    for name, before in (("seresnet18", "batch_norm"), ("legacy_seresnet18", "relu"), ("legacy_seresnet34", "relu")):
        graph = ti.models.build(name)
        pools = [node for node in graph.nodes if node.name.endswith(".se.avgpool")]
        assert {graph.producers()[node.inputs[0]].op.name for node in pools} == {before}


def test_senet154_is_read_in_timms_form_and_in_the_authors(tmp_path: Path) -> None:
    weights = ti.models.create("senet154", depths=(1, 1, 1, 1)).graph.weights
    deep = {
        "conv1": "conv1.0",
        "bn1": "conv1.1",
        "conv2": "conv1.3",
        "bn2": "conv1.4",
        "conv3": "conv1.6",
        "bn3": "bn1",
    }
    legacy = {**{key: f"layer0.{key}" for key in deep}, "fc": "last_linear"}
    for stem, se, form in ((deep, ".se.", {}), (legacy, ".se_module.", {"form": "caffe"})):
        state = {}
        for key, array in weights.items():
            first, _, rest = key.partition(".")
            state[f"{stem.get(first, first)}.{rest.replace('se.', se[1:])}"] = array
        np.savez(tmp_path / "senet.npz", **state)
        model = ti.convert(tmp_path / "senet.npz", arch="senet154", depths=(1, 1, 1, 1))
        assert {key: model.meta["knobs"][key] for key in model.meta["knobs"] if key == "form"} == form
        for key, array in model.graph.weights.items():
            np.testing.assert_array_equal(array, weights[key])


def test_the_authors_form_is_told_by_its_keys() -> None:
    weights = ti.models.build("legacy_seresnet50").weights
    stem = {"conv1": "layer0.conv1", "bn1": "layer0.bn1", "fc": "last_linear"}
    state = {}
    for key in weights:
        first, _, rest = key.partition(".")
        state[f"{stem.get(first, first)}.{rest.replace('se.', 'se_module.')}"] = weights[key]
    match = recognise(state)[0]
    assert (match.score, match.variant.name, match.layout) == (1, "legacy_seresnet50", "legacy")


@settings(max_examples=4)
@given(
    name=st.sampled_from(["seresnet18", "seresnet50", "legacy_seresnet50", "legacy_seresnext50_32x4d"]),
    width=st.sampled_from([0.1, 0.25]),
    reduction=st.sampled_from([None, 1, 4, 16, 64]),
    small=st.booleans(),
    shape=st.tuples(st.integers(1, 2), st.just(3), st.integers(33, 60), st.integers(33, 60)),
)
def test_all_knobs(name: str, width: float, reduction: int | None, small: bool, shape: tuple[int, ...]) -> None:
    n, c, h, w = shape
    knobs: dict[str, Any] = {"width": width, "reduction": reduction, "small_input": small, "num_classes": 5}
    check_builds_and_runs(name, (n, c, h, w), "reference", **knobs)


def test_senet154_in_small() -> None:
    check_builds_and_runs("legacy_senet154", (1, 3, 45, 37), "reference", depths=(1, 2, 1, 1), width=0.5, num_classes=3)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("seresnet18", {"groups": 2}, "groups"),
        ("seresnet50", {"reduction": 0}, "reduction"),
        ("seresnet50", {"form": "tensorflow"}, "form"),
        ("seresnet50", {"depths": (3, 4, 6)}, "depths"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
