"""No name from a model file decides what memory or which weights a layer gets: drawn networks with hostile names."""

from __future__ import annotations

import numpy as np
import pytest
from hostile_names import NAMES, hostile, renamed
from one_model import agree, through_a_file
from small_networks import randomize

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph, Shape


def convolutions(count: int) -> Graph:
    """One behind the other, each added to what the one before gave."""
    b = Builder()
    x = b.conv2d(b.input(8, 12), 8, 3, name="conv0", padding=1)
    for i in range(1, count):
        y = b.conv2d(b.relu(x, name=f"relu{i}"), 8, 3, name=f"conv{i}", padding=1)
        x = b.concat(y, b.conv2d(x, 8, 1, name=f"beside{i}"), name=f"both{i}")
        x = b.conv2d(x, 8, 1, name=f"joined{i}")
    return randomize(b.finish(x))


def test_layers_that_say_they_stand_for_the_same_one_keep_their_own_weights() -> None:
    graph = convolutions(3)
    graph.nodes = [node.replace(origin=("the same",)) for node in graph.nodes]
    agree(through_a_file(graph), [(1, 8, 12, 12), (1, 8, 30, 9)])


@pytest.mark.parametrize("name", ["conv1", "beside1", "joined1", "[input]"])
def test_a_value_may_be_called_what_memory_might_be(name: str) -> None:
    graph = renamed(convolutions(2), {"conv0": f"workspace of {name}", "conv1": "[input]"}, {}, {})
    for threads in (1, 2):
        agree(through_a_file(graph), [(1, 8, 12, 12), (2, 8, 40, 33)], threads)


def rewritten() -> Graph:
    """What every pass that makes weights finds something in."""
    b = Builder()
    y = b.batch_norm(b.channel_shuffle(b.conv2d(b.input(8, 10), 8, 1, name="one"), 2, name="shuffled"), name="norm")
    y = b.conv2d(y, 8, 3, name="two", padding=1)
    y = b.apply("layer_scale", y, name="scale", params={"gamma": (8,)})
    y = b.batch_norm(b.apply("shift", y, name="moved"), name="behind")
    irregular = {"weight": (8, 8, 3, 3), "offset": (3, 3, 2)}
    y = b.apply("irregular_conv2d", b.relu(y, name="act"), name="bent", padding=1, params=irregular)
    left, right = b.conv2d(y, 8, 1, name="left"), b.conv2d(y, 8, 3, name="right", padding=1)
    return randomize(b.finish(b.conv2d(b.relu(b.add(left, right, name="join"), name="out"), 8, 1, name="last")))


MADE = [
    *(f"{layer}.{role}:folded" for layer in ("one", "moved") for role in ("weight", "bias")),
    *(f"norm.{role}:unshuffled" for role in ("weight", "bias", "running_mean", "running_var")),
    *(f"two.{role}:scaled" for role in ("weight", "bias")),
    *(f"right.{role}:merged by join" for role in ("weight", "bias")),
    "moved.weight:taps",
    "bent.weight:regular",
]


@pytest.mark.parametrize("key", MADE)
@pytest.mark.parametrize("layer", ["one", "last"])
def test_weights_that_passes_make_replace_none_of_the_files(key: str, layer: str) -> None:
    role = "bias" if "bias" in key else "weight"
    agree(through_a_file(renamed(rewritten(), {}, {}, {f"{layer}.{role}": key})), [(1, 8, 10, 10), (1, 8, 17, 11)])


class Drawn:
    """A random network of which all nodes, values and weights have hostile names."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.b = Builder()
        self.values = [self.b.input(int(self.rng.choice([3, 4, 8])), 12)]
        self.count = 0

    def shapes(self) -> list[Shape]:
        """Of three inputs."""
        c = self.b.channels(self.values[0])
        return [(int(self.rng.integers(1, 3)), c, *map(int, self.rng.integers(5, 40, 2))) for _ in range(3)]

    def graph(self) -> Graph:
        """Two to eight layers and, in half the cases, a flat second output with one slope for all it holds."""
        for _ in range(int(self.rng.integers(2, 9))):
            self.values.append(self.layer(self.values[-1 - int(self.rng.integers(min(3, len(self.values))))]))
        outputs = [self.values[-1]]
        if self.rng.random() < 0.5:
            flat = self.b.flatten(self.values[-1], name=self.name())
            outputs.append(self.b.apply("prelu", flat, name=self.name(), params={"weight": (1,)}))
        graph = randomize(self.b.finish(outputs), int(self.rng.integers(1000)))
        graph = hostile(graph, self.rng)
        if self.rng.random() < 0.5:
            graph.nodes = [node.replace(origin=(NAMES[0],)) for node in graph.nodes]
        return graph

    def layer(self, x: str) -> str:
        b, rng, name = self.b, self.rng, self.name()
        c = b.channels(x)
        kernel = int(rng.choice([1, 3]))
        alike = [value for value in self.values if b.shape(value) == b.shape(x)]
        layers = (
            lambda: b.conv2d(x, int(rng.choice([c, 4, 8])), kernel, name=name, padding=kernel // 2),
            lambda: b.conv2d(x, c, 3, name=name, padding=1, groups=c),
            lambda: b.batch_norm(x, name=name),
            lambda: b.activation(x, str(rng.choice(["relu", "hardswish", "sigmoid", "relu6"])), name=name),
            lambda: b.apply("prelu", x, name=name, params={"weight": (int(rng.choice([1, c])),)}),
            lambda: b.add(x, alike[int(rng.integers(len(alike)))], name=name),
            lambda: b.concat(x, b.conv2d(x, 4, 1, name=self.name()), name=name),
            lambda: b.apply("group_norm", x, name=name, num_groups=1),
            lambda: b.apply("scale_shift", x, name=name, scale=2.0, shift=-0.5),
            lambda: b.apply("shift", x, name=name),
        )
        return layers[int(rng.integers(len(layers)))]()

    def name(self) -> str:
        self.count += 1
        return f"layer{self.count}"


@pytest.mark.parametrize("seed", range(60))
def test_a_drawn_network_is_right_at_one_shape_after_another(seed: int) -> None:
    drawn = Drawn(seed)
    graph = drawn.graph()
    agree(through_a_file(graph), [graph.inputs[0].nominal, *drawn.shapes()], threads=1 + seed % 2, seed=seed)
