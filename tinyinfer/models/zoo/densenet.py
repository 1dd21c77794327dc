"""DenseNet: every layer reads the outputs of all layers before it (Huang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

# for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_KNOBS: dict[str, Any] = {
    "depths": (3, 5, 8),
    "growth": 16,
    "stem": 32,
    "stem_kernel": 3,
    "stem_pool": False,
    "bottleneck": 2,
    "resolution": 32,
    "num_classes": 10,
}


def build(
    *,
    num_classes: Count = 1000,
    depths: Sequence[int] = (6, 12, 24, 16),
    growth: Count = 32,
    stem: Count = 64,
    stem_kernel: Count = 7,
    stem_pool: bool = True,
    bottleneck: Count = 4,
    compression: Factor = 0.5,
    width: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.0,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of table 1: ``depths`` layers in each block, each of which adds ``growth`` channels.

    Norm and ReLU stand before the convolutions; a 1x1 to ``bottleneck`` * ``growth`` channels stands before each 3x3
    (DenseNet-B), and transitions keep ``compression`` of the channels (DenseNet-C).  ``width`` scales ``growth`` and
    ``stem``; ``small_input`` takes a 3x3 stem of stride 1 without pooling.
    """
    style = Style("relu", padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    kernel, stride = (3, 1) if small_input else (stem_kernel, 2)
    added = max(1, round(growth * width))
    channels, padded = make_divisible(stem * width), style.pad(kernel)
    x = b.conv2d(x, channels, kernel, name="features.conv0", stride=stride, padding=padded, bias=False)
    x = _norm_relu(b, x, "features.norm0", "features.relu0", style)
    if stem_pool and not small_input:
        x = b.max_pool2d(x, 3, name="features.pool0", stride=2, padding=style.pad(3))
    for block, depth in enumerate(depths, start=1):
        if block > 1:
            x = _transition(b, x, compression, f"features.transition{block - 1}", style)
        for i in range(1, depth + 1):
            x = _layer(b, x, added, bottleneck, f"features.denseblock{block}.denselayer{i}", dropout, style)
    x = _norm_relu(b, x, f"features.norm{len(depths) + 1}", "relu", style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    return b.finish(b.linear(x, num_classes, name="classifier"))


def _layer(b: Builder, x: str, growth: int, bottleneck: int, name: str, dropout: float, style: Style) -> str:
    """The input, and beside it what a 1x1 and a 3x3 make of it (figure 1)."""
    y = _norm_relu(b, x, f"{name}.norm1", f"{name}.relu1", style)
    y = b.conv2d(y, bottleneck * growth, 1, name=f"{name}.conv1", bias=False)
    y = _norm_relu(b, y, f"{name}.norm2", f"{name}.relu2", style)
    y = b.conv2d(y, growth, 3, name=f"{name}.conv2", padding=style.pad(3), bias=False)
    if dropout:
        y = b.dropout(y, dropout, name=f"{name}.dropout")
    return b.concat(x, y, name=f"{name}.concat")


def _transition(b: Builder, x: str, compression: float, name: str, style: Style) -> str:
    """Fewer channels by a 1x1, half the size by an average."""
    x = _norm_relu(b, x, f"{name}.norm", f"{name}.relu", style)
    x = b.conv2d(x, max(1, int(b.channels(x) * compression)), 1, name=f"{name}.conv", bias=False)
    return b.avg_pool2d(x, 2, name=f"{name}.pool")


def _norm_relu(b: Builder, x: str, norm: str, relu: str, style: Style) -> str:
    return b.activation(b.batch_norm(x, name=norm, eps=style.eps), style.activation, name=relu)


def layouts(**_: Any) -> dict[str, Layout]:
    """The key map of torchvision's first checkpoints, whose layers are called norm.1 and conv.2."""
    return {"torchvision before 0.3": Layout(((r"\.(denselayer\d+)\.(norm|conv)\.([12])\.", r".\1.\2\3."),))}


FAMILIES = (
    Family(
        name="densenet",
        paper="Densely Connected Convolutional Networks",
        year=2017,
        build=build,
        layouts=layouts,
        trials=({"small_input": True},),  # its stem has another shape
        knob_aliases={"growth_rate": "growth", "block_config": "depths", "num_init_features": "stem"},
        variants=(
            Variant("densenet121", params=7_978_856, macs=2_834_161_664),
            Variant(
                "densenet161",
                {"depths": (6, 12, 36, 24), "growth": 48, "stem": 96},
                params=28_681_000,
                macs=7_727_907_072,
            ),
            Variant("densenet169", {"depths": (6, 12, 32, 32)}, params=14_149_480, macs=3_359_843_328),
            Variant("densenet201", {"depths": (6, 12, 48, 32)}, params=20_013_928, macs=4_291_365_888),
            Variant("densenet_cifar", CIFAR_KNOBS, labels="cifar10", params=137_434, macs=9_498_456),
        ),
    ),
)
