"""The two residual blocks of ResNet (He et al. 2015)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act, numbered


def basic_block(b: Builder, x: str, shortcut: str, channels: int, *, name: str, stride: int, style: Style) -> str:
    """Two 3x3 convolutions around a shortcut (ResNet, figure 5 left)."""
    x = conv_bn_act(b, x, channels, 3, names=numbered(name, 1), style=style, stride=stride)
    x = conv_bn_act(b, x, channels, 3, names=numbered(name, 2)[:2], style=style)
    return b.activation(b.add(x, shortcut, name=f"{name}.add"), style.activation, name=f"{name}.relu2")


def bottleneck(
    b: Builder,
    x: str,
    shortcut: str,
    channels: int,
    *,
    name: str,
    stride: int,
    style: Style,
    inner: int,
    groups: int = 1,
) -> str:
    """1x1 to ``inner`` channels, 3x3, 1x1 to ``channels``, around a shortcut (ResNet, figure 5 right).

    The stride is the 3x3's, as in torchvision; the paper has it on the first 1x1.
    """
    x = conv_bn_act(b, x, inner, 1, names=numbered(name, 1), style=style)
    x = conv_bn_act(b, x, inner, 3, names=numbered(name, 2), style=style, stride=stride, groups=groups)
    x = conv_bn_act(b, x, channels, 1, names=numbered(name, 3)[:2], style=style)
    return b.activation(b.add(x, shortcut, name=f"{name}.add"), style.activation, name=f"{name}.relu3")
