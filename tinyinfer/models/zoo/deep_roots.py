"""Deep Roots: filter groups that become fewer with depth, in NIN and ResNet-50 (Ioannou et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, bottleneck, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

# NIN: window and filters of each spatial convolution, filters of the two 1x1 behind it; the last one's are the classes
NIN = ((5, 192, 160, 96), (5, 192, 192, 192), (3, 192, 192, 0))

# ResNet, table 1: channels and stride of conv2_x to conv5_x; a block's output has four times the channels
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))
EXPANSION = 4


def build_nin(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    groups: Sequence[int] = (1, 1, 1),
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.5,
) -> Graph:
    """Network in network for 32x32 pictures, with ``groups`` in its three spatial convolutions (section 5.1)."""
    _check(groups, len(NIN))
    style = Style("relu", padding)
    b = Builder()
    x = b.input(3, resolution or 32)
    for stage, ((kernel, *filters), group) in enumerate(zip(NIN, groups, strict=True), start=1):
        for part, count, size in zip("abc", filters, (kernel, 1, 1), strict=True):
            name = f"conv{stage}{part}"
            out = make_divisible(count * width, 32) if count else num_classes
            x = b.conv2d(x, out, size, name=name, padding=style.pad(size), groups=group if size > 1 else 1)
            x = b.relu(x, name=f"relu{stage}{part}")
        if stage < len(NIN):
            pool = b.max_pool2d if stage == 1 else b.avg_pool2d
            x = pool(x, 3, name=f"pool{stage}", stride=2, ceil_mode=True)
            x = b.dropout(x, dropout, name=f"dropout{stage}")
    return b.finish(b.flatten(b.adaptive_avg_pool2d(x, name="avgpool")))


def build_resnet(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    groups: Sequence[int] = (1, 1, 1, 1),
    depths: Sequence[int] = (3, 4, 6, 3),
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """ResNet-50 with ``groups`` in the 3x3 convolutions of its four stages (section 5.2), strides on the first 1x1.

    ``small_input`` takes a 3x3 stem of stride 1 without pooling.
    """
    _check(groups, len(STAGES))
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (7, 2)
    stem = make_divisible(STAGES[0][0] * width)
    x = conv_bn_act(b, x, stem, kernel, names=("conv1", "bn1", "relu"), style=style, stride=stride)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=style.pad(3))
    for stage, ((channels, stride), group, depth) in enumerate(zip(STAGES, groups, depths, strict=True), start=1):
        inner = make_divisible(channels * width, max(8, group))
        for i in range(depth):
            x = _block(b, x, inner, f"layer{stage}.{i}", stride if i == 0 else 1, group, style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="fc"))


def _block(b: Builder, x: str, inner: int, name: str, stride: int, groups: int, style: Style) -> str:
    out, shortcut = inner * EXPANSION, x
    if stride != 1 or b.channels(x) != out:
        names = (f"{name}.downsample.0", f"{name}.downsample.1")
        shortcut = conv_bn_act(b, x, out, 1, names=names, style=style, stride=stride)
    return bottleneck(
        b, x, shortcut, out, name=name, stride=stride, style=style, inner=inner, groups=groups, stride_first=True
    )


def _check(groups: Sequence[int], count: int) -> None:
    if len(groups) != count or not all(isinstance(g, int) and g >= 1 for g in groups):
        raise InputError(f"groups: expected {count} whole numbers of at least 1, found {groups!r}")


# paper, tables 2 and 4: root-n has n groups in the first grouped layer and half as many in each that follows
NIN_ROOTS = {2: (1, 2, 1), 4: (1, 4, 2), 8: (1, 8, 4), 16: (1, 16, 8)}
RESNET_ROOTS = {
    2: (2, 1, 1, 1),
    4: (4, 2, 1, 1),
    8: (8, 4, 2, 1),
    16: (16, 8, 4, 2),
    32: (32, 16, 8, 4),
    64: (64, 32, 16, 8),
}

PAPER = "Deep Roots: Improving CNN Efficiency with Hierarchical Filter Groups"

FAMILIES = (
    Family(
        name="nin_root",
        paper=PAPER,
        year=2016,
        build=build_nin,
        labels="cifar10",
        variants=(
            Variant("nin", params=966_986, macs=222_486_528),
            *(Variant(f"nin_root{n}", {"groups": groups}) for n, groups in NIN_ROOTS.items()),
        ),
    ),
    Family(
        name="resnet_root",
        paper=PAPER,
        year=2016,
        build=build_resnet,
        variants=tuple(Variant(f"resnet50_root{n}", {"groups": groups}) for n, groups in RESNET_ROOTS.items()),
    ),
)
