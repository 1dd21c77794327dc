"""Inception modules, told as tables: chains of convolutions and pools, side by side (Szegedy et al. 2014 to 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import make_divisible


class Conv(NamedTuple):
    """A convolution, its norm and ReLU; ``kernel`` is a side or (height, width); padded, or on whole windows only."""

    part: str
    channels: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1
    padded: bool = True


class Pool(NamedTuple):
    """A pool over 3x3 windows."""

    part: str
    kind: Literal["max", "avg"] = "max"
    stride: int = 1
    padded: bool = True


class Fork(NamedTuple):
    """Convolutions of the same input, side by side inside a branch."""

    part: str
    convs: tuple[Conv, ...]


Branch = Sequence[Conv | Pool | Fork]


@dataclass(frozen=True)
class InceptionStyle:
    """What is the same in all modules of a network.

    ``count_include_pad`` and ``ceil_mode`` are the pools'; ``padded`` pads also what the paper does not, for small
    pictures; without ``batch_norm`` convolutions have biases.
    """

    eps: float = 1e-3
    width: float = 1.0
    count_include_pad: bool = True
    ceil_mode: bool = False
    padded: bool = False
    batch_norm: bool = True

    def conv(self, b: Builder, x: str, conv: Conv, *, name: str = "", activation: bool = True) -> str:
        """Convolution, norm and, unless said, ReLU: ``name`` and the part, then conv, bn and relu."""
        name = _join(name, conv.part)
        kernel = (conv.kernel, conv.kernel) if isinstance(conv.kernel, int) else conv.kernel
        padding = (kernel[0] // 2, kernel[1] // 2) if conv.padded or self.padded else 0
        x = b.conv2d(
            x,
            make_divisible(conv.channels * self.width),
            kernel,
            name=f"{name}.conv",
            stride=conv.stride,
            padding=padding,
            bias=not self.batch_norm,
        )
        if self.batch_norm:
            x = b.batch_norm(x, name=f"{name}.bn", eps=self.eps)
        return b.relu(x, name=f"{name}.relu") if activation else x

    def pool(self, b: Builder, x: str, pool: Pool, *, name: str = "") -> str:
        """The pool, called ``name`` and the part."""
        name, padding = _join(name, pool.part), int(pool.padded or self.padded)
        if pool.kind == "max":
            return b.max_pool2d(x, 3, name=name, stride=pool.stride, padding=padding, ceil_mode=self.ceil_mode)
        include = self.count_include_pad
        return b.avg_pool2d(x, 3, name=name, stride=pool.stride, padding=padding, count_include_pad=include)

    def branch(self, b: Builder, x: str, steps: Branch, *, name: str) -> str:
        """One chain of a module."""
        for step in steps:
            if isinstance(step, Fork):
                sides = [self.conv(b, x, conv, name=name) for conv in step.convs]
                x = b.concat(*sides, name=_join(name, step.part))
            else:
                x = self.conv(b, x, step, name=name) if isinstance(step, Conv) else self.pool(b, x, step, name=name)
        return x

    def module(self, b: Builder, x: str, branches: Sequence[Branch], *, name: str) -> str:
        """All branches of a module, one after the other in the channels."""
        return b.concat(*(self.branch(b, x, steps, name=name) for steps in branches), name=f"{name}.concat")


def _join(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
