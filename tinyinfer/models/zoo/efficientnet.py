"""EfficientNet: depth, width and resolution scaled together (Tan and Le 2019), and its forms without attention."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import (
    BlockNames,
    SqueezeExcite,
    Style,
    conv_bn_act,
    inverted_residual,
    make_divisible,
    sequential,
)
from tinyinfer.models.family import Family, Layout, Rows, Variant
from tinyinfer.models.knobs import Count, Exponent, Factor, Probability

Row = Sequence[int]
Block = Callable[..., str]  # makes one block of a row, as mbconv does
Layers = Sequence[tuple[str, str]]
Padding = Literal["symmetric", "same", "nominal"]

# paper, table 1: expansion t (MBConv1 or MBConv6), kernel k, stride s of the first, channels c, layers n
TABLE: tuple[Row, ...] = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM, HEAD = 32, 1280

# the same columns for 32x32 pictures, within 10 M mult-adds and 300 k parameters
CIFAR_TABLE: tuple[Row, ...] = ((1, 3, 2, 16, 1), (4, 3, 1, 24, 2), (4, 5, 2, 40, 2), (4, 3, 2, 80, 2))
CIFAR_KNOBS: dict[str, Any] = {
    "table": CIFAR_TABLE,
    "stem": 16,
    "head": 320,
    "dropout": 0.0,
    "small_input": True,
    "num_classes": 10,
}

# section 3.3: what one step of phi multiplies depth, width and resolution by, so that mult-adds double
ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15

# the released networks, B0 to B7: width, depth, resolution, dropout
RELEASED = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4),
    (1.6, 2.2, 456, 0.4),
    (1.8, 2.6, 528, 0.5),
    (2.0, 3.1, 600, 0.5),
)

# the same columns of the lite networks, 0 to 4, from their authors' page
RELEASED_LITE = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)

TF: dict[str, Any] = {"padding": "same", "eps": 1e-3}  # TensorFlow's arithmetic


def compound(phi: float) -> tuple[float, float, int]:
    """Width, depth and resolution of equation 3: beta^phi, alpha^phi and 224 gamma^phi."""
    return BETA**phi, ALPHA**phi, round(224 * GAMMA**phi)


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depth: Factor = 1.0,
    phi: Exponent | None = None,
    table: Sequence[Row] = TABLE,
    stem: Count = STEM,
    head: Count = HEAD,
    lite: bool = False,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor | None = None,
) -> Graph:
    """The network of table 1, scaled.

    ``phi`` replaces width, depth and resolution by equation 3's; ``lite`` has ReLU6, no squeeze-and-excitation, and
    leaves stem, head and the depth of the first and last row unscaled; ``small_input`` gives the first convolution
    stride 1; ``padding`` "same" is TensorFlow's, "nominal" the same fixed for ``resolution``; ``eps`` unless given is
    torchvision's; ``stem`` and ``head`` are channels before and behind the table's.
    """
    size = 32 if small_input else 224
    if phi is not None:
        width, depth, scaled_size = compound(phi)
        size = size if small_input else scaled_size
    if eps is None:
        eps = 1e-3 if width >= 1.6 else 1e-5  # torchvision's from B5 on were trained elsewhere
    fixed = {0, len(table) - 1} if lite else set()
    rows = [
        (t, k, s, make_divisible(c * width), n if i in fixed else math.ceil(n * depth))
        for i, (t, k, s, c, n) in enumerate(table)
    ]
    factor = 1.0 if lite else width
    return network(
        rows,
        stem=make_divisible(stem * factor),
        head=make_divisible(head * factor),
        num_classes=num_classes,
        size=resolution or size,
        first_stride=1 if small_input else 2,
        style=Style("relu6" if lite else "silu", padding, eps),
        blocks=[partial(mbconv, attention=not lite)] * len(rows),
        dropout=dropout,
    )


def network(
    rows: Iterable[Row],
    *,
    stem: int,
    head: int,
    num_classes: int,
    size: int,
    first_stride: int,
    style: Style,
    blocks: Iterable[Block],
    dropout: float,
) -> Graph:
    """Rows of table 1, each of its own kind of block, between a stem and a head, as torchvision names them."""
    b = Builder()
    x = b.input(3, size)
    x = conv_bn_act(b, x, stem, 3, names=sequential("features.0"), style=style, stride=first_stride)
    stage = 0
    for stage, (block, (t, k, s, c, n)) in enumerate(zip(blocks, rows, strict=True), start=1):
        for i in range(n):
            x = block(b, x, c, t, k, s if i == 0 else 1, name=f"features.{stage}.{i}", style=style)
    x = conv_bn_act(b, x, head, 1, names=sequential(f"features.{stage + 1}"), style=style)
    x = b.flatten(b.adaptive_avg_pool2d(x, name="avgpool"))
    x = b.dropout(x, dropout, name="classifier.0")
    return b.finish(b.linear(x, num_classes, name="classifier.1"))


def mbconv(
    b: Builder, x: str, channels: int, t: int, k: int, stride: int, *, name: str, style: Style, attention: bool = True
) -> str:
    """An inverted residual whose squeeze keeps a quarter of the block's input channels (section 4)."""
    before = b.channels(x)
    squeeze = SqueezeExcite(f"{name}.block.{1 + (t != 1)}", max(1, before // 4), activation=style.activation)
    return inverted_residual(
        b,
        x,
        channels,
        names=BlockNames.nested(name, expand=t != 1, squeeze=attention),
        hidden=before * t,
        stride=stride,
        style=style,
        kernel=k,
        attention=squeeze if attention else None,
    )


# a block's layers, in order: [convolution, norm], or the two layers of squeeze-and-excitation
TIMM_SQUEEZE, LUKEMELAS_SQUEEZE = ("se.conv_reduce", "se.conv_expand"), ("_se_reduce", "_se_expand")
TIMM_SEPARABLE = ("conv_dw", "bn1"), TIMM_SQUEEZE, ("conv_pw", "bn2")
TIMM_EXPANDED = ("conv_pw", "bn1"), ("conv_dw", "bn2"), TIMM_SQUEEZE, ("conv_pwl", "bn3")
LUKEMELAS = ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), LUKEMELAS_SQUEEZE, ("_project_conv", "_bn2")


def _block_rows(old: str, new: str, layers: Layers) -> Iterator[tuple[str, str]]:
    for place, pair in enumerate(layers):
        parts = ("fc1", "fc2") if pair in (TIMM_SQUEEZE, LUKEMELAS_SQUEEZE) else ("0", "1")
        for name, part in zip(pair, parts, strict=True):
            yield rf"^{old}\.{re.escape(name)}\.", rf"{new}.block.{place}.{part}."


def timm_layers(t: int, attention: bool = True) -> Layers:
    """The layers of an inverted residual as timm names them, in order."""
    return tuple(pair for pair in (TIMM_SEPARABLE if t == 1 else TIMM_EXPANDED) if attention or pair != TIMM_SQUEEZE)


def timm_rows(stages: Sequence[Layers]) -> Rows:
    """Key map of timm's checkpoints, ``blocks.<stage>.<block>.<layer>``, for stages of blocks of these layers."""
    rows = [(r"^conv_stem\.", "features.0.0."), (r"^bn1\.", "features.0.1.")]
    for stage, layers in enumerate(stages):
        rows += _block_rows(rf"blocks\.{stage}\.(\d+)", rf"features.{stage + 1}.\1", layers)
    last = len(stages) + 1
    rows += [(r"^conv_head\.", f"features.{last}.0."), (r"^bn2\.", f"features.{last}.1.")]
    return (*rows, (r"^classifier\.(?=[a-z])", "classifier.1."))


def _lukemelas_rows(table: Sequence[Row], depth: float) -> Rows:
    """Key map of lukemelas/EfficientNet-PyTorch, where blocks are numbered through."""
    rows = [(r"^_conv_stem\.", "features.0.0."), (r"^_bn0\.", "features.0.1.")]
    index = 0
    for stage, (t, _k, _s, _c, n) in enumerate(table, start=1):
        for i in range(math.ceil(n * depth)):
            rows += _block_rows(rf"_blocks\.{index}", f"features.{stage}.{i}", LUKEMELAS[t == 1 :])
            index += 1
    last = len(table) + 1
    rows += [(r"^_conv_head\.", f"features.{last}.0."), (r"^_bn1\.", f"features.{last}.1.")]
    return (*rows, (r"^_fc\.", "classifier.1."))


def layouts(
    table: Sequence[Row] = TABLE, depth: float = 1.0, phi: float | None = None, lite: bool = False, **_: Any
) -> dict[str, Layout]:
    """Key maps of timm's and of lukemelas' checkpoints; the latter fix TensorFlow's padding at the nominal size."""
    timm = {"timm": Layout(timm_rows([timm_layers(t, not lite) for t, *_ in table]), {"eps": 1e-5})}
    if lite:
        return timm
    rows = _lukemelas_rows(table, depth if phi is None else compound(phi)[1])
    return {**timm, "lukemelas": Layout(rows, {"padding": "nominal", "eps": 1e-3})}


def _variants(
    prefix: str, released: Sequence[tuple[float, float, int, float]], costs: Sequence[tuple[int, int]], **knobs: Any
) -> Iterator[Variant]:
    for i, (row, (params, macs)) in enumerate(zip(released, costs, strict=True)):
        scaling = dict(zip(("width", "depth", "resolution", "dropout"), row, strict=True)) if i else {}
        aliases = (f"efficientnet-b{i}", f"efficientnet_b{i}_lukemelas") if prefix == "efficientnet_b" else ()
        yield Variant(f"{prefix}{i}", {**scaling, **knobs}, aliases, params, macs)


# parameters and mult-adds at the resolutions above
COSTS = (
    (5_288_548, 385_814_752),
    (7_794_184, 686_802_832),
    (9_109_994, 993_561_872),
    (12_233_232, 1_827_141_392),
    (19_341_616, 4_393_771_024),
    (30_389_784, 10_266_384_752),
    (43_040_704, 19_067_593_536),
    (66_347_960, 37_745_884_192),
)
COSTS_LITE = (
    (4_652_008, 385_187_552),
    (5_416_680, 600_185_232),
    (6_092_072, 859_736_272),
    (8_197_096, 1_383_321_872),
    (13_006_568, 2_553_034_336),
)

FAMILIES = (
    Family(
        name="efficientnet",
        paper="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        year=2019,
        build=build,
        layouts=layouts,
        preprocess={"interpolation": "bicubic"},
        knob_aliases={"width_mult": "width", "depth_mult": "depth"},
        variants=(
            *_variants("efficientnet_b", RELEASED, COSTS),
            *_variants("tf_efficientnet_b", RELEASED, COSTS, **TF),
            Variant("efficientnet_cifar", CIFAR_KNOBS, labels="cifar10", params=166_326, macs=6_750_464),
            *_variants("efficientnet_lite", RELEASED_LITE, COSTS_LITE, lite=True),
            *_variants("tf_efficientnet_lite", RELEASED_LITE, COSTS_LITE, lite=True, **TF),
        ),
    ),
)
