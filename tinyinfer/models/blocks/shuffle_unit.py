"""The branches of a ShuffleNet V2 unit (Ma et al. 2018, figure 3 c and d)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act


def depthwise_separable(
    b: Builder, x: str, channels: int, kernel: int, *, name: str, style: Style, stride: int = 1, first: int = 0
) -> str:
    """Depthwise without activation, then a 1x1 to ``channels`` with one; layer numbers count from ``first``."""
    before = b.channels(x)
    names = [f"{name}.{first + i}" for i in range(5)]
    x = conv_bn_act(b, x, before, kernel, names=(names[0], names[1]), style=style, stride=stride, groups=before)
    return conv_bn_act(b, x, channels, 1, names=(names[2], names[3], names[4]), style=style)


def shuffle_branch(
    b: Builder, x: str, inner: int, channels: int, kernel: int, *, name: str, style: Style, stride: int
) -> str:
    """1x1 to ``inner`` channels, depthwise, 1x1 to ``channels``: the branch of a unit that works."""
    x = conv_bn_act(b, x, inner, 1, names=(f"{name}.0", f"{name}.1", f"{name}.2"), style=style)
    return depthwise_separable(b, x, channels, kernel, name=name, style=style, stride=stride, first=3)


def even_and_odd(b: Builder, x: str, *, name: str) -> tuple[str, str]:
    """Channels 0, 2, 4 ... and channels 1, 3, 5 ...: shuffle and split in one step, as the authors' code has them."""
    half = b.channels(x) // 2
    even, odd = b.split(b.channel_shuffle(x, half, name=f"{name}.shuffle"), half, name=f"{name}.split")
    return even, odd
