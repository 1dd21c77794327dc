"""CondenseNet: dense blocks whose 1x1 convolutions have learned which inputs each group reads (Huang et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks.learned_group_conv import condensed_linear, learned_group_conv, norm_relu
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor
from tinyinfer.models.zoo.condense_weights import BUFFERS, adapt

# paper, table 1: layers of each block and what each of them adds
STAGES = (4, 6, 8, 10, 8)
GROWTH = (8, 16, 32, 64, 128)

# layers of each of the three blocks for CIFAR, by the depth that gives the network's name (authors' repository)
CIFAR_STAGES = {50: 8, 74: 12, 86: 14, 98: 16, 110: 18, 122: 20, 182: 30}
CIFAR_GROWTH = (8, 16, 32)
WIDE_CIFAR_GROWTH = (12, 24, 48)


def build(
    *,
    num_classes: Count = 1000,
    stages: Sequence[int] = STAGES,
    growth: Sequence[int] = GROWTH,
    groups: Count = 4,
    condense: Count = 4,
    bottleneck: Count = 4,
    reduction: Factor | None = None,
    converted: bool = True,
    classifier_share: Factor = 0.5,
    width: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1, with ``growth`` times ``width`` rounded up so that groups and condensation divide it.

    ``condense`` is C: each of the ``groups`` groups of a 1x1 convolution has kept 1 / C of its inputs.  ``converted``
    gives the inference form, whose classifier reads ``classifier_share`` of the features; otherwise the 1x1s are dense
    ones to be masked, as in training.  ``reduction`` puts a learned group convolution into each transition
    (DenseNet-LGC, section 4.1); ``small_input`` takes a first stride of 1.
    """
    if len(stages) != len(growth) or min([*stages, *growth], default=0) < 1:
        raise InputError(f"stages, growth: expected as many counts in each, found {stages!r} and {growth!r}")
    if converted and classifier_share > 1:
        raise InputError(f"classifier_share: expected at most 1, found {classifier_share}")
    multiple = math.lcm(groups, condense)
    added = [_round_up(k * width, multiple) for k in growth]
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stride = 1 if small_input else 2
    x = b.conv2d(x, 2 * added[0], 3, name="features.init_conv", stride=stride, padding=1, bias=False)

    def learned(x: str, channels: int, name: str) -> str:
        return learned_group_conv(
            b, x, channels, name=name, groups=groups, condense=condense, converted=converted, eps=eps
        )

    for stage, (depth, k) in enumerate(zip(stages, added, strict=True), start=1):
        if stage > 1:
            if reduction is not None:
                channels = _round_up(math.ceil(b.channels(x) * reduction), multiple)
                x = learned(x, channels, f"features.transition_{stage - 1}.conv")
            x = b.avg_pool2d(x, 2, name=f"features.transition_{stage - 1}.pool")
        for i in range(1, depth + 1):
            name = f"features.denseblock_{stage}.denselayer_{i}"
            y = norm_relu(b, learned(x, bottleneck * k, f"{name}.conv_1"), f"{name}.conv_2", eps)
            y = b.conv2d(y, k, 3, name=f"{name}.conv_2.conv", padding=1, groups=groups, bias=False)
            x = b.concat(x, y, name=f"{name}.concat")
    x = b.activation(b.batch_norm(x, name="features.norm_last", eps=eps), "relu", name="features.relu_last")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="features.pool_last"))
    if converted:
        return b.finish(condensed_linear(b, x, num_classes, name="classifier", share=classifier_share))
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _round_up(channels: float, multiple: int) -> int:
    return max(1, math.ceil(channels / multiple)) * multiple


def _forms(name: str, aliases: tuple[str, ...], trained: tuple[str, ...], **knobs: Any) -> tuple[Variant, Variant]:
    """A network as trained and, under the paper's name, as converted; the former first, as its weights fit both."""
    return Variant(f"{name}_lgc", {**knobs, "converted": False}, trained), Variant(name, knobs, aliases)


def _cifar(depth: int, aliases: tuple[str, ...] = (), trained: tuple[str, ...] = ()) -> tuple[Variant, Variant]:
    """The network for CIFAR of this depth; the deepest is wider too."""
    growth = CIFAR_GROWTH if depth < 182 else WIDE_CIFAR_GROWTH
    stages = (CIFAR_STAGES[depth],) * len(growth)
    return _forms(
        f"condensenet{depth}_cifar", aliases, trained, stages=stages, growth=growth, num_classes=10, small_input=True
    )


PAPER = "CondenseNet: An Efficient DenseNet using Learned Group Convolutions"
CIFAR_PREPROCESS = {"mean": [0.4914, 0.4824, 0.4467], "std": [0.2471, 0.2435, 0.2616]}

FAMILIES = (
    Family(
        name="condensenet",
        paper=PAPER,
        year=2018,
        build=build,
        ignore=BUFFERS,
        adapt=adapt,
        variants=(
            *_forms(
                "condensenet74_c4_g4",
                ("condensenet_imagenet_converted", "condensenet_74_4"),
                ("condensenet_imagenet_lgc",),
            ),
            *_forms("condensenet74_c8_g8", ("condensenet_74_8",), (), groups=8, condense=8),
        ),
    ),
    Family(
        name="condensenet_cifar",
        paper=PAPER,
        year=2018,
        build=build,
        labels="cifar10",
        preprocess=CIFAR_PREPROCESS,
        ignore=BUFFERS,
        adapt=adapt,
        variants=(
            *_cifar(50),
            *_cifar(74),
            *_cifar(86, ("condensenet_cifar_converted", "condensenet_86"), ("condensenet_cifar_lgc",)),
            *_cifar(98),
            *_cifar(110),
            *_cifar(122),
            *_cifar(182, ("condensenet_182",)),
            Variant(
                "densenet_lgc_cifar",
                {
                    "stages": (CIFAR_STAGES[86],) * 3,
                    "growth": CIFAR_GROWTH,
                    "reduction": 0.5,
                    "num_classes": 10,
                    "small_input": True,
                    "converted": False,
                },
                params=1_061_898,
                macs=154_326_816,
            ),
        ),
    ),
)
