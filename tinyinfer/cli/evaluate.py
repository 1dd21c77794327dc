"""The verbs "eval", accuracy on labelled pictures, and "warmup"."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinyinfer.cli.description import Labels, PreprocessOption, describe
from tinyinfer.cli.options import (
    Dequantize,
    Json,
    Kernels,
    MaxPixels,
    Threads,
    TrainedModel,
    limit_pixels,
    load_trained,
    running,
    usage,
)
from tinyinfer.cli.terminal import complain, progress_bar, show_json
from tinyinfer.tasks import CLASSIFY, class_count, require_task


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("eval", epilog="Example: tinyinfer eval resnet20.npz photos/ --limit 1000")(evaluate)
    app.command("warmup", epilog="Example: tinyinfer warmup")(warmup)


def evaluate(
    model: TrainedModel,
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A packed .npz, or a folder of class folders.")],
    *,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N pictures.")] = None,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Pictures a call.")] = 64,
    preprocess: PreprocessOption = None,
    labels: Labels = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Decoding threads.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://...", help="Run on the workers of a Dask cluster (the cluster extra).")
    ] = None,
    max_pixels: MaxPixels = None,
    threads: Threads = None,
    kernel: Kernels = None,
    dequantize: Dequantize = False,
    json: Json = False,
) -> int:
    """Measure accuracy.

    Unreadable pictures are reported and left out; the exit code is then 4.  With --scheduler the workers run the
    network, with --threads each or 1.  Start one for each core: dask worker tcp://... --nworkers auto --nthreads 1.
    """
    from tinyinfer.evaluation import datasets
    from tinyinfer.evaluation.accuracy import evaluate as run_evaluation
    from tinyinfer.evaluation.cluster import connected, evaluate_on_cluster

    if workers is not None and scheduler is not None:
        raise usage("--workers and --scheduler both say who decodes: give one of them")
    limit_pixels(max_pixels)
    network = load_trained(model, threads, kernel, dequantize=dequantize)
    describe(network, preprocess, labels, task=None)
    require_task(network.meta, CLASSIFY, "eval")
    data = datasets.read(str(dataset), network.meta.get("labels"), class_count(network.meta, network.outputs))
    for note in data.notes:
        complain(note)
    count = min(len(data.samples), limit or len(data.samples))
    with progress_bar("images", count) as bar:
        if scheduler is None:
            with running(kernel, bar.compiling):
                batches = network.graph.inputs[0].shape[0]
                result = run_evaluation(
                    network, data, batch=batch, fixed_batch=batches, limit=limit, workers=workers, progress=bar.advance
                )
        else:
            with connected(scheduler) as client:
                result = evaluate_on_cluster(
                    client, network, data, batch=batch, limit=limit, threads=threads or 1, progress=bar.advance
                )
    for problem in result.skipped:
        complain(problem)
    if json:
        show_json(result.to_dict())
    else:
        left_out = f"; {len(result.skipped)} of {count} left out, as they can't be read" if result.skipped else ""
        print(
            f"top-1 {result.top1:.2%}, top-5 {result.top5:.2%} of {result.images} images "
            f"({result.images_per_second:.0f} images/s; labels matched by {result.matched_by}{left_out})"
        )
    return 4 if result.skipped else 0


def warmup(threads: Threads = None) -> None:
    """Compile every kernel, so that no later run has to wait for that."""
    from tinyinfer.warmup import preparations, warm

    todo = preparations(threads)
    with progress_bar("kernels", len(todo)) as bar:
        seconds = warm(todo, lambda done, _: bar.advance(done))
    complain(f"{len(todo)} kernels are compiled ({seconds:.1f} s)")
