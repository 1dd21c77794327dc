"""The networks whose grouped convolutions need a shuffle: what their papers say, and their knobs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.formats.state_dict import load_weights
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.channel_shuffle import ChannelShuffle

SHAPES = st.tuples(st.integers(1, 2), st.just(3), st.integers(33, 60), st.integers(33, 60))


@settings(max_examples=6)
@given(
    groups=st.sampled_from([1, 2, 3, 4, 8]),
    width=st.sampled_from([0.1, 0.25, 0.5, 0.8]),
    form=st.sampled_from(["paper", "released"]),
    classes=st.integers(1, 9),
    small=st.booleans(),
    shape=SHAPES,
)
def test_shufflenet_v1_in_all_its_knobs(
    groups: int, width: float, form: str, classes: int, small: bool, shape: tuple[int, int, int, int]
) -> None:
    knobs: dict[str, Any] = {"groups": groups, "width": width, "form": form, "small_input": small}
    check_builds_and_runs("shufflenet_v1_g3_x1_0", shape, "reference", num_classes=classes, **knobs)


@settings(max_examples=6)
@given(
    name=st.sampled_from(["shufflenet_v2_x1_0", "megvii_shufflenet_v2_x1_0", "shufflenet_v2_plus_small"]),
    width=st.sampled_from([0.25, 0.37, 0.5, 0.7, 1.0]),
    classes=st.integers(1, 9),
    padding=st.sampled_from(["symmetric", "same"]),
    small=st.booleans(),
    shape=SHAPES,
)
def test_shufflenet_v2_in_all_its_knobs(
    name: str, width: float, classes: int, padding: str, small: bool, shape: tuple[int, int, int, int]
) -> None:
    check_builds_and_runs(
        name, shape, "reference", num_classes=classes, width=width, padding=padding, small_input=small
    )


@pytest.mark.parametrize("form", ["paper", "released"])
def test_v1_groups_every_pointwise_layer_but_the_first(form: str) -> None:
    """Zhang et al., section 3.3."""
    graph = ti.models.build("shufflenet_v1_g3_x1_0", groups=4, form=form)
    units = [node for node in graph.nodes if node.name.startswith("features")]
    pointwise = [node.op for node in units if node.params and graph.weights.shape(node.params["weight"])[2:] == (1, 1)]
    assert [op.groups for op in pointwise if isinstance(op, Conv2d)] == [1] + [4] * (2 * 16 - 1)


def test_v1s_released_shuffle_undoes_the_papers() -> None:
    x = np.arange(60, dtype=np.float32).reshape(1, 60, 1, 1)
    y = x
    for form in ("paper", "released"):
        nodes = ti.models.build("shufflenet_v1_g3_x1_0", form=form).nodes
        shuffle = next(node.op for node in nodes if isinstance(node.op, ChannelShuffle))
        (y,) = shuffle.reference([y], {})
        assert np.array_equal(y, x) == (form == "released")


@pytest.mark.parametrize(
    ("name", "before", "kept"),
    [
        ("shufflenet_v2_x1_0", "stage2.0.shuffle", slice(0, 58)),
        ("megvii_shufflenet_v2_x1_0", "stage2.0.concat", slice(0, None, 2)),
    ],
)
def test_v2_lets_half_of_the_channels_pass(name: str, before: str, kept: slice) -> None:
    """Torchvision's units keep the first half, the authors' the even channels."""
    model = ti.Model(ti.models.build(name), kernels="reference")
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    seen = model.run({"input": x}, capture=[before, "stage2.1.concat"])
    np.testing.assert_array_equal(seen["stage2.1.concat"][:, :58], seen[before][:, kept])


def test_a_width_of_the_table_is_its_column() -> None:
    assert ti.models.build("shufflenet_v2_x1_0", width=0.5).weights.keys() == (
        ti.models.build("shufflenet_v2_x0_5").weights.keys()
    )
    assert ti.models.build("shufflenet_v2_x1_0", width=2.0).weights["conv5.0.weight"].shape == (2048, 976, 1, 1)


def test_v2_large_reads_checkpoints_with_heads_and_second_names() -> None:
    family, _ = ti.models.find("shufflenet_v2_large")
    graph = ti.models.build("shufflenet_v2_large", repeats=(1, 1, 1, 1), width=0.25)
    state = {key: np.full(graph.weights.shape(key), 0.01, np.float32) for key in graph.weights}
    for key in list(state):
        if ".se_block." in key:
            alias = key.replace("se_block.0", "se_fc1").replace("se_block.2", "se_fc2")
            state[alias] = state[key]
    state["predict_56.fc.weight"] = np.zeros((3, 3), np.float32)
    assert len(state) > len(graph.weights) + 8
    load_weights(graph, state, where="checkpoint", ignore=family.ignore)
    assert graph.weights["fc.bias"][0] == np.float32(0.01)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("shufflenet_v1_g3_x1_0", {"groups": 5}, "groups"),
        ("shufflenet_v1_g3_x1_0", {"repeats": (4, 8)}, "repeats"),
        ("megvii_shufflenet_v2_x1_0", {"width": 0.1}, "width"),
        ("shufflenet_v2_x1_0", {"repeats": (4, 8)}, "repeats"),
        ("shufflenet_v2_large", {"repeats": (10, 10, 27, 10)}, "repeats"),
        ("shufflenet_v2_plus_small", {"size": "tiny"}, "size"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
