"""Every network's parameters and mult-adds against its paper or the public implementation of its name."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from counted_parameters import COUNTED, UNCOUNTED
from walks import built, each, each_network

import tinyinfer as ti
from tinyinfer.graph import Graph, Shape
from tinyinfer.profiling.cost import cost as count

# network: parameters, mult-adds of convolutions and linear layers, one image at the nominal size (batch 1)
PUBLISHED = {
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenetv2_050": (1_968_680, 97_131_840),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "resnext101_32x8d": (88_791_336, 16_414_015_488),
    "resnext101_64x4d": (83_455_272, 15_460_270_080),
    "wide_resnet50_2": (68_883_240, 11_398_021_120),
    "wide_resnet101_2": (126_886_696, 22_753_050_624),
    "resnet20": (269_722, 40_551_040),
    "resnet32": (464_154, 68_862_592),
    "resnet44": (658_586, 97_174_144),
    "resnet56": (853_018, 125_485_696),
    "resnet110": (1_727_962, 252_887_680),
}

FIGURES = {
    file.stem: importlib.import_module(f"paper_figures.{file.stem}").FIGURES
    for file in sorted((Path(__file__).parents[1] / "paper_figures").glob("*.py"))
}
NAMES = ("name", "params", "macs", "tolerance")  # of a row's columns


def cost(graph: Graph, shape: Shape | None = None) -> tuple[int, int]:
    """Parameters and mult-adds of a network at an input shape."""
    found = count(graph, {graph.inputs[0].name: shape} if shape else None)
    return found.params, found.macs


@each_network(PUBLISHED)
def test_costs_are_the_published_ones(name: str) -> None:
    assert cost(built(name)) == PUBLISHED[name]


@each({stem: [dict(zip(NAMES, row, strict=True)) for row in rows] for stem, rows in FIGURES.items()})
def test_costs_round_to_the_papers(name: str, params: float | None, macs: float | None, tolerance: float) -> None:
    found = cost(built(name))
    for expected, value in zip((params, macs), found, strict=True):
        if expected is not None:
            assert value == pytest.approx(expected, rel=tolerance)


@each_network(COUNTED)
def test_parameters_are_those_of_public_code(name: str) -> None:
    assert cost(built(name))[0] == COUNTED[name]


def test_every_network_has_a_figure_from_elsewhere_or_is_said_to_have_none() -> None:
    without = [name for names in UNCOUNTED.values() for name in names]
    known = PUBLISHED.keys() | COUNTED.keys() | {name for rows in FIGURES.values() for name, *_ in rows}
    assert known.isdisjoint(without)
    assert sorted([*known, *without]) == sorted(ti.models.names())


@each_network()
def test_a_variants_own_figures_are_true(name: str) -> None:
    _, variant = ti.models.find(name)
    params, macs = cost(built(name))
    assert variant.params in (None, params)
    assert variant.macs in (None, macs)


@pytest.mark.parametrize(
    ("name", "shape", "macs"),
    [
        ("mobilenet_v2", (1, 3, 95, 127), 74_625_536),
        ("resnet18", (1, 3, 97, 131), 568_349_056),
        ("squeezenet1_1", (1, 3, 190, 222), 296_277_760),
    ],
)
def test_costs_at_odd_sizes(name: str, shape: Shape, macs: int) -> None:
    assert cost(built(name), shape)[1] == macs


def test_mobilenet_v2_scales_with_width_and_resolution() -> None:
    """Table 4's trade-off: mult-adds go with the square of the width and of the resolution."""
    full = cost(ti.models.build("mobilenet_v2"))[1]
    half_width = cost(ti.models.build("mobilenet_v2", width=0.5))[1]
    half_size = cost(ti.models.build("mobilenet_v2", resolution=112))[1]
    assert full / 4 < half_width < full / 3
    assert full / 4 <= half_size < full / 3.6  # the classifier stays as it is


def test_squeezenet_has_fifty_times_fewer_parameters_than_alexnet_but_more_mult_adds() -> None:
    params, macs = cost(ti.models.build("squeezenet1_0"))
    assert 61_100_840 / params == pytest.approx(50, rel=0.03)
    assert macs > 714_188_480
    assert macs / cost(ti.models.build("squeezenet1_1"))[1] == pytest.approx(2.4, rel=0.03)
