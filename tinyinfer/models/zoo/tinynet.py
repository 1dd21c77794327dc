"""TinyNet: EfficientNet-B0 made smaller in resolution, depth and width at once (Han et al. 2020)."""

from __future__ import annotations

from typing import Any

from tinyinfer.graph import Graph
from tinyinfer.models.blocks import Style, make_divisible
from tinyinfer.models.family import Family, Layout, Variant
from tinyinfer.models.knobs import Count, Factor, Padding, Probability
from tinyinfer.models.zoo.efficientnet import HEAD, STEM, TABLE, mbconv, network, timm_layers, timm_rows

# the released networks by name: width w, depth d, resolution (224 r), parameters, mult-adds
RELEASED = {
    "a": (1.0, 1.2, 192, 6_187_972, 336_867_712),
    "b": (0.75, 1.1, 188, 3_730_562, 200_709_360),
    "c": (0.54, 0.85, 184, 2_457_234, 99_536_432),
    "d": (0.54, 0.695, 152, 2_338_446, 51_580_656),
    "e": (0.51, 0.6, 106, 2_042_972, 24_356_848),
}


def build(
    *,
    num_classes: Count = 1000,
    width: Factor = 1.0,
    depth: Factor = 1.0,
    small_input: bool = False,
    resolution: Count | None = None,
    padding: Padding = "symmetric",
    dropout: Probability = 0.2,
    eps: Factor = 1e-5,
) -> Graph:
    """EfficientNet-B0 (its table 1) with the channels of its rows times ``width``, their layers times ``depth``.

    The stem stays as it is and the head is never narrower; ``small_input`` gives the first convolution stride 1;
    ``padding`` "same" is for weights trained by TensorFlow.
    """
    return network(
        [(t, k, s, make_divisible(c * width), max(1, round(n * depth))) for t, k, s, c, n in TABLE],
        stem=STEM,
        head=make_divisible(HEAD * max(1.0, width)),
        num_classes=num_classes,
        size=resolution or (32 if small_input else 224),
        first_stride=1 if small_input else 2,
        style=Style("silu", padding, eps),
        blocks=[mbconv] * len(TABLE),
        dropout=dropout,
    )


def layouts(**_: Any) -> dict[str, Layout]:
    """Key map of the public checkpoints, which are timm's."""
    return {"timm": Layout(timm_rows([timm_layers(t) for t, *_ in TABLE]))}


FAMILIES = (
    Family(
        name="tinynet",
        paper="Model Rubik's Cube: Twisting Resolution, Depth and Width for TinyNets",
        year=2020,
        build=build,
        layouts=layouts,
        preprocess={"interpolation": "bicubic"},
        variants=tuple(
            Variant(
                f"tinynet_{letter}",
                {"width": width, "depth": depth, "resolution": size},
                params=params,
                macs=macs,
            )
            for letter, (width, depth, size, params, macs) in RELEASED.items()
        ),
    ),
)
