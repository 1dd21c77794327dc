"""Accuracy measured by the workers of a Dask cluster: each has the model, and counts right answers on parts.

Start one worker process for each core, as they share the processor better than threads of one interpreter:
``dask worker tcp://... --nworkers auto --nthreads 1``.  Workers are never forked from a process that has run kernels.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.evaluation.accuracy import Counts, Evaluation, Progress, check_counts
from tinyinfer.evaluation.datasets import Dataset, Sample
from tinyinfer.model import Model

if TYPE_CHECKING:
    from tinyinfer.evaluation.cluster_worker import ModelPlugin

CONNECT_SECONDS = 10
LEAST, MOST = 256, 1000  # pictures of a task: fewer are all overhead, of more the last ones keep a worker waiting
TASKS = 8  # for each worker thread, where there are pictures for so many
AHEAD = 2  # tasks that each worker thread has at a time


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the cluster whose scheduler has this address.

    Raises InputError where there is none, or none with workers, and without the cluster extra.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler needs the cluster extra: pip install 'tinyinfer[cluster]'") from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: can't connect ({error})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise InputError(f"--scheduler {address}: expected workers, found none") from None
        yield client


def evaluate_on_cluster(
    client: Any,
    model: Model,
    dataset: Dataset,
    *,
    batch: int = 64,
    limit: int | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """What `evaluate` measures, by the workers of a `distributed.Client`, each calling the model with ``threads``.

    The model is sent to each worker once, and let go at the end.  Tasks of 256 to 1,000 pictures are handed out as
    others come back, so that few are on their way at a time; those of a worker that dies are done by another.
    ``seconds`` begin when all workers have the model.

    Raises what `evaluate` raises, and InputError where workers can't load the model or do not see the pictures.
    """
    from tinyinfer.evaluation.cluster_worker import ModelPlugin, count_on_worker

    check_counts(batch=batch, limit=limit, threads=threads)
    fixed_batch = model.graph.inputs[0].shape[0]
    model.preprocess  # noqa: B018  a model without is to be refused here
    dataset = dataset.first(limit)
    plugin = ModelPlugin(model, threads, batch)
    found: dict[int, Counts] = {}
    with _shipped(client, plugin):
        start = time.perf_counter()
        slots = max(1, sum(client.nthreads().values()))
        size = task_size(len(dataset.samples), slots, fixed_batch or batch)
        parts = (replace(dataset, samples=some) for some in _parts(dataset.samples, size))
        tasks = ((count_on_worker, plugin.name, part, batch, fixed_batch) for part in parts)
        for number, counts in _results(client, tasks, AHEAD * slots):
            found[number] = counts
            if progress:
                progress(sum(counts.seen for counts in found.values()), len(dataset.samples))
        seconds = time.perf_counter() - start
    total = Counts()
    for number in sorted(found):  # so that skipped pictures are named in their order
        total.merge(found[number])
    return total.result(seconds, dataset.matched_by)


def task_size(pictures: int, slots: int, batch: int) -> int:
    """Pictures of a task for so many at a time: whole batches, so that the network sees those that one process has.

    All have as many tasks, or nearly: one more to do for one of them is what the others wait for.
    """
    rounds = max(1, min(TASKS, pictures // (LEAST * slots)))
    wanted = min(MOST, max(LEAST, -(-pictures // (rounds * slots))))
    size = -(-wanted // batch) * batch
    return max(batch, size if size <= MOST else size - batch)


def _parts(samples: Sequence[Sample], size: int) -> Iterator[list[Sample]]:
    """Samples in parts, paths from the root: a worker's folder is another than ours."""
    for start in range(0, len(samples), size):
        yield [
            replace(sample, image=Path(os.path.abspath(sample.image))) if isinstance(sample.image, Path) else sample
            for sample in samples[start : start + size]
        ]


@contextlib.contextmanager
def _shipped(client: Any, plugin: ModelPlugin) -> Iterator[None]:
    """All workers have the model inside the block.  Raises InputError when one of them can't load it."""
    try:
        try:
            client.register_plugin(plugin)
        except Exception as error:  # whatever goes wrong over there comes back as it is
            raise InputError(f"a worker can't load the model: {_text(error)}") from error
        yield
    finally:
        with contextlib.suppress(Exception):  # of a cluster that is gone
            client.unregister_worker_plugin(plugin.name)


def _results(client: Any, tasks: Iterator[tuple[Any, ...]], ahead: int) -> Iterator[tuple[int, Counts]]:
    """What tasks, a function and its arguments, give, by their number, as they come back; so many are on their way."""
    from distributed import as_completed

    numbers: dict[str, int] = {}

    def submit(task: tuple[Any, ...]) -> Any:
        future = client.submit(*task, pure=False)
        numbers[future.key] = len(numbers)
        return future

    running = as_completed([submit(task) for task in itertools.islice(tasks, ahead)], with_results=True)
    try:
        for future, counts in running:
            yield numbers[future.key], counts
            running.update([submit(task) for task in itertools.islice(tasks, 1)])
    except TinyInferError:
        raise
    except (Exception, CancelledError) as error:
        raise InputError(f"the cluster can't go on: {_text(error)}") from error


def _text(error: BaseException) -> str:
    return f"{error}" if isinstance(error, TinyInferError) else f"{type(error).__name__}: {error}"
