"""EfficientNetV2: early stages of fused blocks, found by a search for quick training (Tan and Le 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tinyinfer.builder import Builder
from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, conv_bn_act, make_divisible, sequential
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability
from tinyinfer.models.zoo.efficientnet import TF, Layers, mbconv, network, timm_layers, timm_rows

Row = Sequence[Any]
FUSED, MB = "FusedMBConv", "MBConv"

# paper, table 4: operator, expansion t, kernel k, stride s of the first, channels c, layers n
SMALL: tuple[Row, ...] = (
    (FUSED, 1, 3, 1, 24, 2),
    (FUSED, 4, 3, 2, 48, 4),
    (FUSED, 4, 3, 2, 64, 4),
    (MB, 4, 3, 2, 128, 6),
    (MB, 6, 3, 1, 160, 9),
    (MB, 6, 3, 2, 256, 15),
)
MEDIUM: tuple[Row, ...] = (
    (FUSED, 1, 3, 1, 24, 3),
    (FUSED, 4, 3, 2, 48, 5),
    (FUSED, 4, 3, 2, 80, 5),
    (MB, 4, 3, 2, 160, 7),
    (MB, 6, 3, 1, 176, 14),
    (MB, 6, 3, 2, 304, 18),
    (MB, 6, 3, 1, 512, 5),
)
LARGE: tuple[Row, ...] = (
    (FUSED, 1, 3, 1, 32, 4),
    (FUSED, 4, 3, 2, 64, 7),
    (FUSED, 4, 3, 2, 96, 7),
    (MB, 4, 3, 2, 192, 10),
    (MB, 6, 3, 1, 224, 19),
    (MB, 6, 3, 2, 384, 25),
    (MB, 6, 3, 1, 640, 7),
)
HEAD = 1280


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depth: Factor = 1.0,
    table: Sequence[Row] = SMALL,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-3,
) -> Graph:
    """The network of table 4.

    ``width`` scales the channels, of the head only upwards, and ``depth`` the layers; ``small_input`` gives the
    first convolution stride 1; ``padding`` "same" is TensorFlow's.
    """
    rows = [(t, k, s, make_divisible(c * width), math.ceil(n * depth)) for _, t, k, s, c, n in table]
    return network(
        rows,
        stem=rows[0][3],
        head=make_divisible(HEAD * max(1.0, width)),
        num_classes=num_classes,
        size=resolution or (32 if small_input else 384),
        first_stride=1 if small_input else 2,
        style=Style("silu", padding, eps),
        blocks=[fused_mbconv if operator == FUSED else mbconv for operator, *_ in table],
        dropout=dropout,
    )


def fused_mbconv(b: Builder, x: str, channels: int, t: int, k: int, stride: int, *, name: str, style: Style) -> str:
    """An inverted residual whose expansion and depthwise are one convolution (figure 2), all of it if ``t`` is 1."""
    entry, before = x, b.channels(x)
    if t == 1:
        x = conv_bn_act(b, x, channels, k, names=sequential(f"{name}.block.0"), style=style, stride=stride)
    else:
        x = conv_bn_act(b, x, before * t, k, names=sequential(f"{name}.block.0"), style=style, stride=stride)
        x = conv_bn_act(b, x, channels, 1, names=sequential(f"{name}.block.1")[:2], style=style)
    return b.add(entry, x, name=f"{name}.add") if stride == 1 and before == channels else x


# timm's names of a fused block's [convolution, norm], with and without an expansion
TIMM_FUSED: tuple[Layers, Layers] = ((("conv_exp", "bn1"), ("conv_pwl", "bn2")), (("conv", "bn1"),))


def layouts(table: Sequence[Row] = SMALL, **_: Any) -> dict[str, Layout]:
    """Key map of timm's checkpoints."""
    stages = [timm_layers(t) if operator == MB else TIMM_FUSED[t == 1] for operator, t, *_ in table]
    return {"timm": Layout(timm_rows(stages), {"eps": 1e-5})}


# tables with their resolution, dropout, parameters and mult-adds
RELEASED = (
    (SMALL, 384, 0.2, 21_458_488, 8_365_617_152),
    (MEDIUM, 480, 0.3, 54_139_356, 24_582_460_384),
    (LARGE, 480, 0.4, 118_515_272, 56_079_699_008),
)


def _variants(prefix: str, **knobs: Any) -> Iterator[Variant]:
    for letter, (table, size, dropout, params, macs) in zip("sml", RELEASED, strict=True):
        own = {"table": table, "resolution": size, "dropout": dropout} if table is not SMALL else {}
        aliases = (f"efficientnetv2_{letter}",) if prefix == "efficientnet_v2_" else ()
        yield Variant(f"{prefix}{letter}", {**own, **knobs}, aliases, params, macs)


FAMILIES = (
    Family(
        name="efficientnet_v2",
        paper="EfficientNetV2: Smaller Models and Faster Training",
        year=2021,
        build=build,
        layouts=layouts,
        knob_aliases={"width_mult": "width", "depth_mult": "depth"},
        variants=(*_variants("efficientnet_v2_"), *_variants("tf_efficientnetv2_", **TF)),
    ),
)
