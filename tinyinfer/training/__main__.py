"""Train a network on a CPU.

    python -m tinyinfer.training DATA OUT --arch mobilenet_v1_cifar --epochs 24 --checkpoint run.pt
    python -m tinyinfer.training DATA OUT --arch mobilenet_v1_cifar --teacher FILE --distill logits --checkpoint run.pt
    python -m tinyinfer.training DATA OUT --start FILE --rate 0.1 --epochs 10 --checkpoint more.pt

DATA is a folder with train.npz and test.npz, each of JPEG pictures end to end in `jpeg`, their `offsets`, their
`labels` and `names`.  OUT is the model file to write.  A run that was stopped goes on from its checkpoint; the last
form trains a model file further, as after slimming.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from tinyinfer import models
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.formats.npz import model_file as npz
from tinyinfer.graph import Graph
from tinyinfer.training import augment, model_file, objectives, schedule
from tinyinfer.training.data import BATCH, Pictures, read
from tinyinfer.training.norms import with_norms, without_norms
from tinyinfer.training.run import Recipe, Run, top1

PEAK_RATE = 0.3
PICTURE = (1, 3, 32, 32)


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.npz and test.npz")
    parser.add_argument("out", type=Path, help="model file to write")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--arch", help="network of `tinyinfer models` to train from nothing")
    which.add_argument("--start", type=Path, help="model file to go on from")
    parser.add_argument("--checkpoint", type=Path, required=True, help="file to keep the state of the run in")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--augment", choices=augment.STRENGTHS, default="full", help="light: mirrored and shifted alone"
    )
    parser.add_argument("--small", type=float, help="share of the run that sees 24x24 pixels, instead of the usual one")
    parser.add_argument(
        "--teacher", type=Path, nargs="+", default=[], help="model files to distil from: from the mean of their answers"
    )
    parser.add_argument("--distill", choices=objectives.DISTILL, default="logits", help="what the teacher shows")
    parser.add_argument(
        "--blend", type=float, default=0.0, help="share of pictures that are mixed with another, for a teacher to judge"
    )
    parser.add_argument("--sparsity", type=float, default=0.0, help="L1 penalty on batch norms' scales")
    parser.add_argument(
        "--bf16", action="store_true", help="products of bfloat16 values: quicker where the CPU has matrix units"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--report", type=int, default=4, help="epochs between looks at the test set")
    parser.add_argument("--dataset", default="CIFAR-10 test, JPEG quality 75", help="name of the test set")
    parser.add_argument("--licence", default="Apache-2.0", help="of what is written")
    return parser


def network(args: argparse.Namespace, classes: int) -> tuple[Graph, dict[str, Any]]:
    """The network to train, and what is known about it; raises InputError for one that does not fit the pictures."""
    if args.start is not None:
        graph, known = npz.load(args.start)
    else:
        model = models.create(args.arch, num_classes=classes, seed=args.seed)
        graph, known = model.graph, {"arch": args.arch}
    shapes = (graph.inputs[0].nominal, graph.infer_types()[graph.outputs[0]].shape)
    if shapes != (PICTURE, (1, classes)):
        wanted, found = (f"from {x} to {y}" for x, y in ((PICTURE, (1, classes)), shapes))
        raise InputError(f"{args.start or args.arch}: expected a network {wanted}, found one {found}")
    return graph, known


def small_share(args: argparse.Namespace) -> float:
    """The share of the run that sees little pictures: none where features of a teacher, or a start, want large ones."""
    if args.small is not None:
        return float(args.small)
    return 0.0 if args.start is not None or args.distill == "features" else schedule.SMALL


def check_blend(args: argparse.Namespace) -> None:
    """Raises InputError for pictures that are two in one where nobody can say what they show."""
    if not 0 <= args.blend <= 1:
        raise InputError(f"--blend: expected a share from 0 to 1, found {args.blend:g}")
    if args.blend and not (args.teacher and args.distill == "logits"):
        raise InputError("--blend: expected --teacher and --distill logits, whose answers such pictures are learnt by")


def prepared(args: argparse.Namespace, graph: Graph, train_set: Pictures) -> tuple[Run, dict[str, Any]]:
    """The run, where its checkpoint left it if there is one, and what the metadata tell of it."""
    plain = augment.normalize(train_set.pixels[: 2 * BATCH])
    graph = with_norms(graph, None if args.start is None else plain.numpy())
    teachers = [npz.load(path)[0] for path in args.teacher]
    objective = objectives.make(graph, teachers, args.distill, plain, args.sparsity, args.seed)
    recipe = Recipe(args.epochs, args.rate, args.seed, small_share(args), args.augment, args.bf16, args.blend)
    run = Run(objective, recipe, len(train_set.labels) // BATCH)
    if args.checkpoint.exists():
        run.load(args.checkpoint)
    training = {**vars(recipe), "sparsity": args.sparsity}
    if args.teacher:
        training |= {"teacher": ", ".join(path.stem for path in args.teacher), "distill": args.distill}
    return run, {"licence": args.licence, "training": training}


def train(run: Run, train_set: Pictures, test_set: Pictures, args: argparse.Namespace) -> None:
    """Train epoch by epoch; the test set is only reported on."""
    with ThreadPoolExecutor(args.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        while run.epoch < args.epochs:
            began = time.perf_counter()
            run.train_epoch(train_set, pool)
            seconds, told = time.perf_counter() - began, run.log[-1]
            line = f"epoch {run.epoch:3d} of {args.epochs}  loss {told['loss']:.4f}  rate {told['rate']:.4f}"
            line += f"  {seconds:6.1f} s"
            if run.epoch % args.report == 0 or run.epoch == args.epochs:
                told["top1"] = round(top1(run.averaged(train_set), test_set), 4)
                line += f"  test {told['top1']:.2%}"
            run.save(args.checkpoint)
            print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, train, write the model file."""
    args = options().parse_args(arguments)
    check_blend(args)
    torch.set_num_threads(1)  # the pool's threads share the work; torch's own would only wait for each other
    train_set, test_set = read(args.data / "train.npz"), read(args.data / "test.npz")
    if len(train_set.labels) < BATCH:
        raise InputError(f"{args.data}: expected at least {BATCH} training pictures, found {len(train_set.labels)}")
    graph, known = network(args, len(train_set.names))
    run, told = prepared(args, graph, train_set)
    train(run, train_set, test_set, args)
    trained = without_norms(run.averaged(train_set).trained(), graph)
    told["training"]["log"] = run.log
    if "training" in known:  # of the file that it goes on from
        told["training"]["before"] = known["training"]
    accuracy = model_file.write(args.out, trained, {**known, **told}, test_set, args.dataset)
    print(f"{args.out}: top-1 {accuracy:.2%}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    try:
        main()
    except TinyInferError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
