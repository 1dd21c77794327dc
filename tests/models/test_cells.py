"""Networks of searched cells: what the papers say of them, and other sizes than theirs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knob_harness import check_builds_and_runs

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.models.blocks import Style
from tinyinfer.models.blocks.nas_cell import Cell, factorized_reduce
from tinyinfer.models.zoo import amoebanet, darts, nasnet, pnasnet

CELLS = [
    nasnet.NORMAL,
    nasnet.REDUCTION,
    amoebanet.NORMAL,
    amoebanet.REDUCTION,
    pnasnet.CELL,
    *(cell for pair in darts.GENOTYPES.values() for cell in pair),
]


@pytest.mark.parametrize("cell", CELLS)
def test_cells_use_only_what_is_there_and_nothing_for_naught(cell: Cell) -> None:
    used = set(cell.concat)
    for i, pair in enumerate(cell.pairs):
        for _, source in pair:
            assert 0 <= source < i + 2
            used.add(source)
    assert used == set(range(len(cell.pairs) + 2))


def test_searched_cells_have_five_pairs_and_those_of_darts_four() -> None:
    assert {len(cell.pairs) for cell in (nasnet.NORMAL, nasnet.REDUCTION, amoebanet.NORMAL, pnasnet.CELL)} == {5}
    assert {len(cell.pairs) for name in ("darts_v1", "darts_v2") for cell in darts.GENOTYPES[name]} == {4}


@pytest.mark.parametrize(
    ("name", "channels"), [("nasnetamobile", 1056), ("nasnetalarge", 4032), ("pnasnet5large", 5 * 864)]
)
def test_the_last_cell_is_as_wide_as_the_name_says(name: str, channels: int) -> None:
    graph = ti.models.registry.build(name)
    assert graph.weights["last_linear.weight"].shape[1] == channels


def test_halving_keeps_every_second_pixel_and_those_in_between() -> None:
    b = Builder()
    x = b.input(1, (5, 6))
    names = ("relu", "first", "second", "norm")
    graph = b.finish(factorized_reduce(b, x, 2, names=names, style=Style(eps=1e-12)))
    for key, weight in graph.weights.items():
        weight = np.zeros_like(weight) if key.endswith(("bias", "mean")) else np.ones_like(weight)
        graph.weights[key] = weight
    image = np.arange(1, 31, dtype=np.float32).reshape(1, 1, 5, 6)
    even, odd = ti.Model(graph, kernels="reference")(image)[0]
    np.testing.assert_allclose(even, image[0, 0, ::2, ::2])
    np.testing.assert_allclose(odd[:2], image[0, 0, 1::2, 1::2])
    assert not odd[2].any()  # zeros have come in below


def test_cropped_padding_is_the_same_at_the_size_it_is_made_for() -> None:
    knobs = {"cells": 1, "filters": 96, "stem": 8, "resolution": 75, "num_classes": 5}
    x = np.random.default_rng(0).standard_normal((1, 3, 75, 75), np.float32)
    cropped, same = (
        ti.Model(ti.models.create("nasnetamobile", padding=padding, **knobs).graph, kernels="reference")
        for padding in ("cropped", "same")
    )
    np.testing.assert_allclose(cropped(x), same(x), rtol=1e-4, atol=1e-5)
    assert cropped.cost().macs > same.cost().macs  # what is cropped was computed


SIZES = st.tuples(st.integers(1, 2), st.just(3), st.integers(32, 49), st.integers(32, 49))


@settings(max_examples=8, deadline=None)
@given(
    name=st.sampled_from(["nasnetamobile", "nasnetalarge", "pnasnet5mobile", "amoebanet_a_mobile"]),
    cells=st.integers(1, 2),
    filters=st.integers(1, 4),
    small_input=st.booleans(),
    num_classes=st.integers(1, 11),
    shape=SIZES,
)
def test_stacked_cells_of_any_size_run(
    name: str, cells: int, filters: int, small_input: bool, num_classes: int, shape: tuple[int, int, int, int]
) -> None:
    per_filter = 48 if name.startswith("nasnet") else 2
    check_builds_and_runs(
        name,
        shape,
        "reference",
        cells=cells,
        filters=per_filter * filters,
        stem=filters,
        small_input=small_input,
        num_classes=num_classes,
    )


@settings(max_examples=8, deadline=None)
@given(
    genotype=st.sampled_from(sorted(darts.GENOTYPES)),
    channels=st.integers(2, 6),
    layers=st.integers(1, 6),
    small_input=st.booleans(),
    num_classes=st.integers(1, 11),
    shape=SIZES,
)
def test_darts_of_any_size_run(
    genotype: str,
    channels: int,
    layers: int,
    small_input: bool,
    num_classes: int,
    shape: tuple[int, int, int, int],
) -> None:
    check_builds_and_runs(
        "darts_v2_imagenet",
        shape,
        "reference",
        genotype=genotype,
        channels=channels,
        layers=layers,
        small_input=small_input,
        num_classes=num_classes,
    )
