"""Blocks that several families share, named as torchvision names their layers."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.builder import Builder


@dataclass(frozen=True)
class Style:
    """What is the same in all convolutions of a network."""

    activation: str = "relu"
    padding: str = "symmetric"  # k // 2 on every side, or TensorFlow's "same"
    eps: float = 1e-5

    def pad(self, kernel: int, dilation: int = 1) -> int | str:
        """Padding that keeps the size at stride 1."""
        return dilation * (kernel // 2) if self.padding == "symmetric" else self.padding


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of ``divisor``, at most 10 % below ``channels`` (MobileNet's reference code)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def sequential(prefix: str) -> tuple[str, str, str]:
    """Names of a convolution, its norm and its activation that stand in one torch Sequential."""
    return f"{prefix}.0", f"{prefix}.1", f"{prefix}.2"


def numbered(prefix: str, number: int) -> tuple[str, str, str]:
    """Names of the same three in a block whose layers are called conv1, bn1, relu1."""
    return f"{prefix}.conv{number}", f"{prefix}.bn{number}", f"{prefix}.relu{number}"


def conv_bn_act(
    b: Builder,
    x: str,
    channels: int,
    kernel: int,
    *,
    names: tuple[str, ...],
    style: Style,
    stride: int = 1,
    groups: int = 1,
) -> str:
    """Convolution without bias, batch norm and, if ``names`` has a third name, the activation."""
    conv, norm, *activation = names
    x = b.conv2d(x, channels, kernel, name=conv, stride=stride, padding=style.pad(kernel), groups=groups, bias=False)
    x = b.batch_norm(x, name=norm, eps=style.eps)
    return b.activation(x, style.activation, name=activation[0]) if activation else x


def inverted_residual(
    b: Builder, x: str, channels: int, *, name: str, expand: float, stride: int, style: Style, kernel: int = 3
) -> str:
    """Expand by a 1x1, filter by a depthwise, project by a linear 1x1 (MobileNet V2, figure 4).

    The input is added where shape allows: stride 1 and as many channels out as in.
    """
    entry, before, position = x, b.channels(x), 0
    hidden = round(before * expand)
    if expand != 1:
        x = conv_bn_act(b, x, hidden, 1, names=sequential(f"{name}.conv.0"), style=style)
        position = 1
    x = conv_bn_act(
        b, x, hidden, kernel, names=sequential(f"{name}.conv.{position}"), style=style, stride=stride, groups=hidden
    )
    linear = (f"{name}.conv.{position + 1}", f"{name}.conv.{position + 2}")
    x = conv_bn_act(b, x, channels, 1, names=linear, style=style)
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and before == channels else x


def fire(b: Builder, x: str, squeeze: int, expand1x1: int, expand3x3: int, *, name: str, style: Style) -> str:
    """Squeeze by a 1x1, then expand by a 1x1 and a 3x3 side by side (SqueezeNet, section 3.2)."""

    def conv(x: str, channels: int, kernel: int, part: str) -> str:
        x = b.conv2d(x, channels, kernel, name=f"{name}.{part}", padding=style.pad(kernel))
        return b.activation(x, style.activation, name=f"{name}.{part}_activation")

    x = conv(x, squeeze, 1, "squeeze")
    left, right = conv(x, expand1x1, 1, "expand1x1"), conv(x, expand3x3, 3, "expand3x3")
    return b.concat(left, right, name=f"{name}.concat")


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
