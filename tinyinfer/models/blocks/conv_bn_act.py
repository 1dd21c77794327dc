"""Convolution, batch norm and activation: the group of layers that all networks here repeat."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.builder import Builder
from tinyinfer.ops.geometry import same_padding


@dataclass(frozen=True)
class Style:
    """What is the same in all convolutions of a network."""

    activation: str = "relu"
    padding: str = "symmetric"  # k // 2 on every side; TensorFlow's "same"; "nominal": same, as at nominal size
    eps: float = 1e-5

    def pad(
        self, kernel: int, dilation: int = 1, *, stride: int = 1, size: tuple[int, ...] = ()
    ) -> int | str | tuple[int, ...]:
        """Padding that keeps the size at stride 1; "nominal" needs the stride, and the (H, W) that is to be fixed."""
        if self.padding == "nominal":
            return tuple(pixels for side in size for pixels in same_padding(side, kernel, stride, dilation))
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
    dilation: int = 1,
) -> str:
    """Convolution without bias, batch norm and, if ``names`` has a third name, the activation."""
    conv, norm, *activation = names
    padding = style.pad(kernel, dilation, stride=stride, size=b.shape(x)[2:])
    x = b.conv2d(
        x, channels, kernel, name=conv, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False
    )
    x = b.batch_norm(x, name=norm, eps=style.eps)
    return b.activation(x, style.activation, name=activation[0]) if activation else x
