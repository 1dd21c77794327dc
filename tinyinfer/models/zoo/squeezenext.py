"""SqueezeNext: two squeezes and a separated 3x3 in every block (Gholami et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, make_divisible, numbered
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

# paper, figure 3: channels of the four stages of 1.0-SqNxt-23, and how many blocks each has
CHANNELS = (32, 64, 128, 256)
BLOCKS = (6, 6, 8, 1)
BLOCKS_V5 = (2, 4, 14, 1)  # the fifth variation, with blocks moved to where the hardware is busy (section 4)
STEM, LAST = 64, 128


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    blocks: Sequence[Count] = BLOCKS,
    stem_kernel: Count = 7,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """The network of figure 3.

    ``width`` is the number in front of SqNxt, ``blocks`` is how many each stage has; ``small_input`` begins with a
    3x3 of stride 1 and no pooling; ``padding`` "same" is for weights trained by TensorFlow.
    """
    if len(blocks) != len(CHANNELS):
        raise ValueError(f"blocks: expected {len(CHANNELS)} numbers, found {blocks!r}")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (stem_kernel, 2)
    border = 1 if padding == "symmetric" else padding  # 1 for the 7x7 too
    x = b.conv2d(x, make_divisible(STEM * width, 4), kernel, name="conv1", stride=stride, padding=border)
    x = b.relu(b.batch_norm(x, name="bn1", eps=eps), name="relu1")
    if not small_input:
        unpadded = 0 if padding == "symmetric" else padding
        x = b.max_pool2d(x, 3, name="pool", stride=2, padding=unpadded, ceil_mode=True)
    for stage, (channels, repeats) in enumerate(zip(CHANNELS, blocks, strict=True), start=1):
        for i in range(repeats):
            stride = 2 if i == 0 and stage > 1 else 1
            x = _block(b, x, make_divisible(channels * width, 4), name=f"stage{stage}.{i}", stride=stride, style=style)
    x = _conv(b, x, make_divisible(LAST * width, 4), 1, names=("conv2", "bn2", "relu2"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="linear"))


def _block(b: Builder, x: str, channels: int, *, name: str, stride: int, style: Style) -> str:
    """Channels halved twice by 1x1s, a 3x3 as 1x3 and 3x1, and a 1x1 back, around a shortcut (figure 1)."""
    shortcut = x
    if stride > 1 or b.channels(x) != channels:
        names = (f"{name}.shortcut.0", f"{name}.shortcut.1", f"{name}.shortcut.2")
        shortcut = _conv(b, x, channels, 1, names=names, style=style, stride=stride)
    x = _conv(b, x, channels // 2, 1, names=numbered(name, 1), style=style, stride=stride)
    x = _conv(b, x, channels // 4, 1, names=numbered(name, 2), style=style)
    x = _conv(b, x, channels // 2, (1, 3), names=numbered(name, 3), style=style)
    x = _conv(b, x, channels // 2, (3, 1), names=numbered(name, 4), style=style)
    x = _conv(b, x, channels, 1, names=numbered(name, 5), style=style)
    return b.relu(b.add(x, shortcut, name=f"{name}.add"), name=f"{name}.relu")


def _conv(
    b: Builder,
    x: str,
    channels: int,
    kernel: int | tuple[int, int],
    *,
    names: tuple[str, str, str],
    style: Style,
    stride: int = 1,
) -> str:
    """Convolution, here with a bias although batch norm follows, norm and ReLU."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (height // 2, width // 2) if style.padding == "symmetric" else style.padding
    x = b.conv2d(x, channels, (height, width), name=names[0], stride=stride, padding=padding)
    return b.activation(b.batch_norm(x, name=names[1], eps=style.eps), style.activation, name=names[2])


def layouts(blocks: Sequence[int] = BLOCKS, **_: Any) -> dict[str, Layout]:
    """Key map of pytorchcv's checkpoints, which count units from 1."""
    rows = [
        (r"^features\.init_block\.conv\.(conv|bn)\.", r"\g<1>1."),
        (r"^features\.final_block\.(conv|bn)\.", r"\g<1>2."),
        (r"^output\.", "linear."),
    ]
    for stage, repeats in enumerate(blocks, start=1):
        for i in range(repeats):
            old, new = rf"^features\.stage{stage}\.unit{i + 1}\.", f"stage{stage}.{i}."
            rows += [
                (rf"{old}conv(\d)\.(conv|bn)\.", rf"{new}\2\1."),
                (rf"{old}identity_conv\.conv\.", f"{new}shortcut.0."),
                (rf"{old}identity_conv\.bn\.", f"{new}shortcut.1."),
            ]
    return {"pytorchcv": Layout(tuple(rows))}


V5: dict[str, Any] = {"blocks": BLOCKS_V5}
CIFAR: dict[str, Any] = {"small_input": True, "num_classes": 10}

FAMILIES = (
    Family(
        name="squeezenext",
        paper="SqueezeNext: Hardware-Aware Neural Network Design",
        year=2018,
        build=build,
        layouts=layouts,
        variants=(
            Variant("sqnxt23_w1", {}, ("pytorchcv_sqnxt23_w1",), 724_056, 275_920_640),
            Variant("sqnxt23_w3d2", {"width": 1.5}, ("pytorchcv_sqnxt23_w3d2",), 1_511_824, 535_347_840),
            Variant("sqnxt23_w2", {"width": 2.0}, ("pytorchcv_sqnxt23_w2",), 2_583_752, 875_752_960),
            Variant("sqnxt23v5_w1", V5, ("pytorchcv_sqnxt23v5_w1",), 921_816, 276_943_616),
            Variant("sqnxt23v5_w3d2", {**V5, "width": 1.5}, ("pytorchcv_sqnxt23v5_w3d2",), 1_953_616, 537_649_536),
            Variant("sqnxt23v5_w2", {**V5, "width": 2.0}, ("pytorchcv_sqnxt23v5_w2",), 3_366_344, 879_844_864),
            Variant("squeezenext_23_1x_cifar", CIFAR, params=588_666, macs=55_248_128, labels="cifar10"),
            Variant(
                "squeezenext_23_2x_cifar", {**CIFAR, "width": 2.0}, params=2_313_962, macs=217_451_008, labels="cifar10"
            ),
            Variant("squeezenext_23_1x_v5_cifar", {**V5, **CIFAR}, params=786_426, macs=55_248_128, labels="cifar10"),
            Variant(
                "squeezenext_23_2x_v5_cifar",
                {**V5, **CIFAR, "width": 2.0},
                params=3_096_554,
                macs=217_451_008,
                labels="cifar10",
            ),
        ),
    ),
)
