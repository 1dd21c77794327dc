"""Distillation from a teacher's features in front of its ReLUs (Heo et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WEIGHT = 1e-3  # the paper's alpha, for CIFAR


def margins(features: Tensor) -> Tensor:
    """Per channel of (N, C, H, W) the mean of the negative values, 0 where there are none: (C,).

    The paper's margin (equation 3); it also works it out from the norm in front, where there is one.
    """
    negative = features.clamp(max=0).sum((0, 2, 3))
    return negative / (features < 0).sum((0, 2, 3)).clamp(min=1)


def margin_relu(features: Tensor, margin: Tensor) -> Tensor:
    """max(x, m) with a margin m below 0 a channel, so that the size of a negative response is not taught (eq. 2)."""
    return torch.maximum(features, margin.reshape(1, -1, 1, 1))


def partial_l2(student: Tensor, teacher: Tensor) -> Tensor:
    """Sum of squared differences, but where the student is below a teacher that is itself at most 0 (equation 5)."""
    silent = (student <= teacher) & (teacher <= 0)
    return ((teacher - student) ** 2 * ~silent).sum()


class Transform(nn.Module):  # type: ignore[misc]
    """The student's way to as many channels as its teacher has: a 1x1 convolution and a batch norm (section 3.2)."""

    def __init__(self, channels: int, wanted: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, wanted, 1, bias=False)
        self.norm = nn.BatchNorm2d(wanted, track_running_stats=False)
        nn.init.normal_(self.conv.weight, 0, (2 / wanted) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, wanted, H, W)."""
        return self.norm(self.conv(x))


class FeatureLoss(nn.Module):  # type: ignore[misc]
    """Sum over places of the partial L2 between a student's transformed and a teacher's margin-ReLU features.

    ``channels`` are the student's and the teacher's at each place, from the first on; each place counts twice as much
    as the one before it, the last fully, as in the authors' code.  The sum is per picture, times ``WEIGHT``.
    """

    def __init__(self, channels: list[tuple[int, int]], margin: list[Tensor]) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(Transform(mine, theirs) for mine, theirs in channels)
        self.margin = margin

    def forward(self, student: list[Tensor], teacher: list[Tensor]) -> Tensor:
        """Features (N, C, H, W) of both in front of their ReLUs, place by place."""
        last = len(self.margin) - 1
        total = torch.zeros(())
        for place, (transform, margin) in enumerate(zip(self.transforms, self.margin, strict=True)):
            wanted = margin_relu(teacher[place], margin)
            total = total + partial_l2(transform(student[place]), wanted) / 2 ** (last - place)
        return WEIGHT * total / len(student[0])
