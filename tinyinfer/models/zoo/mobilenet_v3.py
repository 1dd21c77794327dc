"""MobileNet V3: searched blocks, attention and h-swish where they pay, a cheap head (Howard et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import (
    BlockNames,
    SqueezeExcite,
    Style,
    atrous,
    conv_bn_act,
    inverted_residual,
    make_divisible,
    sequential,
)
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability

Row = tuple[int, int, int, bool, str, int]
OutputStride = Literal[8, 16, 32]

RE, HS = "relu", "hardswish"
SE, __ = True, False

# paper, table 1: kernel, expansion size, channels out, squeeze-and-excitation, nonlinearity, stride
LARGE: tuple[Row, ...] = (
    (3, 16, 16, __, RE, 1),
    (3, 64, 24, __, RE, 2),
    (3, 72, 24, __, RE, 1),
    (5, 72, 40, SE, RE, 2),
    (5, 120, 40, SE, RE, 1),
    (5, 120, 40, SE, RE, 1),
    (3, 240, 80, __, HS, 2),
    (3, 200, 80, __, HS, 1),
    (3, 184, 80, __, HS, 1),
    (3, 184, 80, __, HS, 1),
    (3, 480, 112, SE, HS, 1),
    (3, 672, 112, SE, HS, 1),
    (5, 672, 160, SE, HS, 2),
    (5, 960, 160, SE, HS, 1),
    (5, 960, 160, SE, HS, 1),
)

# paper, table 2
SMALL: tuple[Row, ...] = (
    (3, 16, 16, SE, RE, 2),
    (3, 72, 24, __, RE, 2),
    (3, 88, 24, __, RE, 1),
    (5, 96, 40, SE, HS, 2),
    (5, 240, 40, SE, HS, 1),
    (5, 240, 40, SE, HS, 1),
    (5, 120, 48, SE, HS, 1),
    (5, 144, 48, SE, HS, 1),
    (5, 288, 96, SE, HS, 2),
    (5, 576, 96, SE, HS, 1),
    (5, 576, 96, SE, HS, 1),
)

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[Row, ...] = (
    (3, 16, 16, SE, RE, 2),
    (3, 64, 24, __, RE, 1),
    (3, 72, 24, __, RE, 1),
    (5, 96, 40, SE, HS, 2),
    (5, 120, 40, SE, HS, 1),
    (5, 144, 40, SE, HS, 1),
    (5, 192, 64, SE, HS, 2),
    (5, 256, 64, SE, HS, 1),
)

STEM = 16


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    table: Sequence[Row] = LARGE,
    last: Count = 1280,
    minimal: bool = False,
    reduced_tail: bool = False,
    output_stride: OutputStride = 32,
    widths: Literal["torchvision", "tensorflow"] = "torchvision",
    attention_first: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of tables 1 and 2, ``last`` wide before the classifier.

    ``width`` scales all channels; ``widths`` "tensorflow" is the rule of the authors' code, which expands by the
    table's ratio from a block's real input and leaves ``last`` as it is.  ``minimal`` is the authors' variant
    without attention, h-swish and 5x5 filters; ``reduced_tail`` halves the last stage (section 6.4) and
    ``output_stride`` dilates it.  ``attention_first`` puts attention before the activation, as one port does;
    ``small_input`` gives the first convolution stride 1; ``padding`` "same" is for weights trained by TensorFlow.
    """
    style = Style(RE if minimal else HS, padding, eps)
    b = Builder()
    x = b.input(3, resolution or (32 if small_input else 224))
    rows = list(scaled(table, width, widths, minimal=minimal, reduced_tail=reduced_tail))
    *_, x = features(
        b,
        x,
        rows,
        stem=stem_channels(width, widths),
        first_stride=1 if small_input else 2,
        output_stride=output_stride,
        style=style,
        attention_first=attention_first,
    )
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    last //= 2 if reduced_tail else 1
    x = b.linear(x, make_divisible(last * width) if widths == "torchvision" else last, name="classifier.0")
    x = b.activation(x, style.activation, name="classifier.1")
    x = b.dropout(x, dropout, name="classifier.2")
    return b.finish(b.linear(x, num_classes, name="classifier.3"))


