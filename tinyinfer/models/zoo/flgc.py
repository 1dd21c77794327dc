"""Fully learnable group convolution: which channels belong together is trained, on MobileNet V2 (Wang et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyinfer.builder import Builder
from tinyinfer.errors import WeightsError
from tinyinfer.graph import Graph, Node, TensorType
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, State, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability
from tinyinfer.models.zoo.mobilenet_v2 import IMAGENET_TABLE, Row
from tinyinfer.ops.convolution.conv2d import Conv2d
from tinyinfer.ops.movement.joining import IndexSelect

# keys of the selection matrices (section 3.1): of S, input channels by groups, and of T, filters by groups
INPUTS = ".in_channels_in_group_assignment_map"
FILTERS = ".out_channels_in_group_assignment_map"


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    groups: Count = 8,
    converted: bool = False,
    table: Sequence[Row] = IMAGENET_TABLE,
    stem: Count = 32,
    head: Count = 1280,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """MobileNet V2 whose blocks have 1x1 convolutions with ``groups`` learned groups.

    As trained they are dense, their weights masked; ``converted`` gives a permutation, a grouped convolution and
    another permutation (section 3.3), which are set when weights are loaded.  The other knobs are MobileNet V2's.
    """
    style = Style("relu6", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    divisor, stride = math.lcm(8, groups), 1 if small_input else 2
    x = conv_bn_act(
        b, x, make_divisible(stem * width, divisor), 3, names=sequential("features.0"), style=style, stride=stride
    )
    index = 1
    for t, c, n, s in table:
        for i in range(n):
            channels, step = make_divisible(c * width, divisor), s if i == 0 else 1
            x = _block(b, x, channels, f"features.{index}", t, step, groups, converted, style)
            index += 1
    last = make_divisible(head * max(1.0, width))
    x = conv_bn_act(b, x, last, 1, names=sequential(f"features.{index}"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def _block(
    b: Builder, x: str, channels: int, name: str, expand: int, stride: int, groups: int, converted: bool, style: Style
) -> str:
    """The inverted residual of MobileNet V2, both of its 1x1 convolutions in learned groups."""
    entry, conv, hidden, at = x, f"{name}.conv", expand * b.channels(x), int(expand != 1)
    if expand != 1:
        x = _learned(b, x, hidden, f"{conv}.0.0", groups, converted)
        x = b.batch_norm(x, name=f"{conv}.0.1", eps=style.eps)
        x = b.activation(x, style.activation, name=f"{conv}.0.2")
    x = conv_bn_act(b, x, hidden, 3, names=sequential(f"{conv}.{at}"), style=style, stride=stride, groups=hidden)
    x = _learned(b, x, channels, f"{conv}.{at + 1}", groups, converted)
    x = b.batch_norm(x, name=f"{conv}.{at + 2}", eps=style.eps)
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and b.channels(entry) == channels else x


def _learned(b: Builder, x: str, channels: int, name: str, groups: int, converted: bool) -> str:
    """The 1x1 convolution in either form; until weights are loaded, outputs i, i + G, i + 2G ... are group i of G."""
    if not converted:
        return b.conv2d(x, channels, 1, name=f"{name}.conv", bias=False)
    x = b.apply("index_select", x, name=f"{name}.gather", dim=1, index=tuple(range(b.channels(x))))
    x = b.conv2d(x, channels, 1, name=f"{name}.conv", groups=groups, bias=False)
    order = tuple(i % groups * (channels // groups) + i // groups for i in range(channels))
    return b.apply("index_select", x, name=f"{name}.scatter", dim=1, index=order)


def adapt(graph: Graph, state: State) -> State:
    """Apply the selection matrices of a checkpoint: as masks of dense weights, or as permutations of grouped ones.

    Groups may be of different sizes; in a converted network all are as large as the largest, filled up with weights
    of zero.  Raises WeightsError for matrices that do not fit.
    """
    adapted, nodes = dict(state), {node.name: node for node in graph.nodes}
    for key in [key for key in state if key.endswith(INPUTS)]:
        layer = key.removesuffix(INPUTS)
        weight = state.get(f"{layer}.conv.weight")
        if weight is None or weight.ndim != 4:
            raise WeightsError(f"{key!r}: expected the weights of a convolution beside it")
        rows = _groups(state, layer + FILTERS, weight.shape[0]), _groups(state, key, weight.shape[1])
        if f"{layer}.gather" not in nodes:
            adapted[f"{layer}.conv.weight"] = weight * np.equal.outer(*rows)[:, :, None, None]
        else:
            adapted[f"{layer}.conv.weight"] = _regroup(graph, nodes, layer, weight, *rows)
    return adapted


def _groups(state: State, key: str, channels: int) -> np.ndarray:
    """Group of each channel: the column of its row's largest entry."""
    matrix = state.get(key)
    if matrix is None or matrix.ndim != 2 or len(matrix) != channels:
        found = "nothing" if matrix is None else TensorType(matrix.shape)
        raise WeightsError(f"{key!r}: expected {channels} rows, one for each channel, found {found}")
    return np.asarray(matrix.argmax(axis=1))


def _regroup(
    graph: Graph, nodes: dict[str, Node], layer: str, weight: np.ndarray, filters: np.ndarray, inputs: np.ndarray
) -> np.ndarray:
    """Weights of the grouped convolution; the indices that go with them are set in the graph."""
    op = nodes[f"{layer}.conv"].op
    assert isinstance(op, Conv2d)
    groups = op.groups
    if max(filters.max(), inputs.max()) >= groups:
        raise WeightsError(f"{layer}: expected {groups} groups, found {1 + max(filters.max(), inputs.max())}")
    read, made = (max(np.bincount(of, minlength=groups)) for of in (inputs, filters))
    grouped = np.zeros((groups * made, read, 1, 1), np.float32)
    gather, scatter = np.zeros(groups * read, int), np.zeros(len(filters), int)
    for group in range(groups):
        sources, targets = np.flatnonzero(inputs == group), np.flatnonzero(filters == group)
        gather[group * read :][: len(sources)] = sources
        scatter[targets] = group * made + np.arange(len(targets))
        grouped[group * made :][: len(targets), : len(sources)] = weight[np.ix_(targets, sources)]
    for part, index in (("gather", gather), ("scatter", scatter)):
        node = nodes[f"{layer}.{part}"]
        graph.replace_node(node, node.replace(op=IndexSelect(dim=1, index=tuple(map(int, index)))))
    graph.weights[f"{layer}.conv.weight"] = grouped
    return grouped


FAMILIES = (
    Family(
        name="flgc",
        paper="Fully Learnable Group Convolution for Acceleration of Deep Neural Networks",
        year=2019,
        build=build,
        ignore=(rf".*\{INPUTS}$", rf".*\{FILTERS}$"),
        adapt=adapt,
        knob_aliases={"width_mult": "width"},
        variants=(
            Variant(
                "mobilenet_v2_flgc", params=3_504_872, macs=300_774_272
            ),  # as trained, where the number of groups shows in no weight
            *(Variant(f"mobilenet_v2_flgc{groups}", {"groups": groups, "converted": True}) for groups in (2, 4, 8)),
        ),
    ),
)
