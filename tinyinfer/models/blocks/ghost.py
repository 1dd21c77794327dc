"""The ghost module: half of the features by a convolution, the others cheaply from those (GhostNet, figure 2)."""

from __future__ import annotations

import math

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act, sequential


def ghost_module(
    b: Builder,
    x: str,
    channels: int,
    kernel: int = 1,
    *,
    name: str,
    style: Style,
    activated: bool = True,
    ratio: int = 2,
    cheap_kernel: int = 3,
) -> str:
    """A convolution to ``channels`` / ``ratio`` intrinsic features, and ratio - 1 depthwise filters on each of them.

    ``ratio`` and ``cheap_kernel`` are the paper's s and d (section 3.1); 1 makes an ordinary convolution.  Both
    parts end in the style's activation if ``activated``.
    """
    last = 3 if activated else 2
    intrinsic = math.ceil(channels / ratio)
    primary = conv_bn_act(b, x, intrinsic, kernel, names=sequential(f"{name}.primary_conv")[:last], style=style)
    if ratio == 1:
        return primary
    cheap = conv_bn_act(
        b,
        primary,
        intrinsic * (ratio - 1),
        cheap_kernel,
        names=sequential(f"{name}.cheap_operation")[:last],
        style=style,
        groups=intrinsic,
    )
    x = b.concat(primary, cheap, name=f"{name}.concat")
    # the last features of an uneven division are computed and dropped, as in the reference code
    return b.apply("slice", x, name=f"{name}.slice", dim=1, end=channels) if b.channels(x) > channels else x
