"""ReXNet: channels that grow from block to block, so that no layer is a bottleneck of rank (Han et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[int]

# paper, table 5 without its channels, which equation 2 gives: expansion t, repeats n, stride s of the first
TABLE: tuple[Row, ...] = (
    (1, 1, 1),
    (6, 2, 2),
    (6, 2, 2),
    (6, 3, 2),
    (6, 3, 1),
    (6, 5, 2),
)
WITHOUT_ATTENTION = 2  # rows
FIRST, GROWTH = 16, 180  # channels of the first block, and what the blocks add to them in equal steps
STEM, HEAD = 32, 1280
SQUEEZE = 1 / 12


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depth: Factor = 1.0,
    table: Sequence[Row] = TABLE,
    divisor: Count = 1,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 5; ``depth`` multiplies the repeats.

    A ``width`` below 1 leaves stem and first block as they are; ``divisor`` is what channels are multiples of;
    ``small_input`` gives the first convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style("silu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stem = make_divisible(round(STEM * max(1.0, width)), divisor)
    x = conv_bn_act(b, x, stem, 3, names=_names("stem"), style=style, stride=1 if small_input else 2)
    rows = [(t, math.ceil(n * depth), s) for t, n, s in table]
    sizes = channels(sum(n for _, n, _ in rows), width, divisor)
    index = 0
    for place, (t, n, s) in enumerate(rows):
        for i in range(n):
            attention = place >= WITHOUT_ATTENTION
            name, stride = f"features.{index}", s if i == 0 else 1
            x = _bottleneck(b, x, next(sizes), t, stride, name=name, divisor=divisor, attention=attention, style=style)
            index += 1
    head = make_divisible(HEAD * width, divisor)
    x = conv_bn_act(b, x, head, 1, names=_names(f"features.{index}"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="head.global_pool"))
    x = b.dropout(x, dropout, name="head.drop")
    return b.finish(b.linear(x, num_classes, name="head.fc"))


def channels(blocks: int, width: float = 1.0, divisor: int = 1) -> Iterator[int]:
    """Channels of each block: a straight line (equation 2)."""
    first = FIRST / min(width, 1.0)
    for i in range(blocks):
        yield make_divisible(round((first + i * GROWTH / blocks) * width), divisor)


def _names(prefix: str) -> tuple[str, str, str]:
    return f"{prefix}.conv", f"{prefix}.bn", f"{prefix}.act"


def _bottleneck(
    b: Builder,
    x: str,
    channels: int,
    t: int,
    stride: int,
    *,
    name: str,
    divisor: int,
    attention: bool,
    style: Style,
) -> str:
    """An inverted residual whose depthwise is followed by attention and then ReLU6 (figure 3)."""
    entry, before = x, b.channels(x)
    hidden = make_divisible(before * t, divisor) if t != 1 else before
    if t != 1:
        x = conv_bn_act(b, x, hidden, 1, names=_names(f"{name}.conv_exp"), style=style)
    x = conv_bn_act(b, x, hidden, 3, names=_names(f"{name}.conv_dw")[:2], style=style, stride=stride, groups=hidden)
    if attention:
        x = SqueezeExcite(f"{name}.se", make_divisible(int(hidden * SQUEEZE), divisor), norm="bn")(b, x)
    x = b.activation(x, "relu6", name=f"{name}.act_dw")
    x = conv_bn_act(b, x, channels, 1, names=_names(f"{name}.conv_pwl")[:2], style=style)
    return _shortcut(b, entry, x, name) if stride == 1 and before <= channels else x


def _shortcut(b: Builder, entry: str, x: str, name: str) -> str:
    """The sum of as many channels as the block takes; those that it adds go past (section 4.2)."""
    old, new = b.channels(entry), b.channels(x) - b.channels(entry)
    if not new:
        return b.add(x, entry, name=f"{name}.add")
    kept, added = b.split(x, (old, new), name=f"{name}.split")
    return b.concat(b.add(kept, entry, name=f"{name}.add"), added, name=f"{name}.concat")


FAMILIES = (
    Family(
        name="rexnet",
        paper="Rethinking Channel Dimensions for Efficient Model Design",
        year=2021,
        build=build,
        knob_aliases={"width_mult": "width", "depth_mult": "depth"},
        variants=(
            Variant("rexnet_100", {}, (), 4_796_873, 398_370_392),
            Variant("rexnet_130", {"width": 1.3}, (), 7_557_091, 662_229_098),
            Variant("rexnet_150", {"width": 1.5}, (), 9_728_593, 875_828_154),
            Variant("rexnet_200", {"width": 2.0}, (), 16_366_620, 1_528_850_782),
            Variant("rexnet_300", {"width": 3.0}, (), 34_708_792, 3_395_980_620),
            Variant("rexnetr_100", {"divisor": 8}, (), 4_883_304, 418_899_408),
            Variant("rexnetr_130", {"width": 1.3, "divisor": 8}, (), 7_608_080, 661_005_776),
            Variant("rexnetr_150", {"width": 1.5, "divisor": 8}, (), 9_782_256, 872_390_256),
            Variant("rexnetr_200", {"width": 2.0, "divisor": 8}, (), 16_522_432, 1_559_353_712),
            Variant("rexnetr_300", {"width": 3.0, "divisor": 16}, (), 34_810_008, 3_343_674_720),
        ),
    ),
)
