"""The fire module of SqueezeNet (Iandola et al. 2016)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style


def fire(b: Builder, x: str, squeeze: int, expand1x1: int, expand3x3: int, *, name: str, style: Style) -> str:
    """Squeeze by a 1x1, then expand by a 1x1 and a 3x3 side by side (SqueezeNet, section 3.2)."""

    def conv(x: str, channels: int, kernel: int, part: str) -> str:
        x = b.conv2d(x, channels, kernel, name=f"{name}.{part}", padding=style.pad(kernel))
        return b.activation(x, style.activation, name=f"{name}.{part}_activation")

    x = conv(x, squeeze, 1, "squeeze")
    left, right = conv(x, expand1x1, 1, "expand1x1"), conv(x, expand3x3, 3, "expand3x3")
    return b.concat(left, right, name=f"{name}.concat")
