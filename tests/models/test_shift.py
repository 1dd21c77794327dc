"""ShiftNet and ShiftResNet: the facts of the papers, and their knobs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti


def test_a_shift_costs_nothing_but_memory() -> None:
    rows = [row for row in ti.models.create("shiftresnet20_e3_cifar").cost().rows if row.op == "shift"]
    assert len(rows) == 9
    for row in rows:
        assert row.macs == row.params == 0
        assert row.memory_access == 2 * np.prod(row.shape)


def test_a_sparse_shift_has_two_numbers_a_channel_and_no_mult_adds() -> None:
    plain = ti.models.create("shiftresnet20_e9_cifar").cost()
    sparse = ti.models.create("shiftresnet20_e9_cifar", shift_kind="sparse").cost()
    assert sparse.macs == plain.macs
    assert sparse.params - plain.params == 2 * 9 * 3 * (16 + 32 + 64)


def test_learnt_displacements_can_say_what_the_plain_shift_does() -> None:
    """Section 3 of Chen et al.: the sparse shift is a generalisation of the grouped one."""
    plain = ti.models.create("shiftresnet20_e1_cifar", seed=4).graph
    sparse = ti.models.create("shiftresnet20_e1_cifar", seed=4, shift_kind="sparse").graph
    for node in plain.nodes:
        if node.op.name == "shift":
            key = f"{node.name}.offset"
            moves = node.op.displacements(sparse.weights.shape(key)[0], {})  # type: ignore[attr-defined]
            sparse.weights[key] = np.asarray(moves + 0.3, np.float32)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)
    expected = ti.Model(plain, kernels="reference")(x)
    np.testing.assert_array_equal(ti.Model(sparse, kernels="reference")(x), expected)


@settings(max_examples=6, deadline=None)
@given(
    name=st.sampled_from(["shiftnet_b", "shiftnet_c", "shiftresnet20_e3_cifar"]),
    width=st.sampled_from([0.25, 0.5, 1.0]), kind=st.sampled_from(["grouped", "sparse"]), classes=st.integers(1, 20),
    batch=st.integers(1, 2), size=st.tuples(st.integers(24, 40), st.integers(24, 40)),
)  # fmt: skip
def test_knobs(name: str, width: float, kind: str, classes: int, batch: int, size: tuple[int, int]) -> None:
    small = {} if "resnet" in name else {"small_input": True}
    check_builds_and_runs(
        name, (batch, 3, *size), "reference", width=width, shift_kind=kind, num_classes=classes, **small
    )
