"""What a network sees: feature maps and convolution kernels as grids of small pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.plots.style import QUIET, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BETWEEN = "#cbd2d9"  # the colour between pictures: neither a kernel's zero, which is white, nor a picture's
LEAST_PIXELS = 32  # a 3x3 kernel is drawn this large, so that the gap between two can be thin


@styled
def feature_maps(
    maps: np.ndarray, title: str = "", columns: int | None = None, limit: int = 64, centre: float | None = None
) -> Figure:
    """Channels of one image, (C, H, W) or (1, C, H, W), dark to light from their least to their greatest value.

    With ``centre``, such as 0 for values of both signs, they are white there, blue below and red above.  Each channel
    has its own scale; at most ``limit`` are shown.  Raises InputError for another shape.
    """
    maps = np.asarray(maps)
    maps = maps[0] if maps.ndim == 4 and maps.shape[0] == 1 else maps
    if maps.ndim != 3 or 0 in maps.shape:
        raise InputError(f"feature maps: expected shape (C, H, W) or (1, C, H, W), found {maps.shape}")
    shown = maps[:limit].astype(np.float64)
    low, high = shown.min((1, 2), keepdims=True), shown.max((1, 2), keepdims=True)
    if centre is not None:
        reach = np.maximum(high - centre, centre - low)
        reach[reach == 0] = 1
        low, high = centre - reach, centre + reach
    scaled = (shown - low) / np.where(high > low, high - low, 1)
    colours = "magma" if centre is None else "RdBu_r"
    note = f"{len(shown)} of {len(maps)} channels" if len(shown) < len(maps) else f"{len(maps)} channels"
    return _grid(scaled, title, f"{note}, {maps.shape[1]}x{maps.shape[2]}", colours, (0.0, 1.0), columns)


@styled
def conv_kernels(weight: np.ndarray, title: str = "", columns: int | None = None, limit: int = 64) -> Figure:
    """Kernels of a convolution, (M, C, R, S).

    With C = 3 they are pictures in colour; otherwise the first input channel's taps, blue below zero and red above,
    on one scale.  Raises InputError for another shape.
    """
    weight = np.asarray(weight, np.float64)
    if weight.ndim != 4 or 0 in weight.shape:
        raise InputError(f"kernels: expected shape (M, C, R, S), found {weight.shape}")
    shown = weight[:limit]
    m, c, r, s = weight.shape
    note = f"{len(shown)} of {m} kernels, {r}x{s}" if len(shown) < m else f"{m} kernels, {r}x{s}"
    if c == 3:
        reach = np.abs(shown).max((1, 2, 3), keepdims=True)
        pictures = 0.5 + 0.5 * shown / np.where(reach > 0, reach, 1)
        return _grid(pictures.transpose(0, 2, 3, 1), title, note, None, (0.0, 1.0), columns)
    reach = float(np.abs(shown[:, 0]).max()) or 1.0
    note += "" if c == 1 else f", input channel 0 of {c}"
    return _grid(shown[:, 0], title, note, "RdBu_r", (-reach, reach), columns)


def _grid(
    pictures: np.ndarray, title: str, note: str, colours: str | None, limits: tuple[float, float], columns: int | None
) -> Figure:
    """One image of all pictures with gaps between them: hundreds of axes would take seconds."""
    scale = max(1, LEAST_PIXELS // max(pictures.shape[1:3]))
    pictures = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    count, h, w = pictures.shape[:3]
    columns = min(columns or (16 if count > 32 else 8), count)
    rows = math.ceil(count / columns)
    gap = max(1, round(0.08 * max(h, w)))
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, *pictures.shape[3:]), np.nan)
    for i, picture in enumerate(pictures):
        y, x = i // columns * (h + gap), i % columns * (w + gap)
        sheet[y : y + h, x : x + w] = picture
    if colours is None:
        sheet = np.concatenate([np.nan_to_num(sheet), ~np.isnan(sheet[..., :1])], axis=2)  # gaps are transparent
    width = min(WIDTH, 0.9 * columns + 0.4)
    figure, ax = new_figure(lambda plt: plt.subplots(figsize=(width, width * sheet.shape[0] / sheet.shape[1] + 0.6)))
    ax.patch.set_facecolor(BETWEEN)
    ax.imshow(sheet, cmap=colours, vmin=limits[0], vmax=limits[1])
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title)
    ax.annotate(
        note, (0, 0), (0, -6), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=9, color=QUIET
    )
    return figure
