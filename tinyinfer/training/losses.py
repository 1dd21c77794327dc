"""What a run makes small when there is no teacher, and the penalty that gets a network ready for slimming."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SMOOTHING = 0.1


def whole(values: Tensor) -> Tensor:
    """Values of bfloat16 as float32, in which losses are summed; wider ones as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def label_loss(logits: Tensor, labels: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """Mean cross-entropy of logits (N, K) with classes (N,), a share ``smoothing`` of each spread over all classes."""
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)


def sparsity_penalty(scales: Sequence[Tensor]) -> Tensor:
    """Sum of the magnitudes of batch norms' scales (Liu et al. 2017, equation 1: the L1 norm, without its lambda)."""
    return torch.stack([scale.abs().sum() for scale in scales]).sum()
