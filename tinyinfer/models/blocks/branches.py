"""Parallel branches that are one convolution at inference (RepVGG, Ding et al. 2021; MobileOne, Vasu et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act
from tinyinfer.models.blocks.squeeze_excite import SqueezeExcite


def branches(
    b: Builder,
    x: str,
    channels: int,
    kernel: int,
    *,
    name: str,
    parts: Sequence[str],
    style: Style,
    deploy: bool,
    pointwise: str | None = None,
    stride: int = 1,
    groups: int = 1,
    attention: SqueezeExcite | None = None,
) -> str:
    """The sum of a norm where shape allows, a normalised 1x1 and normalised kxk convolutions; then the activation.

    ``parts`` name the kxk convolutions and ``pointwise`` the 1x1, if there is one; the norm is called identity.
    ``deploy`` gives the single convolution, reparam_conv with a bias, that all of them amount to (RepVGG, figure 4).
    ``attention`` stands before the activation.
    """
    if deploy:
        part = f"{name}.reparam_conv"
        y = b.conv2d(x, channels, kernel, name=part, stride=stride, padding=style.pad(kernel), groups=groups)
    else:
        shapes = [(part, kernel) for part in parts] + ([(pointwise, 1)] if pointwise else [])
        terms = [
            conv_bn_act(b, x, channels, size, names=_names(f"{name}.{part}"), style=style, stride=stride, groups=groups)
            for part, size in shapes
        ]
        if stride == 1 and b.channels(x) == channels:
            terms.append(b.batch_norm(x, name=f"{name}.identity", eps=style.eps))
        y = terms[0]
        for i, term in enumerate(terms[1:], start=1):
            y = b.add(y, term, name=f"{name}.add{i}")
    if attention is not None:
        y = attention(b, y)
    return b.activation(y, style.activation, name=f"{name}.act")


def _names(part: str) -> tuple[str, str]:
    return f"{part}.conv", f"{part}.bn"
