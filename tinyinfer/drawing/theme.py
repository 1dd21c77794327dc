"""The colours of drawings: as they stand in a file of their own, and as a page says them, which may be dark."""

from __future__ import annotations

from typing import NamedTuple


class Theme(NamedTuple):
    """Colours as SVG takes them."""

    paper: str
    panel: str
    line: str
    edge: str
    ink: str
    quiet: str
    heat: str  # of what takes long


LIGHT = Theme("#ffffff", "#f5f7fa", "#cbd2d9", "#7b8794", "#1f2933", "#52606d", "#e69f00")
# the tokens of page.css
PAGE = Theme("none", "var(--panel)", "var(--line)", "var(--quiet)", "var(--ink)", "var(--quiet)", "var(--orange)")

# a stripe's colour by what an operator does, in words and by name: Okabe and Ito's palette
KINDS = (
    ("#56b4e9", "depthwise", ("depthwise", "depthwise_chain")),
    ("#0072b2", "convolution", ("conv2d", "conv_transpose2d", "gated_conv2d", "deform_conv2d", "irregular_conv2d")),
    ("#cc79a7", "linear", ("linear", "matmul")),
    (
        "#009e73",
        "resampling",
        ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "interpolate", "resize"),
    ),
    ("#e69f00", "joining", ("add", "mul", "concat", "split", "channel_shuffle")),
)
OTHER = ("#9aa5b1", "other")


def colour_of(kind: str) -> str:
    """The colour of a kind of layer (`tinyinfer.structure.layers.Layer.kind`)."""
    return next((colour for colour, _, names in KINDS if kind in names), OTHER[0])
