"""Random changes to whole batches of small pictures, so that a network sees more kinds of photo than the set holds."""

from __future__ import annotations

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from tinyinfer.training.distillation.logits import NO_LABEL

MEAN = (0.4914, 0.4822, 0.4465)  # of the training pictures, per channel, 0 to 1
STD = (0.2470, 0.2435, 0.2616)

Strength = Literal["full", "light"]
STRENGTHS = get_args(Strength)


def normalize(pixels: Tensor) -> Tensor:
    """uint8 pictures (N, 3, H, W) as the network takes them: (pixel / 255 - mean) / std."""
    return _standardize(pixels.float() / 255)


def augment(pixels: Tensor, rng: Generator, strength: Strength = "full") -> Tensor:
    """uint8 pictures (N, 3, H, W) changed at random, as the network takes them.

    All are mirrored and shifted; unless it is "light", zoomed, recoloured, blurred or sharpened, and partly erased too.
    """
    x = pixels.float() / 255
    if strength == "light":
        return _standardize(_frame(x, rng, zoomed=0.0))
    x = _frame(x, rng, zoomed=0.5)
    x = _sharpness(_colours(x, rng), rng).clamp(0, 1)
    return _erase(_standardize(x), rng)


def blend(x: Tensor, labels: Tensor, share: float, rng: Generator) -> tuple[Tensor, Tensor]:
    """A share of prepared pictures (N, 3, H, W) mixed with another of them each, in any proportion.

    Only a teacher can tell what two things in one are, so that these get no label (Beyer et al. 2022, "Knowledge
    distillation: A good teacher is patient and consistent", which mixes all).
    """
    n = len(x)
    of_other = _uniform(n, 0.0, 1.0, rng, chance=share)
    other = torch.randperm(n, generator=rng)
    return x.lerp(x[other], of_other.view(n, 1, 1, 1)), labels.where(of_other == 0, NO_LABEL)


def shrink(x: Tensor, size: int) -> Tensor:
    """Pictures (N, 3, H, W) at a smaller size: somewhat less of the scene, at somewhat lower resolution."""
    if size >= x.shape[2]:
        return x
    border = (x.shape[2] - size) // 4
    x = F.interpolate(x[:, :, border:-border, border:-border], size, mode="bilinear", align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)


def _standardize(x: Tensor) -> Tensor:
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def _uniform(n: int, low: float, high: float, rng: Generator, chance: float = 1.0, rest: float = 0.0) -> Tensor:
    """One number a picture: from [low, high) with this chance, else ``rest``."""
    values = low + (high - low) * torch.rand(n, generator=rng)
    return torch.where(torch.rand(n, generator=rng) < chance, values, torch.full((n,), rest))


def _frame(x: Tensor, rng: Generator, zoomed: float) -> Tensor:
    """Mirror half the pictures, shift by up to 4 pixels, zoom a share ``zoomed``, mostly in, to half the scene.

    An unzoomed picture is shifted by whole pixels and thus not blurred.
    """
    n, side = len(x), x.shape[2]
    zoom = _uniform(n, 0.5, 1.15, rng, chance=zoomed, rest=1.0)
    shift = torch.randint(-4, 5, (n, 2), generator=rng) * (2 / side)
    mirror = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = zoom * mirror, zoom, shift
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _colours(x: Tensor, rng: Generator) -> Tensor:
    """Change brightness, contrast and saturation of some pictures by up to 30 %."""
    n = len(x)
    gain, contrast, saturation = (_uniform(n, 0.7, 1.3, rng, chance=0.4, rest=1.0).view(n, 1, 1, 1) for _ in range(3))
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation
    middle = grey.mean((2, 3), keepdim=True)
    return (middle + (x - middle) * contrast) * gain


def _sharpness(x: Tensor, rng: Generator) -> Tensor:
    """Blur or sharpen some pictures: add or take away what a 3x3 mean removes."""
    amount = _uniform(len(x), -0.8, 0.8, rng, chance=0.3).view(-1, 1, 1, 1)
    smooth = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x + amount * (x - smooth)


def _erase(x: Tensor, rng: Generator, side: int = 8) -> Tensor:
    """Blank a square of 8 x 8 pixels in some pictures."""
    n, _, h, w = x.shape
    keep = torch.ones(n, 1, h, w)
    top = torch.randint(0, h, (n, 1), generator=rng)
    left = torch.randint(0, w, (n, 1), generator=rng)
    rows, columns = torch.arange(h)[None] - top, torch.arange(w)[None] - left
    hole = ((rows >= 0) & (rows < side))[:, :, None] & ((columns >= 0) & (columns < side))[:, None, :]
    hole &= (torch.rand(n, generator=rng) < 0.3)[:, None, None]
    keep.masked_fill_(hole[:, None], 0.0)
    return x * keep
