"""IGCV3: inverted residuals whose 1x1 convolutions are grouped and interleaved (Sun et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, Layout, Rows, Variant
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

# for CIFAR the first two strides are left out, that of the first convolution by small_input
CIFAR_TABLE: tuple[Row, ...] = tuple((t, c, n, 1 if c == 24 else s) for t, c, n, s in TABLE)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    groups: Count = 2,
    expand_activated: bool = True,
    shuffle_back: bool = True,
    table: Sequence[Row] = TABLE,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.5,
    eps: Factor = 1e-5,
) -> Graph:
    """The network IGCV3-D: ``groups`` in both 1x1 convolutions of each block, channels scaled by ``width``.

    ``expand_activated`` has a ReLU6 behind the first of them, as in the public port to PyTorch and not in the authors'
    code; without ``shuffle_back`` the channels stay interleaved.  ``small_input`` keeps 32x32 pictures at their size
    in the first convolution.
    """
    style = Style("relu6", padding, eps)
    block = partial(_block, groups=groups, activated=expand_activated, back=shuffle_back, style=style)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    divisor = math.lcm(8, groups)
    stem = make_divisible(STEM * width, divisor)
    x = conv_bn_act(b, x, stem, 3, names=sequential("features.0"), style=style, stride=1 if small_input else 2)
    index = 1
    for t, c, n, s in table:
        for i in range(n):
            channels = make_divisible(c * width, divisor)
            x = block(b, x, channels, name=f"features.{index}", expand=t, stride=s if i == 0 else 1)
            index += 1
    head = make_divisible(HEAD * max(1.0, width))
    x = conv_bn_act(b, x, head, 1, names=sequential(f"features.{index}"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name=f"features.{index + 1}"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def _block(
    b: Builder,
    x: str,
    channels: int,
    *,
    name: str,
    expand: int,
    stride: int,
    groups: int,
    activated: bool,
    back: bool,
    style: Style,
) -> str:
    """Expand, interleave, depthwise, project, interleave back; then the input is added where shape allows (figure 2).

    Behind the projection the shuffle is the other way round, so that a channel meets the one it was made from.
    """
    if expand < 1:
        raise InputError(f"table: expected expansions of at least 1, found {expand}")
    entry, conv, hidden = x, f"{name}.conv", expand * b.channels(x)
    names = (f"{conv}.0", f"{conv}.1", f"{conv}.2")[: 3 if activated else 2]
    x = conv_bn_act(b, x, hidden, 1, names=names, style=style, groups=groups)
    x = b.channel_shuffle(x, groups, name=f"{conv}.3")
    names = (f"{conv}.4", f"{conv}.5", f"{conv}.6")
    x = conv_bn_act(b, x, hidden, 3, names=names, style=style, stride=stride, groups=hidden)
    x = conv_bn_act(b, x, channels, 1, names=(f"{conv}.7", f"{conv}.8"), style=style, groups=groups)
    x = b.channel_shuffle(x, channels // groups, name=f"{conv}.9") if back else x
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and b.channels(entry) == channels else x


def layouts(table: Sequence[Row] = TABLE, shuffle_back: bool = True, **_: Any) -> dict[str, Layout]:
    """The key map of pytorchcv's checkpoints, whose blocks have one shuffle; stages begin where the size is halved."""
    if shuffle_back:
        return {}
    rows: list[tuple[str, str]] = []
    stage, unit, index = 1, 0, 1
    for _t, _c, repeats, first_stride in table:
        for i in range(repeats):
            stage, unit = (stage + 1, 1) if i == 0 and first_stride > 1 else (stage, unit + 1)
            for layer, number in (("conv1", 0), ("conv2", 4), ("conv3", 7)):
                here = rf"^features\.stage{stage}\.unit{unit}\.{layer}"
                rows += _numbered(here, f"features.{index}.conv", number)
            index += 1
    first = _numbered(r"^features\.init_block", "features.0")
    last = _numbered(r"^features\.final_block", f"features.{index}")
    return {"pytorchcv": Layout((*first, *rows, *last, (r"^output\.", "classifier.1.")))}


def _numbered(pattern: str, name: str, number: int = 0) -> Rows:
    """Rows that turn a convolution and its norm, called so there, into the layers of a torch Sequential."""
    return (rf"{pattern}\.conv\.", f"{name}.{number}."), (rf"{pattern}\.bn\.", f"{name}.{number + 1}.")


CIFAR = {"table": CIFAR_TABLE, "small_input": True, "num_classes": 10}
PYTORCHCV = {"expand_activated": False, "shuffle_back": False}

FAMILIES = (
    Family(
        name="igcv3",
        paper="IGCV3: Interleaved Low-Rank Group Convolutions for Efficient Deep Neural Networks",
        year=2018,
        build=build,
        layouts=layouts,
        knob_aliases={"width_multiplier": "width"},
        variants=(
            Variant("igcv3_d_1x", aliases=("igcv3_d_1.0",), params=3_491_688, macs=312_970_176),
            Variant("igcv3_d_0.7x", {"width": 0.7}, params=2_494_648, macs=177_466_752),
            Variant("igcv3_d_1.4x", {"width": 1.4}, params=6_030_216, macs=592_770_416),
            Variant("igcv3_d_1x_cifar", CIFAR, labels="cifar10", params=2_223_498, macs=93_531_648),
            Variant("igcv3_w1", PYTORCHCV, ("pytorchcv_igcv3_w1",), 3_491_688, 312_970_176),
        ),
    ),
)
