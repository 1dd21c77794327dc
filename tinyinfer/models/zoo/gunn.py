"""GUNN: layers that update their channels gradually, a segment after the other (Qiao et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor

Row = Sequence[int]

# paper, table 1: channels N and segments K of the gradually updated layers
GUNN_15: tuple[Row, ...] = ((240, 20), (300, 25), (360, 30))
GUNN_18: tuple[Row, ...] = ((400, 10), (800, 20), (1600, 40), (2000, 50))


def build(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    table: Sequence[Row] = GUNN_15,
    small_input: bool = True,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """The networks of table 1: a 1x1 to N channels, a gradually updated layer, a pool; and so on.

    ``small_input`` is the form for CIFAR: a 3x3 stem, pools behind the 1x1, one more 1x1 at the end, and a projection
    beside every update.  The other begins with ResNet's 7x7 and pool.
    """
    style = Style("relu", eps=eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stem = make_divisible(64 * width)
    if small_input:
        x = conv_bn_act(b, x, stem, 3, names=("0", "1", "2"), style=style)
    else:
        x = conv_bn_act(b, x, stem, 7, names=("0", "1", "2"), style=style, stride=2)
        x = b.max_pool2d(x, 3, name="3", stride=2, padding=1)
    at = 3 if small_input else 4
    for i, (channels, segments) in enumerate(table):
        each = max(1, round(channels * width / segments))
        if i > 0 and not small_input:
            x, at = b.avg_pool2d(x, 2, name=f"{at}"), at + 1
        x = conv_bn_act(b, x, each * segments, 1, names=(f"{at}", f"{at + 1}", f"{at + 2}"), style=style)
        at += 3
        if i > 0 and small_input:
            x, at = b.avg_pool2d(x, 2, name=f"{at}"), at + 1
        x = _gradual_layer(b, x, segments, f"{at}", style, projected=small_input)
        at += 1
    if small_input:
        x = conv_bn_act(b, x, b.channels(x), 1, names=(f"{at}", f"{at + 1}", f"{at + 2}"), style=style)
        at += 3
    x = b.flatten(b.adaptive_avg_pool2d(x, name=f"{at}"), name=f"{at + 1}")
    return b.finish(b.linear(x, num_classes, name=f"{at + 2}"))


def _gradual_layer(b: Builder, x: str, segments: int, name: str, style: Style, projected: bool) -> str:
    """Each segment in turn adds to itself what a bottleneck makes of all channels as they then are (equation 2)."""
    each = b.channels(x) // segments
    parts = b.split(x, each, name=f"{name}.split") if segments > 1 else [x]
    for i in range(segments):
        now = b.concat(*parts, name=f"{name}.concat{i}")
        y = _bottleneck(b, now, each, f"{name}.main.{i}", style)
        if projected:
            shortcut = f"{name}.shortcut.{i}"
            side = conv_bn_act(b, now, each, 1, names=(f"{shortcut}.0", f"{shortcut}.1"), style=style)
            y = b.add(side, y, name=f"{shortcut}.add")
        parts[i] = b.add(y, parts[i], name=f"{name}.add{i}")
    return b.concat(*parts, name=name)


def _bottleneck(b: Builder, x: str, channels: int, name: str, style: Style) -> str:
    x = conv_bn_act(b, x, 2 * channels, 1, names=(f"{name}.0", f"{name}.1", f"{name}.2"), style=style)
    x = conv_bn_act(b, x, 2 * channels, 3, names=(f"{name}.3", f"{name}.4", f"{name}.5"), style=style)
    return conv_bn_act(b, x, channels, 1, names=(f"{name}.6", f"{name}.7"), style=style)


FAMILIES = (
    Family(
        name="gunn",
        paper="Gradually Updated Neural Networks for Large-Scale Image Recognition",
        year=2017,
        build=build,
        labels="cifar10",
        variants=(
            Variant("gunn15", aliases=("gunn15_cifar_transcribed",), params=1_585_746, macs=555_716_112),
            Variant(
                "gunn18",
                {"table": GUNN_18, "num_classes": 1000, "small_input": False},
                labels="imagenet",
                params=28_909_736,
                macs=7_747_079_552,
            ),
        ),
    ),
)
