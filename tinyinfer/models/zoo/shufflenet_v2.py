"""ShuffleNet V2: half of the channels pass by untouched (Ma et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, sequential
from tinyinfer.models.blocks.shuffle_unit import depthwise_separable, even_and_odd, shuffle_branch
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

# paper, table 5: channels of stages 2, 3, 4 and of the last convolution, by width
CHANNELS: dict[float, tuple[int, int, int, int]] = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)  # units of each stage, the first with stride 2

# for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_KNOBS: dict[str, Any] = {
    "channels": (64, 128, 256, 256),
    "repeats": (2, 5, 2),
    "stem": 16,
    "small_input": True,
    "num_classes": 10,
}

Form = Literal["torchvision", "released"]


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    channels: Sequence[int] | None = None,
    stem: Count = 24,
    repeats: Sequence[int] = REPEATS,
    form: Form = "torchvision",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 5; widths between its columns scale that of 1.0, ``channels`` stand in a column's place.

    ``form`` "torchvision" is figure 3: split in halves, shuffle at the end.  The authors' release splits even
    channels from odd ones, at the start of a unit and not before one of stride 2, whose left branch keeps its number
    of channels; its classifier has no bias.  ``small_input`` takes a stem of stride 1 without pooling.
    """
    if len(repeats) != len(REPEATS):
        raise InputError(f"repeats: expected {len(REPEATS)} counts of units, found {repeats!r}")
    *stages, last = channels or CHANNELS.get(width) or _scaled(width)
    if len(stages) != len(REPEATS):
        raise InputError(f"channels: expected those of {len(REPEATS)} stages and a convolution, found {channels!r}")
    if form == "released" and stages[0] <= stem:
        raise InputError(f"width {width} leaves {stages[0]} channels, not more than the {stem} of the stem")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    x = conv_bn_act(b, x, stem, 3, names=sequential("conv1"), style=style, stride=1 if small_input else 2)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=style.pad(3))
    for stage, (wide, repeat) in enumerate(zip(stages, repeats, strict=True), start=2):
        for i in range(repeat):
            x = _unit(b, x, wide, f"stage{stage}.{i}", 2 if i == 0 else 1, form, style)
    x = conv_bn_act(b, x, last, 1, names=sequential("conv5"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="globalpool"))
    return b.finish(b.linear(x, num_classes, name="fc", bias=form == "torchvision"))


def _scaled(width: float) -> tuple[int, ...]:
    *stages, last = CHANNELS[1.0]
    return (*(2 * max(1, round(channels * width / 2)) for channels in stages), round(last * max(1.0, width)))


def _unit(b: Builder, x: str, channels: int, name: str, stride: int, form: Form, style: Style) -> str:
    """Two branches side by side; the left one does nothing but where the size is halved (figure 3 c and d)."""
    half = channels // 2
    if stride == 2:
        kept = half if form == "torchvision" else b.channels(x)
        left = depthwise_separable(b, x, kept, 3, name=f"{name}.branch1", style=style, stride=stride)
        right = x
    elif form == "torchvision":
        left, right = b.split(x, half, name=f"{name}.split")
    else:
        left, right = even_and_odd(b, x, name=name)
    rest = channels - b.channels(left)
    right = shuffle_branch(b, right, half, rest, 3, name=f"{name}.branch2", style=style, stride=stride)
    x = b.concat(left, right, name=f"{name}.concat")
    return b.channel_shuffle(x, 2, name=f"{name}.shuffle") if form == "torchvision" else x


def layouts(repeats: Sequence[int] = REPEATS, form: Form = "torchvision", **_: Any) -> dict[str, Layout]:
    """The key map of the authors' checkpoints, which are of the released form; torchvision's are canonical."""
    if form == "torchvision":
        return {}
    units = [f"stage{stage}.{i}" for stage, repeat in enumerate(repeats, start=2) for i in range(repeat)]
    rows = [(rf"^features\.{index}\.", f"{unit}.") for index, unit in enumerate(units)]
    rows += [(r"\.branch_proj\.", ".branch1."), (r"\.branch_main\.", ".branch2.")]
    rows += [(r"^first_conv\.", "conv1."), (r"^conv_last\.", "conv5."), (r"^classifier\.0\.", "fc.")]
    return {"megvii": Layout(tuple(rows))}


FAMILIES = (
    Family(
        name="shufflenet_v2",
        paper="ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        year=2018,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width"},
        variants=(
            Variant("shufflenet_v2_x0_5", {"width": 0.5}, params=1_366_792, macs=40_476_448),
            Variant("shufflenet_v2_x1_0", params=2_278_604, macs=144_907_992),
            Variant("shufflenet_v2_x1_5", {"width": 1.5}, params=3_503_624, macs=295_759_392),
            Variant("shufflenet_v2_x2_0", {"width": 2.0}, params=7_393_996, macs=583_253_464),
            Variant("shufflenet_v2_cifar", CIFAR_KNOBS, labels="cifar10", params=212_490, macs=9_163_264),
            Variant("megvii_shufflenet_v2_x0_5", {"width": 0.5, "form": "released"}, params=1_365_792, macs=40_476_448),
            Variant("megvii_shufflenet_v2_x1_0", {"form": "released"}, params=2_278_760, macs=145_814_296),
            Variant(
                "megvii_shufflenet_v2_x1_5", {"width": 1.5, "form": "released"}, params=3_506_720, macs=298_970_656
            ),
            Variant(
                "megvii_shufflenet_v2_x2_0", {"width": 2.0, "form": "released"}, params=7_402_600, macs=590_783_000
            ),
        ),
    ),
)
