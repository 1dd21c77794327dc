"""IGCV3: inverted residuals whose 1x1 convolutions are grouped and interleaved (Sun et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = Sequence[int]

# paper, IGCV3-D: expansion t, channels c, repeats n, stride s of the first; MobileNet V2's at twice the depth
TABLE: tuple[Row, ...] = (
    (1, 16, 1, 1),
    (6, 24, 4, 2),
    (6, 32, 6, 2),
    (6, 64, 8, 2),
    (6, 96, 6, 1),
    (6, 160, 6, 2),
    (6, 320, 1, 1),
)
STEM, HEAD = 32, 1280


def build(
    num_classes: Count = 1000,
    width: Factor = 1.0,
    groups: Count = 2,
    table: Sequence[Row] = TABLE,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.5,
    eps: Factor = 1e-5,
) -> Graph:
    """The network IGCV3-D: ``groups`` in both 1x1 convolutions of each block, channels scaled by ``width``.

    ``small_input`` keeps 32x32 pictures at their size in the first convolution.
    """
    style = Style("relu6", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    divisor = math.lcm(8, groups)
    stem = make_divisible(STEM * width, divisor)
    x = conv_bn_act(b, x, stem, 3, names=sequential("features.0"), style=style, stride=1 if small_input else 2)
    index = 1
    for t, c, n, s in table:
        for i in range(n):
            channels = make_divisible(c * width, divisor)
            x = _block(b, x, channels, f"features.{index}", t, s if i == 0 else 1, groups, style)
            index += 1
    head = make_divisible(HEAD * max(1.0, width))
    x = conv_bn_act(b, x, head, 1, names=sequential(f"features.{index}"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name=f"features.{index + 1}"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def _block(b: Builder, x: str, channels: int, name: str, expand: int, stride: int, groups: int, style: Style) -> str:
    """Expand, interleave, depthwise, project, interleave back; then the input is added where shape allows (figure 2).

    Behind the projection the shuffle is the other way round, so that a channel meets the one it was made from.
    """
    if expand < 1:
        raise InputError(f"table: expected expansions of at least 1, found {expand}")
    entry, conv, hidden = x, f"{name}.conv", expand * b.channels(x)
    names = (f"{conv}.0", f"{conv}.1", f"{conv}.2")
    x = conv_bn_act(b, x, hidden, 1, names=names, style=style, groups=groups)
    x = b.channel_shuffle(x, groups, name=f"{conv}.3")
    names = (f"{conv}.4", f"{conv}.5", f"{conv}.6")
    x = conv_bn_act(b, x, hidden, 3, names=names, style=style, stride=stride, groups=hidden)
    x = conv_bn_act(b, x, channels, 1, names=(f"{conv}.7", f"{conv}.8"), style=style, groups=groups)
    x = b.channel_shuffle(x, channels // groups, name=f"{conv}.9")
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and b.channels(entry) == channels else x


FAMILIES = (
    Family(
        name="igcv3",
        paper="IGCV3: Interleaved Low-Rank Group Convolutions for Efficient Deep Neural Networks",
        year=2018,
        build=build,
        knob_aliases={"width_multiplier": "width"},
        variants=(
            Variant("igcv3_d_1x", aliases=("igcv3_d_1.0", "igcv3_w1"), params=3_491_688, macs=312_970_176),
            Variant("igcv3_d_0.7x", {"width": 0.7}, params=2_494_648, macs=177_466_752),
            Variant("igcv3_d_1.4x", {"width": 1.4}, params=6_030_216, macs=592_770_416),
        ),
    ),
)
