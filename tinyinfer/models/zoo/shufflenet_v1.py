"""ShuffleNet: grouped 1x1 convolutions, and a shuffle that mixes their groups (Zhang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

# paper, table 1: channels of stages 2, 3 and 4 by the number of groups; all have about the same mult-adds
CHANNELS: dict[int, tuple[int, int, int]] = {
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}
STEM = 24
REPEATS = (4, 8, 4)  # units of each stage, the first with stride 2
BOTTLENECK = 4  # section 3.2: an inner layer has a quarter of the unit's channels

Form = Literal["paper", "released"]


def build(
    *,
    num_classes: Count = 1000,
    groups: Literal[1, 2, 3, 4, 8] = 3,
    width: Factor = 1.0,
    stem: Count | None = None,
    repeats: Sequence[int] = REPEATS,
    form: Form = "released",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1; ``width`` is the scale factor of section 3.3.

    ``form`` "paper" is figure 2: shuffle behind the first 1x1, ReLU behind the concatenation.  The authors' release
    shuffles behind the depthwise, the other way round, has the ReLU on one branch, and no bias in the classifier.
    ``stem`` is scaled as the stages unless given; ``small_input`` takes a stem of stride 1 without pooling.
    """
    if len(repeats) != len(REPEATS):
        raise InputError(f"repeats: expected {len(REPEATS)} counts of units, found {repeats!r}")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    stem = stem or make_divisible(STEM * width, groups)
    names = ("first_conv.0", "first_conv.1", "first_conv.2")
    x = conv_bn_act(b, x, stem, 3, names=names, style=style, stride=1 if small_input else 2)
    if not small_input:
        x = b.max_pool2d(x, 3, name="maxpool", stride=2, padding=style.pad(3))
    index = 0
    for stage, (channels, repeat) in enumerate(zip(CHANNELS[groups], repeats, strict=True)):
        # divisible so that the inner layer, a quarter of it, can be grouped
        channels = make_divisible(channels * width, BOTTLENECK * groups)
        for i in range(repeat):
            entry_groups = 1 if stage == i == 0 else groups  # section 3.3: too few channels to group them
            stride = 2 if i == 0 else 1
            x = _unit(b, x, channels, f"features.{index}", stride, (entry_groups, groups), form, style)
            index += 1
    x = b.flatten(b.adaptive_avg_pool2d(x, name="globalpool"))
    return b.finish(b.linear(x, num_classes, name="classifier.0", bias=form == "paper"))


def _unit(
    b: Builder, x: str, channels: int, name: str, stride: int, groups: tuple[int, int], form: Form, style: Style
) -> str:
    """Grouped 1x1, depthwise 3x3, grouped 1x1, around the input or beside its pooling (figure 2 b and c)."""
    main = f"{name}.branch_main_1"
    inner, rest = channels // BOTTLENECK, channels - b.channels(x) if stride == 2 else channels
    y = conv_bn_act(b, x, inner, 1, names=(f"{main}.0", f"{main}.1", f"{main}.2"), style=style, groups=groups[0])
    if form == "paper" and groups[1] > 1:
        y = b.channel_shuffle(y, groups[1], name=f"{name}.shuffle")
    y = conv_bn_act(b, y, inner, 3, names=(f"{main}.3", f"{main}.4"), style=style, stride=stride, groups=inner)
    if form == "released" and groups[1] > 1:
        y = b.channel_shuffle(y, inner // groups[1], name=f"{name}.shuffle")
    names = (f"{name}.branch_main_2.0", f"{name}.branch_main_2.1")
    y = conv_bn_act(b, y, rest, 1, names=names, style=style, groups=groups[1])
    if stride == 1:
        return b.relu(b.add(x, y, name=f"{name}.add"), name=f"{name}.relu")
    pooled = b.avg_pool2d(x, 3, name=f"{name}.branch_proj", stride=2, padding=style.pad(3))
    if form == "paper":
        return b.relu(b.concat(y, pooled, name=f"{name}.concat"), name=f"{name}.relu")
    return b.concat(pooled, b.relu(y, name=f"{name}.relu"), name=f"{name}.concat")


# layers of a unit: pytorchcv's name, ours
PYTORCHCV = (
    ("compress_conv1", "branch_main_1.0"),
    ("compress_bn1", "branch_main_1.1"),
    ("dw_conv2", "branch_main_1.3"),
    ("dw_bn2", "branch_main_1.4"),
    ("expand_conv3", "branch_main_2.0"),
    ("expand_bn3", "branch_main_2.1"),
)


def layouts(repeats: Sequence[int] = REPEATS, form: Form = "released", **_: Any) -> dict[str, Layout]:
    """The key map of pytorchcv's checkpoints, which are of the paper's form; the authors' are canonical."""
    if form != "paper":
        return {}
    rows = [(r"^features\.init_block\.conv\.", "first_conv.0."), (r"^features\.init_block\.bn\.", "first_conv.1.")]
    units = [(stage, unit) for stage, repeat in enumerate(repeats, 1) for unit in range(1, repeat + 1)]
    rows += [
        (rf"^features\.stage{stage}\.unit{unit}\.", f"features.{index}.") for index, (stage, unit) in enumerate(units)
    ]
    rows += [(rf"\.{theirs}\.", f".{ours}.") for theirs, ours in PYTORCHCV]
    return {"pytorchcv": Layout((*rows, (r"^output\.", "classifier.0.")))}


def _released(groups: int, width: float, **knobs: int) -> Variant:
    scale = f"{width:.2f}".replace(".", "_").removesuffix("0")
    return Variant(f"shufflenet_v1_g{groups}_x{scale}", {"groups": groups, "width": width, **knobs})


# for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_KNOBS: dict[str, Any] = {"width": 0.5, "stem": 12, "repeats": (2, 4, 2), "small_input": True, "num_classes": 10}


def _paper(groups: int, width: float, name: str) -> Variant:
    knobs = {"groups": groups, "width": width, "form": "paper"}
    return Variant(f"shufflenet_g{groups}_{name}", knobs, (f"pytorchcv_shufflenet_g{groups}_{name}",))


FAMILIES = (
    Family(
        name="shufflenet_v1",
        paper="ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
        year=2017,
        build=build,
        layouts=layouts,
        knob_aliases={"group": "groups", "scale": "width"},
        variants=(
            *(_released(groups, width) for groups in CHANNELS for width in (1.0, 0.5, 0.25)),
            *(_released(groups, 1.5, stem=24) for groups in (3, 8)),
            *(_released(groups, 2.0) for groups in (3, 8)),
            Variant("shufflenet_v1_cifar", CIFAR_KNOBS, labels="cifar10", params=110_784, macs=5_900_736),
            *(_paper(groups, 1.0, "w1") for groups in CHANNELS),
            *(_paper(3, width, name) for width, name in ((0.75, "w3d4"), (0.5, "wd2"), (0.25, "wd4"))),
        ),
    ),
)
