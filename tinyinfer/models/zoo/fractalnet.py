"""FractalNet: depth without residuals, by columns of doubling length that join in means (Larsson et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor

CIFAR_CHANNELS = (64, 128, 256, 512, 512)  # paper, section 4.2: filters of blocks 1 to 5
IMAGENET_CHANNELS = (128, 256, 512, 1024)  # section 4.3: filters of blocks 1 to 4


def build(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    channels: Sequence[int] = CIFAR_CHANNELS,
    columns: Count = 3,
    column: int | None = None,
    gap: bool = False,
    doubling: bool = False,
    small_input: bool = True,
    resolution: Count | None = None,
    eps: Factor = 1e-5,
) -> Graph:
    """Fractal blocks of these ``channels``, each followed by a pool (figure 1).

    A block has ``columns`` columns; the deepest has 2^(columns - 1) convolutions.  ``column`` leaves only one of
    them, counted from the shortest, 0: the plain network that can be cut out after training (section 3).  ``gap``
    averages the last block's output instead of pooling it; with ``doubling`` a 1x1 layer in front of each block
    changes the channels, not the first layers of its columns.  Without ``small_input`` the first layers are those of
    ResNet-34 and the last block is averaged, as for ImageNet.
    """
    if column is not None and not 0 <= column < columns:
        raise InputError(f"column: expected 0 to {columns - 1}, found {column}")
    kept = range(columns) if column is None else [column]
    style = Style("relu", eps=eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    if not small_input:
        x = conv_bn_act(b, x, make_divisible(64 * width), 7, names=("conv1", "bn1", "relu"), style=style, stride=2)
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=1)
    for i, filters in enumerate(channels):
        name, filters = f"layers.{2 * i}", make_divisible(filters * width)
        if doubling:
            names = (f"{name}.doubler.conv", f"{name}.doubler.bn", f"{name}.doubler.relu")
            x = conv_bn_act(b, x, filters, 1, names=names, style=style)
        x = _block(b, x, filters, columns, kept, name, style)
        if i + 1 < len(channels) or (small_input and not gap):
            x = b.max_pool2d(x, 2, name=f"layers.{2 * i + 1}")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name=f"layers.{2 * len(channels) + 1}"))


def _block(b: Builder, x: str, channels: int, columns: int, kept: Sequence[int], name: str, style: Style) -> str:
    """Column c has a convolution at every 2^(columns - 1 - c)th depth; columns that have one at a depth join there."""
    values = dict.fromkeys(kept, x)
    joined = x
    for depth in range(2 ** (columns - 1)):
        ending = [column for column in kept if (depth + 1) % 2 ** (columns - 1 - column) == 0]
        for column in ending:
            part = f"{name}.columns.{column}.{depth}"
            names = (f"{part}.conv", f"{part}.bn", f"{part}.relu")
            values[column] = conv_bn_act(b, values[column], channels, 3, names=names, style=style)
        if ending:
            joined = _mean(b, [values[column] for column in ending], f"{name}.join{depth}")
            values.update(dict.fromkeys(ending, joined))
    return joined


def _mean(b: Builder, values: Sequence[str], name: str) -> str:
    total = values[0]
    for i, value in enumerate(values[1:], start=1):
        total = b.add(total, value, name=f"{name}.add{i}")
    return b.apply("scale_shift", total, name=name, scale=1 / len(values)) if len(values) > 1 else total


FAMILIES = (
    Family(
        name="fractalnet",
        paper="FractalNet: Ultra-Deep Neural Networks without Residuals",
        year=2016,
        build=build,
        labels="cifar10",
        trials=({"column": 2},),
        variants=(
            Variant("fractalnet20", aliases=("fractalnet_c3_cifar",), params=33_724_618, macs=845_222_912),
            Variant("fractalnet_c3_gap_doubling_cifar", {"gap": True, "doubling": True}, (), 38_912_202, 1_130_566_656),
            Variant("fractalnet40", {"columns": 4}, ("fractalnet_c4_cifar",), params=76_106_634, macs=2_036_077_568),
            Variant(
                "fractalnet34",
                {"channels": IMAGENET_CHANNELS, "columns": 4, "num_classes": 1000, "small_input": False},
                labels="imagenet",
                params=164_031_016,
                macs=24_164_982_784,
            ),
        ),
    ),
)
