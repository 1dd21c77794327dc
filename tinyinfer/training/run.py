"""The state of a training run: network, its moving average, optimiser, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tinyinfer.bench.torch_peer.graph import TorchGraph
from tinyinfer.errors import InputError
from tinyinfer.files import atomic_write
from tinyinfer.training import augment, schedule
from tinyinfer.training.data import BATCH, Pictures, batches
from tinyinfer.training.objectives import Objective

SHARD = 64  # pictures that one thread takes at a time; batch norm's statistics are a shard's
MOMENTUM = 0.9
DECAY = 3e-4  # of the weights of dense convolutions and linear layers
AVERAGING = 0.998
MEASURED = 5120  # pictures on which the statistics of the averaged network are measured


@dataclass(frozen=True)
class Recipe:
    """What decides a run beside its network, its teacher and its data.

    ``small`` is the share with little pictures, ``blend`` that of pictures which are two in one.  With ``bf16`` layers
    multiply bfloat16 values, while sums and weights are float32.
    """

    epochs: int
    rate: float
    seed: int = 0
    small: float = schedule.SMALL
    strength: augment.Strength = "full"
    bf16: bool = False
    blend: float = 0.0


class Run:
    """Trains an objective's network for a number of epochs; the same recipe gives the same weights on one machine.

    How many threads share the work changes nothing but the time, nor does a stop and a new start from a checkpoint;
    only dropout, where a network has it, is drawn anew.
    """

    def __init__(self, objective: Objective, recipe: Recipe, steps_per_epoch: int) -> None:
        self.objective, self.recipe = objective.to(memory_format=torch.channels_last), recipe
        self.total = recipe.epochs * steps_per_epoch
        self.params = [p for p in objective.parameters() if p.requires_grad]
        # a depthwise filter has nine weights and a batch norm behind it: decay would only slow it down
        dense = [p for p in self.params if p.dim() == 2 or (p.dim() == 4 and p.shape[1] > 1)]
        rest = [p for p in self.params if not any(p is d for d in dense)]
        groups = [{"params": dense, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=recipe.rate, momentum=MOMENTUM, nesterov=True, fused=True)
        self.average = [p.detach().clone() for p in self.params]
        self.steps, self.epoch = 0, 0
        self.log: list[dict[str, float]] = []  # of each epoch

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        return self.steps / self.total

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        return schedule.rate(self.recipe.rate, self.progress)

    def train_epoch(self, data: Pictures, pool: ThreadPoolExecutor) -> None:
        """Show every picture once; the log gets the rate that it began with and the mean loss."""
        rate = self.rate
        losses = [self._step(*batch, pool) for batch in batches(data, self.recipe.seed + self.epoch)]
        self.epoch += 1
        self.log.append({"epoch": self.epoch, "rate": round(rate, 4), "loss": round(float(np.mean(losses)), 4)})

    def _step(self, pixels: Tensor, labels: Tensor, pool: ThreadPoolExecutor) -> float:
        """One update; the threads take shards of the batch as they get free.  Returns the mean loss."""
        shards = zip(pixels.split(SHARD), labels.split(SHARD), strict=True)
        jobs = [pool.submit(self._shard, *s, BATCH // SHARD * self.steps + i) for i, s in enumerate(shards)]
        losses, gradients = zip(*(job.result() for job in jobs), strict=True)
        total = list(gradients[0])
        for others in gradients[1:]:
            total = torch._foreach_add(total, others)
        for parameter, gradient in zip(self.params, torch._foreach_div(total, len(gradients)), strict=True):
            parameter.grad = gradient
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.optimizer.step()
        self.steps += 1
        keep = min(AVERAGING, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.params], 1 - keep)
        return float(np.mean(losses))

    def _shard(self, pixels: Tensor, labels: Tensor, number: int) -> tuple[float, tuple[Tensor, ...]]:
        rng = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + number)
        size = schedule.size(self.progress, self.recipe.small)
        seen = augment.augment(pixels, rng, self.recipe.strength)
        if self.recipe.blend:
            seen, labels = augment.blend(seen, labels, self.recipe.blend, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            loss = self.objective(seen, labels, size)
        return loss.item(), torch.autograd.grad(loss, self.params)

    def averaged(self, data: Pictures) -> TorchGraph:
        """The network with the averaged weights, its batch statistics measured on plain training pictures."""
        graph = self.objective.net.graph.copy()
        graph.outputs = graph.outputs[:1]
        net: TorchGraph = TorchGraph(graph).to(memory_format=torch.channels_last)
        mine = {id(p): value for p, value in zip(self.params, self.average, strict=True)}
        with torch.no_grad():
            for parameter, trained in zip(net.parameters(), self.objective.net.parameters(), strict=True):
                parameter.copy_(mine.get(id(trained), trained))
            for count, pixels in enumerate(data.pixels[:MEASURED].split(BATCH), 1):
                net.momentum = 1 / count  # so that all parts count alike
                net(augment.normalize(pixels))
        net.eval()
        return net

    def save(self, path: Path) -> None:
        """Write everything a later process needs to go on."""
        state = {
            "recipe": vars(self.recipe), "objective": self.objective.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "steps": self.steps, "epoch": self.epoch, "log": self.log,
        }  # fmt: skip
        with atomic_write(path) as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote; raises InputError for the checkpoint of another run."""
        state = torch.load(path, weights_only=True)
        if state["recipe"] != vars(self.recipe):
            raise InputError(f"{path}: expected a checkpoint of {vars(self.recipe)}, found one of {state['recipe']}")
        try:
            self.objective.load_state_dict(state["objective"])
        except RuntimeError:
            raise InputError(f"{path}: this checkpoint is of another network or objective") from None
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.steps, self.epoch, self.log = state["steps"], state["epoch"], state["log"]


def top1(net: TorchGraph, data: Pictures) -> float:
    """Share of pictures whose best class is the right one."""
    with torch.inference_mode():
        parts: Sequence[Any] = list(zip(data.pixels.split(500), data.labels.split(500), strict=True))
        hits = [net(augment.normalize(x)).argmax(1) == y for x, y in parts]
    return float(torch.cat(hits).float().mean())
