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
