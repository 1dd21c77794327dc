"""What a run makes small: the loss of a network on a batch, with what is trained beside the network for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from tinyinfer.bench.torch_peer.graph import TorchGraph
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.training.augment import shrink
from tinyinfer.training.distillation.features import FeatureLoss, margins
from tinyinfer.training.distillation.logits import logits_loss
from tinyinfer.training.distillation.places import paired
from tinyinfer.training.losses import label_loss, sparsity_penalty, whole
from tinyinfer.training.teacher import Teacher

Distill = Literal["logits", "features"]
DISTILL = get_args(Distill)


class Objective(nn.Module):  # type: ignore[misc]
    """Cross-entropy with smoothed labels, and the L1 penalty on batch norms' scales if ``sparsity`` is its lambda."""

    def __init__(self, graph: Graph, sparsity: float = 0.0) -> None:
        super().__init__()
        self.net = TorchGraph(graph)
        self.sparsity = sparsity
        scales = {n.params["weight"] for n in graph.nodes if n.op.name == "batch_norm" and "weight" in n.params}
        self._scales = [self.net.parameter(key) for key in sorted(scales)]

    def forward(self, x: Tensor, labels: Tensor, size: int) -> Tensor:
        """The mean loss of prepared pictures (N, 3, H, W) of these classes (N,), seen at this size."""
        loss = self.task_loss(x, labels, size)
        return loss + self.sparsity * sparsity_penalty(self._scales) if self.sparsity else loss

    def task_loss(self, x: Tensor, labels: Tensor, size: int) -> Tensor:
        """The loss without the penalty."""
        return label_loss(whole(self.net(shrink(x, size))), labels)


class FromLogits(Objective):
    """Hinton's distillation from the mean of teachers' answers; they see the pictures at full size."""

    def __init__(self, graph: Graph, teachers: Sequence[Graph], sparsity: float = 0.0) -> None:
        super().__init__(graph, sparsity)
        mine, *others = (g.output_shapes()[0][1][-1] for g in (graph, *teachers))
        for theirs in others:
            if theirs != mine:
                raise InputError(f"teacher: expected {mine} classes as the student has, found {theirs}")
        self.teachers = [Teacher(teacher) for teacher in teachers]

    def task_loss(self, x: Tensor, labels: Tensor, size: int) -> Tensor:
        """The teachers' softened answers and the labels."""
        answers = torch.stack([whole(teacher(x)[0]) for teacher in self.teachers]).mean(0)
        return logits_loss(whole(self.net(shrink(x, size))), answers, labels)


class FromFeatures(Objective):
    """Heo's distillation from a teacher's features in front of its ReLUs, beside the cross-entropy.

    ``pictures`` (N, 3, H, W), prepared, are those on which the teacher's margins are measured.
    """

    def __init__(self, graph: Graph, teacher: Graph, pictures: Tensor, sparsity: float = 0.0) -> None:
        pairs = paired(graph, teacher)
        student = graph.copy()
        student.outputs = [*graph.outputs[:1], *(mine for mine, _ in pairs)]
        super().__init__(student, sparsity)
        self.teacher = Teacher(teacher, [theirs for _, theirs in pairs])
        types, seen = graph.infer_types(), self.teacher(pictures)[1:]
        channels = [(types[mine].shape[1], features.shape[1]) for (mine, _), features in zip(pairs, seen, strict=True)]
        self.features = FeatureLoss(channels, [margins(features) for features in seen])

    def task_loss(self, x: Tensor, labels: Tensor, size: int) -> Tensor:
        """Cross-entropy with the labels and the features' distance."""
        x = shrink(x, size)  # for both: features are compared place by place
        logits, *mine = map(whole, self.net(x))
        return label_loss(logits, labels) + self.features(mine, [whole(theirs) for theirs in self.teacher(x)[1:]])


def make(
    graph: Graph,
    teachers: Sequence[Graph],
    distill: Distill,
    pictures: Tensor,
    sparsity: float = 0.0,
    seed: int = 0,
) -> Objective:
    """The objective with teachers or without any; ``pictures``, prepared, are for what "features" measures.

    ``seed`` is of the weights that only distillation has.  Raises InputError for networks that do not fit each other,
    and for the features of more than one teacher.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if not teachers:
            return Objective(graph, sparsity)
        if distill == "logits":
            return FromLogits(graph, teachers, sparsity)
        if len(teachers) > 1:
            raise InputError(f"teacher: expected one to show its features, found {len(teachers)}")
        return FromFeatures(graph, teachers[0], pictures, sparsity)
