"""Squeeze and excitation: every channel scaled by what the means of all channels say (Hu et al. 2018, figure 2)."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.builder import Builder


@dataclass(frozen=True)
class SqueezeExcite:
    """The attention of a block: pool to 1x1, ``reduced`` channels, back to all, gate, multiply.

    Layers are called ``name``.avgpool, fc1, activation, fc2, scale_activation and mul.  The two layers are 1x1
    convolutions; weights of linear layers fit them.  ``norm`` names a batch norm behind the first, if there is one.
    """

    name: str
    reduced: int
    activation: str = "relu"
    gate: str = "sigmoid"
    bias: bool = True
    layers: tuple[str, str] = ("fc1", "fc2")
    norm: str = ""

    def __call__(self, b: Builder, x: str) -> str:
        """``x`` (N, C, H, W) times a factor for each channel."""
        first, second = self.layers
        y = b.adaptive_avg_pool2d(x, name=f"{self.name}.avgpool")
        y = b.conv2d(y, self.reduced, 1, name=f"{self.name}.{first}", bias=self.bias)
        if self.norm:
            y = b.batch_norm(y, name=f"{self.name}.{self.norm}")
        y = b.activation(y, self.activation, name=f"{self.name}.activation")
        y = b.conv2d(y, b.channels(x), 1, name=f"{self.name}.{second}", bias=self.bias)
        y = b.activation(y, self.gate, name=f"{self.name}.scale_activation")
        return b.mul(x, y, name=f"{self.name}.mul")
