"""IGCNet and IGCV2: products of interleaved group convolutions (Zhang et al. 2017, Xie et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act
from tinyinfer.models.family import Family, Variant
from tinyinfer.models.knobs import Count, Factor, Padding

STAGES = 3  # on CIFAR: at 32x32, 16x16 and 8x8, each with twice the channels of the one before


def build_v1(
    *,
    num_classes: Count = 10,
    primary: Count = 24,
    secondary: Count = 2,
    blocks: Count = 12,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 2e-5,
) -> Graph:
    """IGC-LxMy on CIFAR: ``primary`` (L) partitions of ``secondary`` (M) channels, doubled by M in stages 2 and 3.

    Each of the ``blocks`` of a stage is a 3x3 convolution in L groups, and a 1x1 in M groups that takes one channel
    from every one of them (IGCNet, section 3.1); depth is 3 * blocks + 2.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or 32)
    x = conv_bn_act(b, x, primary * secondary, 3, names=("g0.conv", "g0.bn", "g0.relu"), style=style)
    for stage in range(STAGES):
        groups = (primary, secondary << stage)
        for i in range(blocks):
            stride = 2 if stage > 0 and i == 0 else 1
            name = f"g{stage + 1}.b{i + 1}"
            x = b.relu(_interleaved(b, x, groups, name, stride, style), name=f"{name}.relu")
    return _head(b, x, num_classes)


def _interleaved(b: Builder, x: str, groups: tuple[int, int], name: str, stride: int, style: Style) -> str:
    """Primary 3x3, permutation, secondary 1x1, permutation back (IGCNet, figure 1)."""
    primary, secondary = groups
    channels, pad = primary * secondary, style.pad(3)
    x = b.conv2d(x, channels, 3, name=f"{name}.conv1", stride=stride, padding=pad, groups=primary, bias=False)
    x = b.channel_shuffle(x, primary, name=f"{name}.reorder1")
    x = b.conv2d(x, channels, 1, name=f"{name}.conv2", groups=secondary, bias=False)
    x = b.channel_shuffle(x, secondary, name=f"{name}.reorder2")
    return b.batch_norm(x, name=f"{name}.bn", eps=style.eps)


