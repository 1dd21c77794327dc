"""MnasNet: a search for accuracy and measured latency, block by block (Tan et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import BlockNames, SqueezeExcite, Style, conv_bn_act, inverted_residual, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = tuple[int, int, int, int, int, float]

# paper, figure 7, MnasNet-A1 behind its separable convolution:
# kernel k, expansion t, channels c, repeats n, stride s of the first, squeeze-and-excitation's share of the input
A1: tuple[Row, ...] = (
    (3, 6, 24, 2, 2, 0),
    (5, 3, 40, 3, 2, 0.25),
    (3, 6, 80, 4, 2, 0),
    (3, 6, 112, 2, 1, 0.25),
    (5, 6, 160, 3, 2, 0.25),
    (3, 6, 320, 1, 1, 0),
)

# MnasNet-B1, found without squeeze-and-excitation in the search space
B1: tuple[Row, ...] = (
    (3, 3, 24, 3, 2, 0),
    (5, 3, 40, 3, 2, 0),
    (5, 6, 80, 3, 2, 0),
    (3, 6, 96, 2, 1, 0),
    (5, 6, 192, 4, 2, 0),
    (3, 6, 320, 1, 1, 0),
)

# the authors' small network
SMALL: tuple[Row, ...] = (
    (3, 3, 16, 1, 2, 0),
    (3, 6, 16, 2, 2, 0),
    (5, 6, 32, 4, 2, 0.25),
    (3, 6, 32, 3, 1, 0.25),
    (5, 6, 88, 3, 2, 0.25),
    (3, 6, 144, 1, 1, 0),
)

HEAD = 1280


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = B1,
    stem: Count = 32,
    first: Count = 16,
    first_shortcut: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of figure 7 with another ``table``: ``stem`` channels, ``first`` of the separable convolution, rows.

    ``first_shortcut`` adds the input of the separable convolution to its output where shape allows, as in other blocks.
    ``width`` is the paper's depth multiplier, of all channels but the head's; ``small_input`` gives the first
    convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stem = make_divisible(stem * width)
    x = conv_bn_act(b, x, stem, 3, names=_names("layers", 0), style=style, stride=1 if small_input else 2)
    entry, first = x, make_divisible(first * width)
    x = conv_bn_act(b, x, stem, 3, names=_names("layers", 3), style=style, groups=stem)
    x = conv_bn_act(b, x, first, 1, names=_names("layers", 6)[:2], style=style)
    if first_shortcut and first == stem:
        x = b.add(entry, x, name="layers.7.add")
    for stage, (k, t, c, n, s, share) in enumerate(table, start=8):
        for i in range(n):
            name, before = f"layers.{stage}.{i}", b.channels(x)
            squeeze = SqueezeExcite(f"{name}.se", max(1, round(before * share)))
            x = inverted_residual(
                b,
                x,
                make_divisible(c * width),
                names=_block(name),
                hidden=before * t,
                stride=s if i == 0 else 1,
                style=style,
                kernel=k,
                attention=squeeze if share else None,
            )
    x = conv_bn_act(b, x, HEAD, 1, names=_names("layers", 8 + len(table)), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def _names(prefix: str, number: int) -> tuple[str, str, str]:
    """Convolution, norm and activation that stand at a number in a torch Sequential."""
    return f"{prefix}.{number}", f"{prefix}.{number + 1}", f"{prefix}.{number + 2}"


def _block(name: str) -> BlockNames:
    expand, depthwise, project = (_names(f"{name}.layers", number) for number in (0, 3, 6))
    return BlockNames(expand, depthwise, project[:2], f"{name}.add")


def layouts(table: Sequence[Row] = B1, **_: Any) -> dict[str, Layout]:
    """Key map of timm's checkpoints."""
    rows = [(r"^conv_stem\.", "layers.0."), (r"^bn1\.", "layers.1.")]
    for number, layer in ((3, "conv_dw"), (4, "bn1"), (6, "conv_pw"), (7, "bn2")):
        rows.append((rf"^blocks\.0\.0\.{layer}\.", f"layers.{number}."))
    for stage in range(1, len(table) + 1):
        here = (rf"^blocks\.{stage}\.(\d+)\.", rf"layers.{stage + 7}.\1.")
        for number, layer in enumerate(("conv_pw", "bn1", "", "conv_dw", "bn2", "", "conv_pwl", "bn3")):
            if layer:
                rows.append((rf"{here[0]}{layer}\.", f"{here[1]}layers.{number}."))
        for part, layer in (("fc1", "conv_reduce"), ("fc2", "conv_expand")):
            rows.append((rf"{here[0]}se\.{layer}\.", f"{here[1]}se.{part}."))
    last = len(table) + 8
    rows += [(r"^conv_head\.", f"layers.{last}."), (r"^bn2\.", f"layers.{last + 1}.")]
    return {"timm": Layout((*rows, (r"^classifier\.(?=[a-z])", "classifier.1.")))}


SMALL_NETWORK = {"table": SMALL, "stem": 8, "first": 8, "first_shortcut": True}

FAMILIES = (
    Family(
        name="mnasnet",
        paper="MnasNet: Platform-Aware Neural Architecture Search for Mobile",
        year=2019,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width", "depth_multiplier": "width", "alpha": "width"},
        variants=(
            Variant("mnasnet1_0", {}, ("mnasnet_100", "mnasnet_b1"), 4_383_312, 314_415_872),
            Variant("mnasnet0_5", {"width": 0.5}, ("mnasnet_050",), 2_218_512, 104_455_968),
            Variant("mnasnet0_75", {"width": 0.75}, ("mnasnet_075",), 3_170_208, 215_493_104),
            Variant("mnasnet1_3", {"width": 1.3}, (), 6_282_256, 526_362_432),
            Variant("mnasnet_140", {"width": 1.4}, (), 7_115_728, 588_799_408),
            Variant("mnasnet_small", SMALL_NETWORK, (), 2_030_264, 68_339_184),
            Variant("semnasnet_100", {"table": A1}, ("mnasnet_a1",), 3_887_038, 311_579_072),
            Variant("semnasnet_050", {"table": A1, "width": 0.5}, (), 2_082_006, 103_162_992),
            Variant("semnasnet_075", {"table": A1, "width": 0.75}, (), 2_912_278, 223_448_480),
            Variant("semnasnet_140", {"table": A1, "width": 1.4}, (), 6_105_992, 586_317_952),
        ),
    ),
)