def stem_channels(width: float, widths: str = "torchvision") -> int:
    """Channels of the first convolution; the authors' rule keeps them below a width of 0.75."""
    return STEM if widths == "tensorflow" and width < 0.75 else make_divisible(STEM * width)


def scaled(
    table: Sequence[Row],
    width: float = 1.0,
    widths: str = "torchvision",
    *,
    minimal: bool = False,
    reduced_tail: bool = False,
) -> Iterator[Row]:
    """The table's rows with real channels; see `build`."""
    tail, stem = table[-1][2], stem_channels(width, widths)
    before, nominal, entered = stem, STEM, False
    for kernel, expansion, channels, attention, activation, stride in table:
        if reduced_tail and channels == tail:
            expansion, channels = expansion // 2 if entered else expansion, channels // 2
            entered = True
        ratio = expansion / nominal
        hidden = make_divisible(expansion * width if widths == "torchvision" else before * ratio)
        nominal, before = channels, make_divisible(channels * width)
        yield 3 if minimal else kernel, hidden, before, attention and not minimal, RE if minimal else activation, stride


def features(
    b: Builder,
    x: str,
    rows: Sequence[Row],
    *,
    stem: int,
    first_stride: int,
    output_stride: int,
    style: Style,
    attention_first: bool = False,
    prefix: str = "features",
) -> Iterator[str]:
    """What the stem, every block and the last 1x1 compute, one after the other."""
    x = conv_bn_act(b, x, stem, 3, names=sequential(f"{prefix}.0"), style=style, stride=first_stride)
    yield x
    steps = atrous([row[-1] for row in rows], output_stride, at_once=True)
    for index, (row, (stride, dilation)) in enumerate(zip(rows, steps, strict=True), start=1):
        kernel, hidden, channels, attention, activation, _ = row
        name, expand = f"{prefix}.{index}", hidden != b.channels(x)
        squeeze = SqueezeExcite(f"{name}.block.{1 + expand}", make_divisible(hidden // 4), gate="hardsigmoid")
        x = inverted_residual(
            b,
            x,
            channels,
            names=BlockNames.nested(name, expand=expand, squeeze=attention),
            hidden=hidden,
            stride=stride,
            style=replace(style, activation=activation),
            kernel=kernel,
            attention=squeeze if attention else None,
            attention_first=attention_first and expand,
            dilation=dilation,
        )
        yield x
    yield conv_bn_act(b, x, 6 * b.channels(x), 1, names=sequential(f"{prefix}.{len(rows) + 1}"), style=style)


def layouts(
    table: Sequence[Row] = LARGE, width: float = 1.0, widths: str = "torchvision", minimal: bool = False, **_: Any
) -> dict[str, Layout]:
    """Key maps of timm's checkpoints and of d-li14/mobilenetv3.pytorch, where attention precedes the activation."""
    timm = [(r"^conv_stem\.", "features.0.0."), (r"^bn1\.", "features.0.1.")]
    port = []
    index, before, stage = 0, stem_channels(width, widths), 0
    rows = scaled(table, width, widths)
    for stage, (_out, blocks) in enumerate(groupby(table, key=lambda row: row[2])):
        for i, (_block, row) in enumerate(zip(blocks, rows, strict=False)):  # a stage's end takes no row
            index += 1
            for ours, theirs, number in _layers(row[1] != before, row[3] and not minimal):
                timm.append((rf"^blocks\.{stage}\.{i}\.{theirs}\.", f"features.{index}.block.{ours}."))
                port.append((rf"^features\.{index}\.conv\.{number}\.", f"features.{index}.block.{ours}."))
            before = row[2]
    last = f"features.{index + 1}"
    timm += [(rf"^blocks\.{stage + 1}\.0\.conv\.", f"{last}.0."), (rf"^blocks\.{stage + 1}\.0\.bn1\.", f"{last}.1.")]
    timm += [(r"^conv_head\.", "classifier.0."), (r"^classifier\.(?=[a-z])", "classifier.3.")]
    port += [(r"^conv\.0\.", f"{last}.0."), (r"^conv\.1\.", f"{last}.1.")]
    both = {"widths": "tensorflow", "eps": 1e-5}
    return {"timm": Layout(tuple(timm), both), "d-li14": Layout(tuple(port), {**both, "attention_first": True})}


def _layers(expand: bool, attention: bool) -> list[tuple[str, str, str]]:
    """Where a block's layers are: [canonical, timm, d-li14]."""
    if not expand:
        convs = [("conv_dw", "bn1", "0", "1"), ("conv_pw", "bn2", "4", "5")]
        squeeze = "3"
    else:
        convs = [("conv_pw", "bn1", "0", "1"), ("conv_dw", "bn2", "3", "4"), ("conv_pwl", "bn3", "7", "8")]
        squeeze = "5"
    rows = []
    for place, (conv, norm, first, second) in enumerate(convs):
        at = place + (attention and place == len(convs) - 1)
        rows += [(f"{at}.0", conv, first), (f"{at}.1", norm, second)]
    if attention:
        at = len(convs) - 1
        rows += [(f"{at}.fc1", r"se\.conv_reduce", rf"{squeeze}\.fc\.0")]
        rows += [(f"{at}.fc2", r"se\.conv_expand", rf"{squeeze}\.fc\.2")]
    return rows


_SMALL: dict[str, Any] = {"table": SMALL, "last": 1024}
_CIFAR: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "last": 128,
    "eps": 1e-5,
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}
_TIMM: dict[str, Any] = {"widths": "tensorflow", "eps": 1e-5}
_TF: dict[str, Any] = {"widths": "tensorflow", "padding": "same", "eps": 1e-3}

FAMILIES = (
    Family(
        name="mobilenet_v3",
        paper="Searching for MobileNetV3",
        year=2019,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width"},
        variants=(
            Variant(
                "mobilenet_v3_large",
                aliases=("mobilenetv3_large_100", "mobilenetv3_large_dli14"),
                params=5_483_032,
                macs=216_589_760,
            ),
            Variant(
                "mobilenet_v3_small",
                _SMALL,
                aliases=("mobilenetv3_small_100", "mobilenetv3_small_dli14"),
                params=2_542_856,
                macs=56_510_400,
            ),
            Variant("mobilenet_v3_cifar", _CIFAR, labels="cifar10", params=264_954, macs=7_072_000),
            Variant("mobilenetv3_large_075", {"width": 0.75, **_TIMM}, (), 3_993_528, 154_560_624),
            Variant("mobilenetv3_small_075", {"width": 0.75, **_SMALL, **_TIMM}, (), 2_041_872, 43_399_344),
            Variant("mobilenetv3_small_050", {"width": 0.5, **_SMALL, **_TIMM}, (), 1_593_224, 24_188_688),
            Variant("tf_mobilenetv3_large_100", _TF, (), 5_483_032, 216_589_760),
            Variant("tf_mobilenetv3_large_075", {"width": 0.75, **_TF}, (), 3_993_528, 154_560_624),
            Variant("tf_mobilenetv3_large_minimal_100", {"minimal": True, **_TF}, (), 3_924_288, 209_136_704),
            Variant("tf_mobilenetv3_small_100", {**_SMALL, **_TF}, (), 2_542_856, 56_510_400),
            Variant("tf_mobilenetv3_small_075", {"width": 0.75, **_SMALL, **_TF}, (), 2_041_872, 43_399_344),
            Variant("tf_mobilenetv3_small_minimal_100", {"minimal": True, **_SMALL, **_TF}, (), 2_044_736, 52_288_448),
        ),
    ),
)
