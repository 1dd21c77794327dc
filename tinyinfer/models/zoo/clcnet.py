"""clcNet: a grouped 3x3 and a grouped 1x1 convolution, interlaced, in place of a regular one (Zhang 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

STEM = 32

# paper, the table of clcNet: channels and stride of the first block of stages 0 to 4
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2), (1024, 2))


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    repeats: Sequence[int] = (1, 1, 5, 2),
    group_width: Count = 2,
    groups: Count = 2,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network with ``repeats`` blocks (the paper's a, b, c, d) behind the first one of stages 1 to 4.

    The groups of the 3x3 convolutions have ``group_width`` channels, those of the 1x1 are ``groups`` in number: where
    there are as many as a group of the 3x3 has channels, every output depends on every input (section 3).
    ``small_input`` gives the first convolution stride 1.
    """
    if len(repeats) != len(STAGES) - 1:
        raise InputError(f"repeats: expected {len(STAGES) - 1} counts of blocks, found {repeats!r}")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    divisor = 4 * group_width * groups
    stem = make_divisible(STEM * width, divisor)
    x = conv_bn_act(b, x, stem, 3, names=("conv1", "bn1", "relu1"), style=style, stride=1 if small_input else 2)
    for stage, ((channels, stride), repeat) in enumerate(zip(STAGES, (0, *repeats), strict=True)):
        for i in range(1 + repeat):
            out, step = make_divisible(channels * width, divisor), stride if i == 0 else 1
            x = _block(b, x, out, f"stage{stage}.{i}", step, group_width, groups, style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="fc"))


def _block(
    b: Builder, x: str, channels: int, name: str, stride: int, group_width: int, groups: int, style: Style
) -> str:
    """Interlaced grouped 3x3 without activation, grouped 1x1 (the CLC block)."""
    before = b.channels(x)
    spatial = before // group_width
    names = (f"{name}.igc", f"{name}.bn1")
    x = conv_bn_act(b, x, before, 3, names=names, style=style, stride=stride, groups=spatial)
    x = b.channel_shuffle(x, spatial, name=f"{name}.interlace")
    return conv_bn_act(
        b, x, channels, 1, names=(f"{name}.gc", f"{name}.bn2", f"{name}.relu"), style=style, groups=groups
    )


FAMILIES = (
    Family(
        name="clcnet",
        paper="clcNet: Improving the Efficiency of Convolutional Neural Network using Channel Local Convolutions",
        year=2017,
        build=build,
        variants=(
            Variant("clcnet_a", aliases=("clcneta",), params=3_253_640, macs=342_973_440),
            Variant("clcnet_b", {"repeats": (1, 1, 7, 3)}, ("clcnetb",), params=4_085_128, macs=424_559_616),
        ),
    ),
)
