"""RepVGG and MobileOne: both forms, their figures, and from one form to the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_files import error, golden_fill, write_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer import passes
from tinyinfer.errors import InputError
from tinyinfer.formats.state_dict import map_keys
from tinyinfer.graph import Graph

# single-branch form: parameters, mult-adds (RepVGG, table 4; MobileOne, table 8)
DEPLOYED = {
    "repvgg_a0": (8.30e6, 1.4e9),
    "repvgg_a1": (12.78e6, 2.4e9),
    "repvgg_a2": (25.49e6, 5.1e9),
    "repvgg_b0": (14.33e6, 3.1e9),
    "repvgg_b1": (51.82e6, 11.8e9),
    "repvgg_b1g2": (41.36e6, 8.8e9),
    "repvgg_b1g4": (36.12e6, 7.3e9),
    "repvgg_b2": (80.31e6, 18.4e9),
    "repvgg_b2g4": (55.77e6, 11.3e9),
    "repvgg_b3": (110.96e6, 26.2e9),
    "repvgg_b3g4": (75.62e6, 16.1e9),
    "mobileone_s0": (2.1e6, 275e6),
    "mobileone_s1": (4.8e6, 825e6),
    "mobileone_s2": (7.8e6, 1299e6),
    "mobileone_s3": (10.1e6, 1896e6),
    "mobileone_s4": (14.8e6, 2978e6),
}


@pytest.mark.parametrize("name", DEPLOYED)
def test_the_deployed_networks_cost_what_the_papers_print(name: str) -> None:
    cost = ti.Model(ti.models.build(name, deploy=True), kernels="reference").cost()
    params, macs = DEPLOYED[name]
    assert cost.params == pytest.approx(params, rel=0.011)
    assert cost.macs == pytest.approx(macs, rel=0.001, abs=0.05e9 if name.startswith("repvgg") else 1.5e6)  # as printed


def test_attention_stands_in_front_of_every_relu_of_d2se() -> None:
    graph = ti.models.build("repvgg_d2se")
    relus = [node for node in graph.nodes if node.name.endswith(".act")]
    assert len(relus) == 1 + 8 + 14 + 24 + 1
    assert {graph.producers()[node.inputs[0]].op.name for node in relus} == {"mul"}
    assert graph.weights.shape("stages.3.0.attn.fc1.weight") == (2560 // 16, 2560, 1, 1)
    rows = ti.models.key_layouts("repvgg_d2se")["official"].rows
    assert list(map_keys({"stage2.1.se.down.bias": np.zeros(1)}, rows)) == ["stages.1.1.attn.fc1.bias"]


def test_fewer_branches_are_deployed() -> None:
    """Where shape or stride change there is no identity; the 1x1s of MobileOne have no 1x1 beside them."""
    weights = ti.models.build("repvgg_a0").weights
    assert [f"stages.1.{i}.identity.weight" in weights for i in range(4)] == [False, True, True, True]
    weights = ti.models.build("mobileone_s0").weights
    assert ["conv_scale" in key for key in weights if key.startswith("stages.0.1.")].count(True) == 0
    assert sum(key.startswith("stages.0.1.conv_kxk") and key.endswith("conv.weight") for key in weights) == 4


def test_every_second_layer_is_grouped() -> None:
    groups = {node.name: node.op.groups for node in ti.models.build("repvgg_b1g4", deploy=True).nodes[:-3:2]}  # type: ignore[attr-defined]
    assert groups["stages.0.0.reparam_conv"] == groups["stem.reparam_conv"] == groups["stages.3.0.reparam_conv"] == 1
    assert groups["stages.0.1.reparam_conv"] == groups["stages.2.15.reparam_conv"] == 4


def test_attention_stands_in_the_last_blocks_of_mobileone_s4() -> None:
    reduced = {key: w.shape for key, w in ti.models.build("mobileone_s4").weights.items() if "attn.fc1.weight" in key}
    assert len(reduced) == 2 * (5 + 1)
    assert reduced["stages.2.10.attn.fc1.weight"] == (56, 896, 1, 1)
    assert reduced["stages.3.1.attn.fc1.weight"] == (128, 2048, 1, 1)


@pytest.mark.parametrize("name", ["timm_repvgg_a0", "repvgg_a0_official", "timm_mobileone_s0"])
def test_a_trained_checkpoint_merged_is_the_published_deploy_form(name: str, shared: Path, tmp_path: Path) -> None:
    """The references' own conversion gives keys and output; our merged weights under these keys give that output."""
    fill = golden_fill(shared)
    (record,) = (record for record in fill.records() if record["name"] == name)
    expected, x = fill.outputs(record)["y_reparam"], fill.input_image(record["input_shape"], record["input_seed"])
    trained = ti.convert(write_checkpoint(tmp_path / "trained.pth", fill.state_dict(record)), arch=name)
    merged, state = passes.simplify(trained.graph), {}
    for theirs, shape, _ in json.loads((shared / "golden" / "keys" / f"{record['keys']}__reparam.json").read_text()):
        ours, _, role = deployed_name(theirs).rpartition(".")
        state[theirs] = merged_weight(merged, ours, role)
        assert list(state[theirs].shape) == shape
    deployed = ti.convert(write_checkpoint(tmp_path / "deployed.pth", state))
    assert deployed.meta["arch"] == trained.meta["arch"]
    assert deployed.meta["knobs"] == {"deploy": True}
    assert len(deployed.graph.nodes) < len(trained.graph.nodes) / 2
    assert error(deployed, x, expected) <= record["tol"]


def deployed_name(key: str) -> str:
    """A key of a deploy form in the canonical layout, in which the rows of the official one change nothing."""
    (name,) = map_keys({key: np.zeros(1)}, ti.models.key_layouts("repvgg_a0")["official"].rows)
    return name


def merged_weight(graph: Graph, layer: str, role: str) -> np.ndarray:
    """A weight of the one convolution that a block's branches have become."""
    inside = layer.replace("reparam_conv", "conv_kxk")
    (node,) = (node for node in graph.nodes if any(name.startswith(inside) for name in node.originals))
    return graph.weights[node.params[role]]


@settings(max_examples=12)
@given(
    name=st.sampled_from(["repvgg_a0", "repvgg_b1g2", "mobileone_s0", "mobileone_s4"]),
    deploy=st.booleans(),
    width=st.sampled_from([0.0625, 0.125]),
    classes=st.integers(1, 12),
    small=st.booleans(),
    height=st.integers(17, 40),
    side=st.integers(17, 40),
    batch=st.integers(1, 2),
)
def test_every_knob_gives_a_network_that_runs(
    name: str, deploy: bool, width: float, classes: int, small: bool, height: int, side: int, batch: int
) -> None:
    knobs = {"deploy": deploy, "width": width, "num_classes": classes, "small_input": small}
    check_builds_and_runs(name, (batch, 3, height, side), kernels="reference", **knobs)


@pytest.mark.parametrize(
    ("name", "knobs", "named"),
    [
        ("repvgg_a0", {"depths": (2, 4, 14)}, "depths"),
        ("repvgg_a0", {"depths": (2, 4, 0, 1)}, "depths"),
        ("repvgg_a0", {"deploy": "yes"}, "deploy"),
        ("repvgg_a0", {"groups": 7}, "groups 7"),
        ("mobileone_s0", {"widths": (1.0, 2.0)}, "widths"),
        ("mobileone_s0", {"attention": (0, 0)}, "attention"),
    ],
)
def test_knobs_that_do_not_fit_are_refused_by_name(name: str, knobs: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ti.models.create(name, **knobs)
