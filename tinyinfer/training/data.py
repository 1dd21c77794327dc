"""Packed sets of small pictures: read whole, and dealt out in an order that a seed decides."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tinyinfer.errors import InputError

BATCH = 256
ARRAYS = ("jpeg", "offsets", "labels", "names")


@dataclass(frozen=True)
class Pictures:
    """uint8 pictures (N, 3, H, W), their classes (N,) as int64, and the names of the classes."""

    pixels: Tensor
    labels: Tensor
    names: list[str]


def read(path: Path) -> Pictures:
    """Decode a packed set: JPEG files end to end in ``jpeg``, where each begins in ``offsets``, ``labels``, ``names``.

    Raises InputError for a file that is no such set.
    """
    try:
        with np.load(path, allow_pickle=False) as packed:
            blob, ends, labels, names = (packed[name] for name in ARRAYS)
        pictures = [np.asarray(Image.open(io.BytesIO(blob[a:b].tobytes())).convert("RGB")) for a, b in pairwise(ends)]
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: expected a packed set with {', '.join(ARRAYS)}: {error}") from None
    return Pictures(pixels, torch.from_numpy(labels.astype(np.int64)), [str(n) for n in names])


def batches(data: Pictures, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The pictures of one epoch in random order, in whole batches."""
    order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(seed))
    for rows in order[: len(order) // BATCH * BATCH].split(BATCH):
        yield data.pixels[rows], data.labels[rows]
