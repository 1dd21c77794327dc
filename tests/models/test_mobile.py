"""What the papers say of MobileNet V1, V3 and V4 and of the networks that searches found, and their knobs."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.graph import Graph, Node
from tinyinfer.ops.conv2d import Conv2d

NETWORKS = ["mobilenet_v1", "mobilenet_v1_conv"]


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
