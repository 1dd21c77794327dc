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
) -> str:
    """Expand by a 1x1 to ``hidden`` channels, filter by a depthwise, project by a linear 1x1 (V2, figure 4).

    ``attention`` stands behind the depthwise (MobileNet V3, figure 4).  The input is added where shape allows:
    stride 1 and as many channels out as in.
    """
    entry, before = x, b.channels(x)
    if names.expand:
        x = conv_bn_act(b, x, hidden, 1, names=names.expand, style=style)
    x = conv_bn_act(b, x, hidden, kernel, names=names.depthwise, style=style, stride=stride, groups=hidden)
    if attention is not None:
        x = attention(b, x)
    x = conv_bn_act(b, x, channels, 1, names=names.project, style=style)
    return b.add(entry, x, name=names.add) if stride == 1 and before == channels else x
