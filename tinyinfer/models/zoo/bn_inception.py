"""BN-Inception: GoogLeNet with batch norm, and pairs of 3x3 for its 5x5 (Ioffe and Szegedy 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Probability

Row = tuple[str, int, int, int, int, int, Literal["avg", "max", "pass through"], int]

# paper, figure 5, as released: module, #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool, pool proj;
# what passes through is pooled by stride 2, as the last convolutions of its module are, and not projected
TABLE: tuple[Row, ...] = (
    ("3a", 64, 64, 64, 64, 96, "avg", 32),
    ("3b", 64, 64, 96, 64, 96, "avg", 64),
    ("3c", 0, 128, 160, 64, 96, "pass through", 0),
    ("4a", 224, 64, 96, 96, 128, "avg", 128),
    ("4b", 192, 96, 128, 96, 128, "avg", 128),
    ("4c", 160, 128, 160, 128, 160, "avg", 128),
    ("4d", 96, 128, 192, 160, 192, "avg", 128),
    ("4e", 0, 128, 192, 192, 256, "pass through", 0),
    ("5a", 352, 192, 320, 160, 224, "avg", 128),
    ("5b", 352, 192, 320, 192, 224, "max", 128),
)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = TABLE,
    small_input: bool = False,
    resolution: Count | None = None,
    dropout: Probability = 0.0,
    eps: Factor = 1e-5,
) -> Graph:
    """The network of figure 5; every convolution has a bias as well as a norm, as in the authors' Caffe model.

    ``width`` scales all channels; ``small_input`` begins with a 3x3 convolution of stride 1 without pooling.
    """
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))

    def conv(x: str, channels: int, kernel: int, module: str, layer: str, stride: int = 1) -> str:
        """Convolution, norm, ReLU; names are the public checkpoint's, which puts "relu" between module and layer."""
        name, channels = f"{module}_{layer}", make_divisible(channels * width)
        x = b.conv2d(x, channels, kernel, name=name, stride=stride, padding=kernel // 2)
        return b.relu(b.batch_norm(x, name=f"{name}_bn", eps=eps), name=f"{module}_relu_{layer}")

    def halve(x: str, name: str) -> str:
        return b.max_pool2d(x, 3, name=name, stride=2, ceil_mode=True)

    def inception(x: str, row: Row) -> str:
        module, direct, reduce, three, reduce_double, double, pool, projected = row
        name, passing = f"inception_{module}", pool == "pass through"
        stride = 2 if passing else 1
        single = conv(conv(x, reduce, 1, name, "3x3_reduce"), three, 3, name, "3x3", stride)
        pair = conv(conv(x, reduce_double, 1, name, "double_3x3_reduce"), double, 3, name, "double_3x3_1")
        pair = conv(pair, double, 3, name, "double_3x3_2", stride)
        if passing:
            return b.concat(single, pair, halve(x, f"{name}_pool"), name=f"{name}_output")
        pooling = b.avg_pool2d if pool == "avg" else b.max_pool2d
        pooled = conv(pooling(x, 3, name=f"{name}_pool", stride=1, padding=1), projected, 1, name, "pool_proj")
        return b.concat(conv(x, direct, 1, name, "1x1"), single, pair, pooled, name=f"{name}_output")

    if small_input:
        x = conv(x, 64, 3, "conv1", "7x7_s2")
    else:
        x = halve(conv(x, 64, 7, "conv1", "7x7_s2", 2), "pool1_3x3_s2")
    x = conv(conv(x, 64, 1, "conv2", "3x3_reduce"), 192, 3, "conv2", "3x3")
    x = halve(x, "pool2_3x3_s2")
    for row in table:
        x = inception(x, row)
    x = b.dropout(b.flatten(b.adaptive_avg_pool2d(x, name="global_pool")), dropout, name="dropout")
    return b.finish(b.linear(x, num_classes, name="last_linear"))


# pytorchcv's places of a module's layers, in one that passes its input through and in the others
_PASSING = {"branch1.conv1": "3x3_reduce", "branch1.conv2": "3x3"}
_PASSING |= {f"branch2.conv{i}": f"double_3x3_{part}" for i, part in enumerate(("reduce", 1, 2), start=1)}
_OTHERS = {"branch1": "1x1", "branch2.conv1": "3x3_reduce", "branch2.conv2": "3x3", "branch4.conv": "pool_proj"}
_OTHERS |= {f"branch3.conv{i}": f"double_3x3_{part}" for i, part in enumerate(("reduce", 1, 2), start=1)}


def layouts(table: Sequence[Row] = TABLE, **_: Any) -> dict[str, Layout]:
    """The key map of pytorchcv's checkpoints, whose stages begin where the size is halved."""
    places = {
        "init_block.conv1": "conv1_7x7_s2",
        "init_block.conv2.conv1": "conv2_3x3_reduce",
        "init_block.conv2.conv2": "conv2_3x3",
    }
    stage, unit = 1, 0
    for module, *_channels, pool, _projected in table:
        passing = pool == "pass through"
        stage, unit = (stage + 1, 1) if passing else (stage, unit + 1)
        for place, layer in (_PASSING if passing else _OTHERS).items():
            places[f"stage{stage}.unit{unit}.branches.{place}"] = f"inception_{module}_{layer}"
    rows = [
        (rf"^features\.{place.replace('.', r'[.]')}\.{part}\.", f"{layer}{suffix}.")
        for place, layer in places.items()
        for part, suffix in (("conv", ""), ("bn", "_bn"))
    ]
    return {"pytorchcv": Layout((*rows, (r"^output\.", "last_linear.")))}


FAMILIES = (
    Family(
        name="bn_inception",
        paper="Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        year=2015,
        build=build,
        layouts=layouts,
        # the weights were trained in Caffe, on bytes in OpenCV's order
        preprocess={"channels": "bgr", "scale": 1.0, "mean": [104.0, 117.0, 128.0], "std": [1.0, 1.0, 1.0]},
        trials=({"small_input": True},),
        variants=(Variant("bninception", aliases=("bn_inception",), params=11_295_240, macs=2_032_600_064),),
    ),
)
