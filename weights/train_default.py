"""Train the network that comes with tinyinfer: MobileNet V2 for CIFAR-10, on a CPU.

    python weights/train_default.py DATA OUT --minutes 75 --checkpoint run.pt
    python weights/train_default.py DATA OUT --start FILE --rate 0.1 --minutes 50 --checkpoint more.pt

DATA is a folder with train.npz and test.npz, each of JPEG pictures end to end in `jpeg`, their `offsets`, their
`labels`.  OUT is the model file to write.  A run that was stopped goes on from its
checkpoint; the second form trains a model file further.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import augment
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tinyinfer import models
from tinyinfer.bench.torch_peer.graph import TorchGraph
from tinyinfer.formats.npz import model_file as npz

ARCHITECTURE = "mobilenet_v2_cifar"
BATCH = 256
SHARD = 64  # pictures that one thread takes at a time; batch norm's statistics are a shard's
PEAK_RATE = 0.3
MOMENTUM = 0.9
DECAY = 3e-4  # of the weights of dense convolutions and linear layers
SMOOTHING = 0.1
AVERAGING = 0.998
WARM_UP = 0.08  # share of the run
SMALL = 0.45  # share of the run that sees smaller pictures, at half the cost
SIZES = (24, 32)
LONGEST_STEP = 0.3  # seconds, somewhat more than one takes on two cores; beyond was a pause and does not use up the run


@dataclass
class Pictures:
    """uint8 pictures (N, 3, H, W) and their classes (N,)."""

    pixels: Tensor
    labels: Tensor
    names: list[str]


def read(path: Path) -> Pictures:
    """Decode a packed set."""
    with np.load(path) as packed:
        blob, ends, labels, names = packed["jpeg"], packed["offsets"], packed["labels"], packed["names"]
    pictures = [np.asarray(Image.open(io.BytesIO(blob[a:b].tobytes())).convert("RGB")) for a, b in pairwise(ends)]
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return Pictures(pixels, torch.from_numpy(labels.astype(np.int64)), [str(n) for n in names])


class Run:
    """The state of a training run: network, its moving average, optimiser, and how far it has come."""

    def __init__(self, seed: int, seconds: float, rate: float, start: Path | None) -> None:
        graph = models.create(ARCHITECTURE, num_classes=10, seed=seed).graph if start is None else npz.load(start)[0]
        self.net = TorchGraph(graph)
        self.peak_rate, self.small = rate, SMALL if start is None else 0.0
        self.net.to(memory_format=torch.channels_last)
        self.params = list(self.net.parameters())
        # a depthwise filter has nine weights and a batch norm behind it: decay would only slow it down
        dense = [p for p in self.params if p.dim() == 2 or (p.dim() == 4 and p.shape[1] > 1)]
        rest = [p for p in self.params if not any(p is d for d in dense)]
        groups = [{"params": dense, "weight_decay": DECAY}, {"params": rest, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=True)
        self.average = [p.detach().clone() for p in self.params]
        self.seed, self.seconds = seed, seconds
        self.spent, self.steps, self.epoch = 0.0, 0, 0

    @property
    def progress(self) -> float:
        """Share of the training time used, 0 to 1."""
        return min(self.spent / self.seconds, 1.0)

    @property
    def rate(self) -> float:
        """Learning rate: a linear warm-up, then half a cosine down to zero."""
        warm = min(self.progress / WARM_UP, 1.0)
        fall = max(self.progress - WARM_UP, 0.0) / (1 - WARM_UP)
        return self.peak_rate * max(warm, 0.02) * 0.5 * (1 + float(np.cos(np.pi * fall)))

    def step(self, pixels: Tensor, labels: Tensor, pool: ThreadPoolExecutor) -> float:
        """One update; the threads take shards of the batch as they get free.  Returns the mean loss."""
        size = SIZES[0] if self.progress < self.small else SIZES[1]
        shards = zip(pixels.split(SHARD), labels.split(SHARD), strict=True)
        jobs = [pool.submit(self._shard, *s, size, 4 * self.steps + i) for i, s in enumerate(shards)]
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

    def _shard(self, pixels: Tensor, labels: Tensor, size: int, number: int) -> tuple[float, tuple[Tensor, ...]]:
        rng = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        x = augment.augment(pixels, size, rng)
        loss = F.cross_entropy(self.net(x), labels, label_smoothing=SMOOTHING)
        return loss.item(), torch.autograd.grad(loss, self.params)

    def batches(self, data: Pictures) -> Iterator[tuple[Tensor, Tensor]]:
        """The pictures of one epoch in random order, in whole batches."""
        rng = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(data.labels), generator=rng)
        for rows in order[: len(order) // BATCH * BATCH].split(BATCH):
            yield data.pixels[rows], data.labels[rows]

    def averaged(self, data: Pictures) -> TorchGraph:
        """The network with the averaged weights, its batch statistics measured on plain training pictures."""
        net = TorchGraph(self.net.graph).to(memory_format=torch.channels_last)
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), self.average, strict=True):
                parameter.copy_(value)
            for count, rows in enumerate(torch.arange(5120).split(BATCH), 1):
                net.momentum = 1 / count
                net(augment.normalize(data.pixels[rows]))
        return net.eval()

    def save(self, path: Path) -> None:
        """Write everything a later process needs to go on."""
        state = {
            "net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "average": self.average,
            "spent": self.spent, "steps": self.steps, "epoch": self.epoch,
        }  # fmt: skip
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.spent, self.steps, self.epoch = state["spent"], state["steps"], state["epoch"]


def top1(net: TorchGraph, data: Pictures) -> float:
    """Share of pictures whose best class is the right one."""
    with torch.inference_mode():
        hits = [
            net(augment.normalize(x)).argmax(1) == y
            for x, y in zip(data.pixels.split(500), data.labels.split(500), strict=True)
        ]
    return torch.cat(hits).float().mean().item()


def train(run: Run, train_set: Pictures, test_set: Pictures, checkpoint: Path, threads: int, report: int) -> None:
    """Train until the time is used up; the test set is only reported on."""
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        while run.progress < 1:
            began, losses = time.perf_counter(), []
            for pixels, labels in run.batches(train_set):
                start = time.perf_counter()
                losses.append(run.step(pixels, labels, pool))
                run.spent += min(time.perf_counter() - start, LONGEST_STEP)
                if run.progress == 1:
                    break
            run.epoch += 1
            run.save(checkpoint)
            line = f"epoch {run.epoch:3d}  {run.progress:6.1%}  loss {np.mean(losses):.4f}  rate {run.rate:.4f}"
            line += f"  {len(losses)} steps in {time.perf_counter() - began:5.1f} s"
            if run.epoch % report == 0 or run.progress == 1:
                line += f"  test {top1(run.averaged(train_set), test_set):.2%}"
            print(line, flush=True)


def ship(run: Run, train_set: Pictures, test_set: Pictures, out: Path) -> None:
    """Write the model file, its accuracy measured with the weights rounded as they are stored."""
    net = run.averaged(train_set)
    rounded = {key: value.astype(np.float16).astype(np.float32) for key, value in net.weights().items()}
    graph = run.net.graph.copy()
    graph.weights.update(rounded)
    accuracy = top1(TorchGraph(graph).eval(), test_set)
    meta: dict[str, Any] = {
        "name": out.stem,
        "arch": ARCHITECTURE,
        "source": "trained by weights/train_default.py",
        "licence": "Apache-2.0",
        "accuracy": {
            "dataset": "CIFAR-10 test, JPEG quality 75",
            "top1": round(accuracy, 4),
            "images": len(test_set.labels),
        },
        "labels": test_set.names,
        "preprocess": {
            "resize": [32, 32],  # the whole photo: cropping would cut the object
            "crop": None,
            "interpolation": "bilinear",
            "channels": "rgb",
            "scale": 1 / 255,
            "mean": list(augment.MEAN),
            "std": list(augment.STD),
        },
    }
    npz.save(out, graph, meta, half=True)
    print(f"{out}: top-1 {accuracy:.2%}, {out.stat().st_size} bytes, {run.epoch} epochs, {run.spent / 60:.1f} minutes")


def main() -> None:
    """Read the command line, train, write the model file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.npz and test.npz")
    parser.add_argument("out", type=Path, help="model file to write")
    parser.add_argument("--minutes", type=float, default=75, help="training time; the schedule follows it")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file to keep the state of the run in")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=int, default=5, help="epochs between looks at the test set")
    parser.add_argument("--start", type=Path, help="model file to go on from, instead of new weights")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate")
    args = parser.parse_args()
    torch.set_num_threads(1)  # the pool's threads share the work; torch's own would only wait for each other
    train_set, test_set = read(args.data / "train.npz"), read(args.data / "test.npz")
    run = Run(args.seed, args.minutes * 60, args.rate, args.start)
    if args.checkpoint.exists():
        run.load(args.checkpoint)
    train(run, train_set, test_set, args.checkpoint, args.threads, args.report)
    ship(run, train_set, test_set, args.out)


if __name__ == "__main__":
    main()
