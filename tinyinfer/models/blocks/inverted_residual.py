"""The inverted residual of MobileNet V2 and all that followed it: expand, filter by a depthwise, project."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.builder import Builder
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act
from tinyinfer.models.blocks.squeeze_excite import SqueezeExcite


@dataclass(frozen=True)
class BlockNames:
    """Names of (convolution, norm, activation) in a block; ``expand`` is empty in one without an expansion."""

    expand: tuple[str, ...]
    depthwise: tuple[str, ...]
    project: tuple[str, str]
    add: str

    @classmethod
    def nested(cls, name: str, *, expand: bool, squeeze: bool = False, part: str = "block") -> BlockNames:
        """torchvision's from MobileNet V3 on: ``name``.block.N holds the Nth layer's own 0, 1 and 2."""

        def layer(n: int) -> tuple[str, str, str]:
            return f"{name}.{part}.{n}.0", f"{name}.{part}.{n}.1", f"{name}.{part}.{n}.2"

        at = int(expand)
        last = layer(at + 1 + squeeze)
        return cls(layer(0) if expand else (), layer(at), (last[0], last[1]), f"{name}.add")

    @classmethod
    def flat(cls, name: str, *, expand: bool) -> BlockNames:
        """timm's: conv_pw, conv_dw and conv_pwl beside their norms; without an expansion conv_dw and conv_pw."""

        def layer(conv: str, number: int) -> tuple[str, str, str]:
            return f"{name}.{conv}", f"{name}.bn{number}", f"{name}.act{number}"

        if not expand:
            return cls((), layer("conv_dw", 1), layer("conv_pw", 2)[:2], f"{name}.add")
        return cls(layer("conv_pw", 1), layer("conv_dw", 2), layer("conv_pwl", 3)[:2], f"{name}.add")


def inverted_residual(
    b: Builder,
    x: str,
    channels: int,
    *,
    names: BlockNames,
    hidden: int,
    stride: int,
    style: Style,
    kernel: int = 3,
    attention: SqueezeExcite | None = None,
    attention_first: bool = False,
    dilation: int = 1,
) -> str:
    """Expand by a 1x1 to ``hidden`` channels, filter by a depthwise, project by a linear 1x1 (V2, figure 4).

    ``attention`` stands behind the depthwise and its activation (MobileNet V3, figure 4), or between the two if
    ``attention_first``.  The input is added where shape allows: stride 1 and as many channels out as in.
    """
    entry, before = x, b.channels(x)
    if names.expand:
        x = conv_bn_act(b, x, hidden, 1, names=names.expand, style=style)
    filtering = names.depthwise[:2] if attention_first else names.depthwise
    x = conv_bn_act(b, x, hidden, kernel, names=filtering, style=style, stride=stride, groups=hidden, dilation=dilation)
    if attention is not None:
        x = attention(b, x)
    if attention_first:
        x = b.activation(x, style.activation, name=names.depthwise[2])
    x = conv_bn_act(b, x, channels, 1, names=names.project, style=style)
    return b.add(entry, x, name=names.add) if stride == 1 and before == channels else x
