"""Distillation from a teacher's answers, softened by a temperature (Hinton et al. 2015)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 4.0
SHARE = 0.9  # of the teacher's part in the sum
NO_LABEL = -100  # instead of the class of a picture that only the teacher can judge


def soft_loss(student: Tensor, teacher: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """T^2 times the mean Kullback-Leibler divergence of softmax(student / T) from softmax(teacher / T).

    Logits (N, K).  T^2 keeps the size of its gradient beside the labels' as T changes (section 2).
    """
    of_student = F.log_softmax(student / temperature, 1)
    of_teacher = F.log_softmax(teacher / temperature, 1)
    return temperature**2 * F.kl_div(of_student, of_teacher, reduction="batchmean", log_target=True)


def logits_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, temperature: float = TEMPERATURE, share: float = SHARE
) -> Tensor:
    """``share`` of the softened loss, the rest of the plain cross-entropy with the labels of those that have one."""
    labelled = (labels != NO_LABEL).sum().clamp(min=1)
    of_labels = F.cross_entropy(student, labels, reduction="sum", ignore_index=NO_LABEL) / labelled
    return share * soft_loss(student, teacher, temperature) + (1 - share) * of_labels
