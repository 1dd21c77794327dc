"""Fully learnable group convolution: both forms compute the same, whatever the groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.errors import WeightsError
from tinyinfer.models.zoo.flgc import FILTERS, INPUTS, adapt
from tinyinfer.profiling.cost import cost

SMALL: dict[str, Any] = {
    "table": ((1, 16, 1, 1), (6, 24, 2, 2)), "stem": 16, "head": 32, "num_classes": 5, "small_input": True,
}  # fmt: skip
LAYER = "features.2.conv.0.0"


def checkpoint(path: Path, groups: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A trained network's state dict with random selection matrices, also written to a file."""
    rng = np.random.default_rng(seed)
    graph = ti.models.create("mobilenet_v2_flgc", groups=groups, seed=seed, **SMALL).graph
    state = {key: np.array(graph.weights[key]) for key in graph.weights}
    for node in graph.nodes:
        if node.name.endswith(".conv"):
            filters, inputs = graph.weights.shape(node.params["weight"])[:2]
            layer = node.name.removesuffix(".conv")
            state[layer + INPUTS] = rng.standard_normal((inputs, groups)).astype(np.float32)
            state[layer + FILTERS] = rng.standard_normal((filters, groups)).astype(np.float32)
    np.savez(path, **state)  # type: ignore[arg-type]
    return state


@pytest.mark.parametrize("groups", [2, 4, 8])
def test_both_forms_give_the_same_output(groups: int, tmp_path: Path) -> None:
    state = checkpoint(tmp_path / "w.npz", groups)
    options = {"groups": groups, **SMALL}
    trained = ti.convert(tmp_path / "w.npz", arch="mobilenet_v2_flgc", **options)
    converted = ti.convert(tmp_path / "w.npz", arch="mobilenet_v2_flgc8", **options)
    x = np.random.default_rng(1).standard_normal((2, 3, 35, 29), np.float32)
    one, other = (ti.Model(model.graph, kernels="reference")(x) for model in (trained, converted))
    np.testing.assert_allclose(one, other, atol=1e-4 * float(one.std()))
    dense = ti.models.create("mobilenet_v2_flgc", groups=groups, **SMALL)
    assert not np.allclose(ti.Model(dense.graph, kernels="reference")(x), one, atol=0.01)  # the masks do something
    weight = trained.graph.weights[f"{LAYER}.conv.weight"]
    s, t = state[LAYER + INPUTS], state[LAYER + FILTERS]
    kept = (t == t.max(axis=1, keepdims=True)).astype(int) @ (s == s.max(axis=1, keepdims=True)).astype(int).T
    np.testing.assert_array_equal(weight[:, :, 0, 0], state[f"{LAYER}.conv.weight"][:, :, 0, 0] * kept)


def test_mult_adds_of_the_learned_layers_are_divided_by_the_groups() -> None:
    dense, *grouped = (
        cost(ti.models.build(name)).macs for name in ("mobilenet_v2", *(f"mobilenet_v2_flgc{g}" for g in (2, 4, 8)))
    )
    assert cost(ti.models.build("mobilenet_v2_flgc")).macs == dense
    pointwise = 2 * (dense - grouped[0])
    assert [dense - macs for macs in grouped] == [pointwise * (g - 1) // g for g in (2, 4, 8)]


def test_groups_of_equal_size_need_no_filling(tmp_path: Path) -> None:
    """The converted layer is then 1 / groups of the dense one."""
    graph = ti.models.build("mobilenet_v2_flgc8", groups=4, **SMALL)
    assert graph.weights.shape(f"{LAYER}.conv.weight") == (96, 4, 1, 1)
    state = checkpoint(tmp_path / "w.npz", 4)
    state[LAYER + INPUTS], state[LAYER + FILTERS] = (
        np.eye(4, dtype=np.float32)[np.random.default_rng(0).permutation(np.arange(n) % 4)] for n in (16, 96)
    )
    assert adapt(graph, state)[f"{LAYER}.conv.weight"].shape == (96, 4, 1, 1)


def test_it_saves_and_loads(tmp_path: Path) -> None:
    checkpoint(tmp_path / "w.npz", 8)
    model = ti.convert(tmp_path / "w.npz", arch="mobilenet_v2_flgc8", **SMALL)
    model.save(tmp_path / "m.npz")
    x = np.random.default_rng(1).standard_normal((1, 3, 32, 32), np.float32)
    again = ti.load(tmp_path / "m.npz", kernels="reference")
    np.testing.assert_array_equal(again(x), ti.Model(model.graph, kernels="reference")(x))


@pytest.mark.parametrize(
    ("key", "shape", "named"),
    [(INPUTS, (15, 8), "16 rows"), (FILTERS, (96,), "96 rows"), (INPUTS, (16, 30), "8 groups")],
)
def test_matrices_that_do_not_fit_are_refused_by_name(
    key: str, shape: tuple[int, ...], named: str, tmp_path: Path
) -> None:
    state = checkpoint(tmp_path / "w.npz", 8)
    state[LAYER + key] = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    graph = ti.models.build("mobilenet_v2_flgc8", **SMALL)
    with pytest.raises(WeightsError, match=named):
        adapt(graph, state)


@settings(max_examples=6)
@given(
    groups=st.sampled_from([1, 2, 3, 8]),
    width=st.sampled_from([0.25, 0.5]),
    converted=st.booleans(),
    shape=st.tuples(st.integers(1, 2), st.just(3), st.integers(33, 50), st.integers(33, 50)),
)
def test_all_knobs(groups: int, width: float, converted: bool, shape: tuple[int, int, int, int]) -> None:
    knobs: dict[str, Any] = {"groups": groups, "width": width, "converted": converted, "num_classes": 3}
    check_builds_and_runs("mobilenet_v2_flgc", shape, "reference", **knobs)
