"""Convolution in two dimensions: standard, grouped, depthwise, pointwise, dilated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tinyinfer.graph import TensorType
from tinyinfer.ops.activation import FUSABLE, apply_activation
from tinyinfer.ops.base import Arrays, Case, Op, Params, pair, require, require_rank
from tinyinfer.ops.geometry import Padding, normalize_padding, output_size, resolve_padding

PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@dataclass(frozen=True)
class Conv2d(Op):
    """y = activation(conv2d(x, weight) + bias + residual), torch's conv2d with a fused ending.

    x (N, C, H, W), weight (M, C / groups, R, S), bias (M,); a second input, if given, is the residual
    (N, M, H', W').  ``padding`` is an int, (h, w), (top, bottom, left, right) or TensorFlow's "same".
    """

    name: ClassVar[str] = "conv2d"
    param_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    required_params: ClassVar[tuple[str, ...]] = ("weight",)

    stride: tuple[int, int] = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    padding_mode: str = "zeros"
    activation: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stride", pair(self.stride, "stride"))
        object.__setattr__(self, "padding", normalize_padding(self.padding))
        object.__setattr__(self, "dilation", pair(self.dilation, "dilation"))
        require(min(self.stride) >= 1, f"stride: expected at least 1, found {self.stride}")
        require(min(self.dilation) >= 1, f"dilation: expected at least 1, found {self.dilation}")
        require(self.groups >= 1, f"groups: expected at least 1, found {self.groups}")
        require(self.padding_mode in PADDING_MODES, f"padding_mode: unknown {self.padding_mode!r}")
        require(self.activation is None or self.activation in FUSABLE, f"activation: unknown {self.activation!r}")

    def pads(self, size: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, bottom, left, right) for an image of this size."""
        return resolve_padding(self.padding, size, kernel, self.stride, self.dilation)

    def infer(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType]) -> list[TensorType]:
        x, weight = inputs[0], params["weight"]
        require_rank(x, 4)
        require_rank(weight, 4, "weight")
        n, c, h, w = x.shape
        m, c_group, r, s = weight.shape
        require(c % self.groups == 0, f"groups {self.groups} do not divide {c} input channels")
        require(m % self.groups == 0, f"groups {self.groups} do not divide {m} output channels")
        require(c_group * self.groups == c, f"weight {weight} with groups {self.groups} takes {c_group * self.groups} channels, found {c}")
        if "bias" in params:
            require(params["bias"].shape == (m,), f"bias: expected shape {m}, found {params['bias']}")
        top, bottom, left, right = self.pads((h, w), (r, s))
        out = TensorType((
            n, m,
            output_size(h, r, self.stride[0], top, bottom, self.dilation[0]),
            output_size(w, s, self.stride[1], left, right, self.dilation[1]),
        ))  # fmt: skip
        if len(inputs) > 1:
            require(inputs[1] == out, f"residual: expected shape {out}, found {inputs[1]}")
        return [out]

    def macs(self, inputs: Sequence[TensorType], params: Mapping[str, TensorType], outputs: Sequence[TensorType]) -> int:
        """R * S * C / groups per output element."""
        return outputs[0].size * (params["weight"].size // params["weight"].shape[0])

    def reference(self, inputs: Arrays, params: Params) -> list[np.ndarray]:
        """Add up one shifted, weighted copy of the input per kernel tap: one einsum over channels each."""
        x, weight = inputs[0], params["weight"]
        n, c, h, w = x.shape
        m, _, r, s = weight.shape
        top, bottom, left, right = self.pads((h, w), (r, s))
        padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), mode=PADDING_MODES[self.padding_mode])  # type: ignore[call-overload]
        (sh, sw), (dh, dw), g = self.stride, self.dilation, self.groups
        ho = output_size(h, r, sh, top, bottom, dh)
        wo = output_size(w, s, sw, left, right, dw)
        y = np.zeros((n, g, m // g, ho, wo), x.dtype)
        taps = weight.reshape(g, m // g, c // g, r, s)
        for i in range(r):
            for j in range(s):
                window = padded[:, :, i * dh : i * dh + (ho - 1) * sh + 1 : sh, j * dw : j * dw + (wo - 1) * sw + 1 : sw]
                window = window.reshape(n, g, c // g, ho, wo)
                y += np.einsum("ngchw,gmc->ngmhw", window, taps[..., i, j], optimize=True)
        y = y.reshape(n, m, ho, wo)
        if "bias" in params:
            y += params["bias"][:, None, None]
        if len(inputs) > 1:
            y += inputs[1]
        return [apply_activation(self.activation, y)]

    @classmethod
    def cases(cls) -> list[Case]:
        def case(x: tuple[int, ...], m: int, k: int | tuple[int, int], bias: bool = True, **attrs: object) -> Case:
            r, s = pair(k, "kernel")
            weight = (m, x[1] // int(attrs.get("groups", 1)), r, s)  # type: ignore[call-overload]
            return Case(attrs, (x,), {"weight": weight, **({"bias": (m,)} if bias else {})})

        return [
            case((1, 3, 17, 19), 8, 3, stride=2, padding=1),
            case((2, 5, 9, 11), 7, 3, padding=1, bias=False),
            case((1, 16, 14, 14), 24, 1, activation="relu6"),
            case((2, 33, 7, 9), 37, 1),
            case((1, 10, 12, 13), 10, 3, padding=1, groups=10, activation="relu6"),
            case((2, 19, 13, 9), 19, 5, padding=2, stride=2, groups=19),
            case((1, 12, 15, 8), 24, 3, padding=1, groups=4),
            case((1, 4, 11, 10), 6, 3, padding=2, dilation=2),
            case((1, 4, 15, 11), 6, (1, 7), padding=(0, 3)),
            case((1, 3, 12, 13), 6, 3, stride=2, padding="same"),
            case((1, 3, 12, 13), 6, 4, stride=(1, 2), padding=(0, 2, 1, 1)),
            case((1, 6, 9, 9), 6, 3, padding=1, padding_mode="reflect", activation="hardswish"),
            case((1, 32, 28, 27), 48, 3, padding=1, activation="relu"),
        ]