def build_imagenet(
    *,
    num_classes: Count = 1000,
    primary: Count = 100,
    secondary: Count = 2,
    double: Literal["primary", "secondary"] = "primary",
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 2e-5,
) -> Graph:
    """ResNet-18 of interleaved group convolutions, IGC-LxMy+Ident.; ``double`` says which number grows by stage.

    Shortcuts are grouped as the primary convolutions; ``small_input`` takes a 3x3 stem of stride 1 without pooling.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (7, 2)
    stem = primary * secondary // 2 if double == "primary" else primary * secondary
    x = conv_bn_act(b, x, stem, kernel, names=("g0.conv", "g0.bn", "g0.relu"), style=style, stride=stride)
    if not small_input:
        x = b.max_pool2d(x, 3, name="g0.pool", stride=2, padding=style.pad(3))
    for stage in range(4):
        groups = (primary << stage, secondary) if double == "primary" else (primary, secondary << stage)
        for i in range(2):
            x = _residual(b, x, groups, f"g{stage + 1}.b{i + 1}", 2 if stage > 0 and i == 0 else 1, style)
    return _head(b, x, num_classes)


def _residual(b: Builder, x: str, groups: tuple[int, int], name: str, stride: int, style: Style) -> str:
    shortcut, channels = x, groups[0] * groups[1]
    if b.channels(x) != channels:
        names = (f"{name}.proj.conv", f"{name}.proj.bn")
        shortcut = conv_bn_act(b, x, channels, 1, names=names, style=style, stride=stride, groups=groups[0])
    x = b.relu(_interleaved(b, x, groups, f"{name}.igc1", stride, style), name=f"{name}.igc1.relu")
    x = _interleaved(b, x, groups, f"{name}.igc2", 1, style)
    return b.relu(b.add(shortcut, x, name=f"{name}.add"), name=f"{name}.relu")


def build_v2(
    *,
    num_classes: Count = 10,
    group_width: Count = 8,
    layers: Count = 2,
    blocks: Count = 6,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    eps: Factor = 1e-5,
) -> Graph:
    """IGCV2 on CIFAR: a depthwise 3x3, then ``layers`` 1x1 convolutions whose groups have ``group_width`` channels.

    There are group_width ** layers channels in stage 1, so that every output of a block depends on every input by
    exactly one path (complementary condition, IGCV2, section 3.2); the last layer's groups grow with the stages.
    ``group_width`` must be even.
    """
    if group_width % 2:
        raise InputError(f"group_width: expected an even number, found {group_width}")
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or 32)
    channels = group_width**layers
    x = conv_bn_act(b, x, channels, 3, names=("g0.conv", "g0.bn", "g0.relu"), style=style)
    for stage in range(STAGES):
        widths = [group_width] * (layers - 1) + [group_width << stage]
        for i in range(blocks):
            stride = 2 if stage > 0 and i == 0 else 1
            x = _structured(b, x, channels << stage, widths, f"g{stage + 1}.b{i + 1}", stride, style)
    return _head(b, x, num_classes)


def _structured(b: Builder, x: str, channels: int, widths: Sequence[int], name: str, stride: int, style: Style) -> str:
    """Products of sparse kernels (IGCV2, figure 2): each shuffle hands the next layer one channel from every group."""
    before = b.channels(x)
    names = (f"{name}.conv0", f"{name}.bn0")
    x = conv_bn_act(b, x, before, 3, names=names, style=style, stride=stride, groups=before)
    for i, width in enumerate(widths, start=1):
        x = b.conv2d(x, channels, 1, name=f"{name}.conv{i}", groups=channels // width, bias=False)
        x = b.channel_shuffle(x, channels // width, name=f"{name}.reorder{i}")
    return b.relu(b.batch_norm(x, name=f"{name}.bn", eps=style.eps), name=f"{name}.relu")


def _head(b: Builder, x: str, num_classes: int) -> Graph:
    x = b.flatten(b.adaptive_avg_pool2d(x, name="global_pool"))
    return b.finish(b.linear(x, num_classes, name="fc_score"))


def _cifar(primary: int, secondary: int, blocks: int) -> Variant:
    knobs = {"primary": primary, "secondary": secondary, "blocks": blocks}
    return Variant(f"igc_l{primary}m{secondary}_d{STAGES * blocks + 2}", knobs)


def _imagenet(primary: int, secondary: int, double: str) -> Variant:
    knobs = {"primary": primary, "secondary": secondary, "double": double}
    return Variant(f"igc_l{primary}m{secondary}_imagenet", knobs)


IGCV1 = "Interleaved Group Convolutions for Deep Neural Networks"
ALIASES = {"primary_partition": "primary", "secondary_partition": "secondary"}

FAMILIES = (
    Family(
        name="igcv1",
        paper=IGCV1,
        year=2017,
        build=build_v1,
        labels="cifar10",
        knob_aliases=ALIASES,
        variants=(_cifar(4, 8, 6), _cifar(24, 2, 6), _cifar(24, 2, 12), _cifar(32, 26, 6)),
    ),
    Family(
        name="igcv1_imagenet",
        paper=IGCV1,
        year=2017,
        build=build_imagenet,
        knob_aliases=ALIASES,
        variants=(_imagenet(100, 2, "primary"), _imagenet(4, 32, "secondary"), _imagenet(16, 16, "secondary")),
    ),
    Family(
        name="igcv2",
        paper="IGCV2: Interleaved Structured Sparse Convolutional Neural Networks",
        year=2018,
        build=build_v2,
        labels="cifar10",
        variants=(
            Variant("igcv2_c64", params=121_738, macs=22_489_600),
            Variant("igcv2_c144", {"group_width": 12}, params=368_938, macs=67_190_400),
        ),
    ),
)
