"""Xception: inception modules taken to their extreme, depthwise separable convolutions (Chollet 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor

# paper, figure 5: filters of the separable convolutions of each block, the blocks that end with a pool
ENTRY_FLOW = ((128, 128), (256, 256), (728, 728))
MIDDLE_FLOW = (728, 728, 728)
EXIT_FLOW = ((728, 1024),)
LAST = (1536, 2048)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    middle: int = 8,
    small_input: bool = False,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of figure 5, ``middle`` blocks in its middle flow.

    ``small_input`` gives the first convolution stride 1 and pads both that the paper does not.
    """
    style = Style("relu", eps=eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 299))
    for i, filters in ((1, 32), (2, 64)):
        channels, padding, stride = make_divisible(filters * width), int(small_input), 1 if small_input or i == 2 else 2
        x = b.conv2d(x, channels, 3, name=f"conv{i}", stride=stride, padding=padding, bias=False)
        x = b.relu(b.batch_norm(x, name=f"bn{i}", eps=eps), name=f"relu{i}")
    blocks = [(filters, True) for filters in ENTRY_FLOW] + [(MIDDLE_FLOW, False)] * middle
    for i, (row, pooled) in enumerate([*blocks, *((filters, True) for filters in EXIT_FLOW)], start=1):
        x = _block(b, x, [make_divisible(filters * width) for filters in row], f"block{i}", pooled, i > 1, style)
    for i, filters in enumerate(LAST, start=3):
        x = _separable(b, x, make_divisible(filters * width), f"conv{i}")
        x = b.relu(b.batch_norm(x, name=f"bn{i}", eps=eps), name=f"relu{i}")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="global_pool"))
    return b.finish(b.linear(x, num_classes, name="fc"))


def _block(b: Builder, x: str, row: Sequence[int], name: str, pooled: bool, relu_first: bool, style: Style) -> str:
    """Separable convolutions with a ReLU before each, and a shortcut, which is a strided 1x1 around a pool."""
    y, at = x, 0
    for i, channels in enumerate(row):
        if i > 0 or relu_first:
            y = b.relu(y, name=f"{name}.rep.{at}")
            at += 1
        y = _separable(b, y, channels, f"{name}.rep.{at}")
        y = b.batch_norm(y, name=f"{name}.rep.{at + 1}", eps=style.eps)
        at += 2
    if not pooled:
        return b.add(y, x, name=f"{name}.add")
    y = b.max_pool2d(y, 3, name=f"{name}.rep.{at}", stride=2, padding=1)
    shortcut = conv_bn_act(b, x, row[-1], 1, names=(f"{name}.skip", f"{name}.skipbn"), style=style, stride=2)
    return b.add(y, shortcut, name=f"{name}.add")


def _separable(b: Builder, x: str, channels: int, name: str) -> str:
    """A depthwise 3x3 and a 1x1, nothing between them (section 4.7)."""
    x = b.conv2d(x, b.channels(x), 3, name=f"{name}.conv1", padding=1, groups=b.channels(x), bias=False)
    return b.conv2d(x, channels, 1, name=f"{name}.pointwise", bias=False)


def layouts(**_: object) -> dict[str, Layout]:
    """Key map of Cadene's port, which timm took over and renamed."""
    return {"cadene": Layout(((r"^last_linear\.", "fc."),))}


FAMILIES = (
    Family(
        name="xception",
        paper="Xception: Deep Learning with Depthwise Separable Convolutions",
        year=2016,
        build=build,
        layouts=layouts,
        preprocess={"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
        variants=(Variant("xception", aliases=("legacy_xception",), params=22_855_952, macs=8_357_403_496),),
    ),
)
