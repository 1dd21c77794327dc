"""ShiftNet and ShiftResNet: pixels see their neighbours by shifted channels alone (Wu et al. 2018)."""

from __future__ import annotations

from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible
from tinyinfer.models.blocks.shift import ShiftKind, shift
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor

Stages = tuple[tuple[int, int, int, int, int], ...]

# ShiftNet, table 4: output channels, shift kernel, expansion of the first module and of the rest, modules; ShiftNet-A
SHIFTNET_A = (
    (64, 5, 4, 4, 5),
    (128, 5, 4, 3, 6),
    (256, 3, 3, 2, 7),
    (512, 3, 2, 1, 3),
)
# section 4.2: C is shallower, with half of A's channels, kernel 3 and no expansion
SHIFTNET_C = (
    (64, 3, 1, 1, 1),
    (128, 3, 1, 1, 4),
    (256, 3, 1, 1, 4),
    (512, 3, 1, 1, 3),
)
# the same columns for 32x32 pictures at half the width, within 10 M mult-adds and 300 k parameters
CIFAR_STAGES = (
    (64, 3, 2, 2, 2),
    (128, 3, 2, 2, 4),
    (256, 3, 2, 1, 3),
)
STEM = 32
STYLE = Style("relu")

CIFAR_KNOBS: dict[str, Any] = {"width": 0.5, "stages": CIFAR_STAGES, "small_input": True, "num_classes": 10}

# channels and stride of ResNet-20's stages on CIFAR
RESNET_STAGES = ((16, 1), (32, 2), (64, 2))


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    stages: Stages = SHIFTNET_A,
    shift_kind: ShiftKind = "grouped",
    resolution: Count | None = None,
    small_input: bool = False,
) -> Graph:
    """ShiftNet; ``shift_kind`` "sparse" lets every channel have its own learnt displacement (Chen et al. 2019).

    ``small_input`` takes a 3x3 stem of stride 1.
    """
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (7, 2)
    stem = make_divisible(STEM * width)
    x = b.conv2d(x, stem, kernel, name="conv1", stride=stride, padding=kernel // 2, bias=False)
    for stage, (channels, kernel, first, rest, depth) in enumerate(stages, start=1):
        for i in range(depth):
            out, expansion = make_divisible(channels * width), first if i == 0 else rest
            x = _module(b, x, out, kernel, expansion, f"layer{stage}.{i}", shift_kind, halve=i == 0)
    x = b.relu(b.batch_norm(x, name="bn"), name="relu")
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="fc"))


def _module(
    b: Builder, x: str, channels: int, kernel: int, expansion: int, name: str, kind: ShiftKind, *, halve: bool
) -> str:
    """Conv-shift-conv with the activations in front (figure 3), added to its input.

    Where the size halves, the pooled input is concatenated instead, as in ShuffleNet, and the convolutions make the
    channels that are missing.
    """
    own = channels - b.channels(x) if halve else channels
    y = b.relu(b.batch_norm(x, name=f"{name}.bn1"), name=f"{name}.relu1")
    y = b.conv2d(y, own * expansion, 1, name=f"{name}.conv1", bias=False)
    y = shift(b, y, kernel, name=f"{name}.shift", kind=kind)
    y = b.relu(b.batch_norm(y, name=f"{name}.bn2"), name=f"{name}.relu2")
    y = b.conv2d(y, own, 1, name=f"{name}.conv2", stride=2 if halve else 1, bias=False)
    if halve:
        return b.concat(y, b.avg_pool2d(x, 3, name=f"{name}.pool", stride=2, padding=1), name=f"{name}.concat")
    return b.add(y, x, name=f"{name}.add")


def build_resnet(
    *,
    num_classes: Count = 10,
    width: Factor = 1.0,
    blocks: Count = 3,
    expansion: Factor = 9.0,
    shift_kind: ShiftKind = "grouped",
    resolution: Count = 32,
) -> Graph:
    """ShiftResNet-(6 ``blocks`` + 2) for CIFAR: both 3x3 convolutions of a block replaced by conv-shift-conv.

    A block's first convolution makes ``expansion`` times as many channels as its last, between which they are shifted.
    As in the public code, the shortcut is added after the last activation, not before it as in ResNet.
    """
    b = Builder()
    x = b.input(3, resolution)
    x = conv_bn_act(b, x, make_divisible(RESNET_STAGES[0][0] * width), 3, names=("conv1", "bn1", "relu"), style=STYLE)
    for stage, (channels, stride) in enumerate(RESNET_STAGES, start=1):
        for i in range(blocks):
            out = make_divisible(channels * width)
            x = _block(b, x, out, expansion, f"layer{stage}.{i}", stride if i == 0 else 1, shift_kind)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="linear"))


def _block(b: Builder, x: str, channels: int, expansion: float, name: str, stride: int, kind: ShiftKind) -> str:
    shortcut = x
    if stride != 1 or b.channels(x) != channels:
        names = (f"{name}.shortcut.0", f"{name}.shortcut.1")
        shortcut = conv_bn_act(b, x, channels, 1, names=names, style=STYLE, stride=stride)
    first, last = ((f"{name}.conv{n}", f"{name}.bn{n}", f"{name}.relu{n}") for n in (1, 2))
    x = conv_bn_act(b, x, max(1, int(channels * expansion)), 1, names=first, style=STYLE)
    x = shift(b, x, 3, name=f"{name}.shift2", kind=kind)
    x = conv_bn_act(b, x, channels, 1, names=last, style=STYLE, stride=stride)
    return b.add(x, shortcut, name=f"{name}.add")


def _resnet(depth: int, expansion: int, **figures: Any) -> Variant:
    knobs = {"blocks": (depth - 2) // 6, "expansion": expansion}
    return Variant(f"shiftresnet{depth}_e{expansion}_cifar", knobs, **figures)


FAMILIES = (
    Family(
        name="shiftnet",
        paper="Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions",
        year=2018,
        build=build,
        variants=(
            Variant("shiftnet_a", params=4_188_680, macs=1_424_306_176),
            Variant("shiftnet_b", {"width": 0.5}, params=1_183_480, macs=370_956_288),
            Variant("shiftnet_cifar", CIFAR_KNOBS, labels="cifar10", params=145_306, macs=7_652_608),
            Variant("shiftnet_c", {"width": 0.5, "stages": SHIFTNET_C}, params=693_720, macs=97_196_032),
        ),
    ),
    Family(
        name="shiftresnet",
        paper="Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions",
        year=2018,
        build=build_resnet,
        labels="cifar10",
        variants=tuple(_resnet(depth, expansion) for depth in (20, 56, 110) for expansion in (1, 3, 6, 9)),
    ),
)
