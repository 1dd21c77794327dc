"""The sliders: for each family its knobs, their ranges, and where the paper has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Values = Mapping[str, float | str]


class Knob(NamedTuple):
    """A slider or, with ``choices``, some buttons; ``paper`` is the network that the paper describes first."""

    name: str
    paper: float | str
    least: float = 0
    most: float = 0
    step: float = 1
    choices: tuple[float | str, ...] = ()

    def draw(self, random: np.random.Generator) -> float | str:
        """Some value that the knob can have."""
        if self.choices:
            return self.choices[int(random.integers(len(self.choices)))]
        steps = round((self.most - self.least) / self.step)
        return round(self.least + self.step * int(random.integers(steps + 1)), 4)


WIDTH = Knob("width", 1.0, 0.25, 2.0, 0.05)
DEPTH = Knob("depth", 1.0, 0.25, 2.0, 0.25)
RESOLUTION = Knob("resolution", 224, 96, 288, 16)
SE_CHOICES = ("none", "paper", "all")

KNOBS: dict[str, tuple[Knob, ...]] = {
    "mobilenet_v1": (WIDTH, DEPTH, RESOLUTION),
    "mobilenet_v2": (WIDTH, DEPTH, RESOLUTION, Knob("expansion", 6, 1, 10, 1)),
    "mobilenet_v3_large": (
        WIDTH,
        DEPTH,
        RESOLUTION,
        Knob("expansion", 1.0, 0.5, 2.0, 0.25),
        Knob("attention", "paper", choices=SE_CHOICES),
    ),
    "igcv3_d_1x": (
        WIDTH,
        DEPTH,
        RESOLUTION,
        Knob("expansion", 6, 1, 10, 1),
        Knob("groups", 2, choices=(1, 2, 4, 8)),
    ),
    "shufflenet_v1_g3_x1_0": (WIDTH, DEPTH, RESOLUTION, Knob("groups", 3, choices=(1, 2, 3, 4, 8))),
    "shufflenet_v2_x1_0": (WIDTH, DEPTH, RESOLUTION),
}


def paper_values(network: str) -> dict[str, float | str]:
    """The knobs as the paper has them."""
    return {knob.name: knob.paper for knob in KNOBS[network]}


def drawn_values(network: str, random: np.random.Generator) -> dict[str, float | str]:
    """Any design of a family."""
    return {knob.name: knob.draw(random) for knob in KNOBS[network]}
