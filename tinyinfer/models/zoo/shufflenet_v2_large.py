"""SE-ShuffleNet V2-164: V2's units grown to a deep network, with residuals and attention (Ma et al. 2018, table 6)."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import SqueezeExcite, Style, conv_bn_act, make_divisible
from tinyinfer.models.blocks.shuffle_unit import even_and_odd
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

# authors' release: channels of a unit's branch and stride of the first, by stage; units of each
STAGES = ((128, 1), (256, 2), (512, 2), (1024, 2))
REPEATS = (10, 10, 23, 10)
STEM = (64, 64, 128)
HEAD = 1280
GROUPS = 8


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    repeats: Sequence[int] = REPEATS,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-9,
) -> Graph:
    """The network of the authors' release: ``repeats`` units in each stage, channels scaled by ``width``.

    ``small_input`` takes a stem of stride 1 without pooling.
    """
    if len(repeats) != len(STAGES) or not all(1 <= n <= 26 for n in repeats):
        raise InputError(f"repeats: expected {len(STAGES)} counts from 1 to 26 (units bear letters), found {repeats!r}")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    for i, channels in enumerate(STEM):
        stride = 2 if i == 0 and not small_input else 1
        names = _names(f"first_conv.{i}")
        x = conv_bn_act(b, x, _channels(channels, width), 3, names=names, style=style, stride=stride)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=style.pad(3))
    for stage, ((channels, stride), repeat) in enumerate(zip(STAGES, repeats, strict=True)):
        for i in range(repeat):
            name = f"features.{stage}.{stage + 2}{chr(ord('a') + i)}"
            x = _unit(b, x, _channels(channels, width), name, stride if i == 0 else 1, style, project=i == 0)
    x = conv_bn_act(b, x, _channels(HEAD, max(1.0, width)), 3, names=_names("conv_last"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="globalpool"))
    x = b.dropout(x, dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="fc"))


def _unit(b: Builder, x: str, channels: int, name: str, stride: int, style: Style, *, project: bool) -> str:
    """Odd channels through a grouped bottleneck with attention, around a shortcut; even ones pass by.

    The first unit of a stage has no shortcut but projects the even channels by a 3x3; one that halves the size has a
    1x1 over all channels behind it.
    """
    left, right = even_and_odd(b, x, name=name)
    main = f"{name}.branch_main"
    y = conv_bn_act(b, right, channels, 1, names=_names(f"{main}.0"), style=style)
    y = conv_bn_act(b, y, channels, 3, names=_names(f"{main}.1"), style=style, stride=stride, groups=GROUPS)
    y = conv_bn_act(b, y, channels, 1, names=_names(f"{main}.2")[:2], style=style)
    y = SqueezeExcite(name, channels, layers=("se_block.0", "se_block.2"))(b, y)
    if project:
        left = conv_bn_act(b, left, channels, 3, names=_names(f"{name}.proj")[:2], style=style, stride=stride)
    else:
        y = b.add(right, y, name=f"{name}.add")
    x = b.relu(b.concat(left, y, name=f"{name}.concat"), name=f"{name}.relu")
    return conv_bn_act(b, x, 2 * channels, 1, names=_names(f"{name}.down"), style=style) if stride == 2 else x


def _names(name: str) -> tuple[str, str, str]:
    return f"{name}.conv", f"{name}.bn", f"{name}.relu"


def _channels(channels: int, width: float) -> int:
    return make_divisible(channels * width, 2 * GROUPS)


FAMILIES = (
    Family(
        name="shufflenet_v2_large",
        paper="ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        year=2018,
        build=build,
        # heads used in training alone, and second names of the attention's layers
        ignore=(r"predict_\d+\.", r"features\.\d+\.\w+\.se_fc[12]\."),
        variants=(
            Variant("shufflenet_v2_large", aliases=("se_shufflenet_v2_164",), params=125_120_936, macs=12_780_652_544),
        ),
    ),
)
