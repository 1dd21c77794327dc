"""The two residual blocks of ResNet (He et al. 2015)."""

from __future__ import annotations

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act, numbered
from tinyinfer.models.blocks.squeeze_excite import SqueezeExcite


def basic_block(
    b: Builder,
    x: str,
    shortcut: str,
    channels: int,
    *,
    name: str,
    stride: int,
    style: Style,
    attention: SqueezeExcite | None = None,
    rectified: bool = False,
) -> str:
    """Two 3x3 convolutions, and ``attention`` if there is one, around a shortcut (ResNet, figure 5 left).

    ``rectified`` puts the activation behind the second convolution as well, in front of the attention.
    """
    x = conv_bn_act(b, x, channels, 3, names=numbered(name, 1), style=style, stride=stride)
    x = conv_bn_act(b, x, channels, 3, names=numbered(name, 2)[:2], style=style)
    if rectified:
        x = b.activation(x, style.activation, name=f"{name}.relu")
    if attention is not None:
        x = attention(b, x)
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
    dilation: int = 1,
    entry: int | None = None,
    stride_first: bool = False,
    attention: SqueezeExcite | None = None,
) -> str:
    """1x1, 3x3 with ``inner`` channels, 1x1 to ``channels``, around a shortcut (ResNet, figure 5 right).

    The first 1x1 has ``inner`` channels too unless ``entry`` says.  The stride is the 3x3's, as in torchvision; with
    ``stride_first`` it is the first 1x1's, as in the paper.  The 3x3 is the one that is dilated.  ``attention`` stands
    before the addition.
    """
    first, second = (stride, 1) if stride_first else (1, stride)
    x = conv_bn_act(b, x, entry or inner, 1, names=numbered(name, 1), style=style, stride=first)
    x = conv_bn_act(
        b, x, inner, 3, names=numbered(name, 2), style=style, stride=second, groups=groups, dilation=dilation
    )
    x = conv_bn_act(b, x, channels, 1, names=numbered(name, 3)[:2], style=style)
    if attention is not None:
        x = attention(b, x)
    return b.activation(b.add(x, shortcut, name=f"{name}.add"), style.activation, name=f"{name}.relu3")
