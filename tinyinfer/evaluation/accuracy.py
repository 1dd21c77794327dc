"""Accuracy of a model on labelled pictures, decoded by worker threads ahead of the network."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tinyinfer.errors import ImageError, InputError
from tinyinfer.evaluation.datasets import Dataset, Sample
from tinyinfer.logits import ranking
from tinyinfer.runtime.cores import available_cores
from tinyinfer.runtime.runnable import Runnable
from tinyinfer.vision.image import decode
from tinyinfer.vision.preprocess import Preprocess

Progress = Callable[[int, int], None]
MAX_WORKERS = 8


@dataclass(frozen=True)
class Evaluation:
    """Fractions of ``images`` whose label came first, or among the first five; ``skipped``: what was unreadable."""

    top1: float
    top5: float
    images: int
    seconds: float
    images_per_second: float
    matched_by: str
    skipped: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return asdict(self)


def evaluate(
    model: Runnable,
    dataset: Dataset,
    *,
    batch: int = 64,
    fixed_batch: int | None = None,
    limit: int | None = None,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure top-1 and top-5 accuracy on the first ``limit`` samples (None: all).

    ``batch`` images go into a call, or ``fixed_batch`` if the network takes no other number.
    ``workers`` is a number of decoding threads (None: one a core, at most 8) or any `concurrent.futures.Executor`,
    whose tasks are picklable; ``progress(done, total)`` is called after every batch.  A picture that can't be decoded
    is left out and listed.  Raises InputError when none can be, when a label is beyond the model's outputs, and when
    classes that are matched in order are not as many as these.
    """
    check_counts(batch=batch, limit=limit, workers=workers)
    start = time.perf_counter()
    counts = count(model, dataset.first(limit), batch, fixed_batch, workers, progress)
    return counts.result(time.perf_counter() - start, dataset.matched_by)


def check_counts(**counts: object) -> None:
    """Raise InputError for a number that is below 1."""
    for key, value in counts.items():
        if isinstance(value, int) and value < 1:
            raise InputError(f"{key}: expected at least 1, found {value}")


def count(
    model: Runnable,
    dataset: Dataset,
    batch: int,
    fixed_batch: int | None = None,
    workers: int | Executor | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Right answers on all samples of a data set; arguments and errors are those of `evaluate`."""
    preprocess = Preprocess.from_meta(model.preprocess)
    own = None if isinstance(workers, Executor) else ThreadPoolExecutor(workers or min(available_cores(), MAX_WORKERS))
    counts = Counts()
    try:
        prepared = _prepared_ahead(own or workers, dataset.samples, preprocess, ahead=2 * batch)
        for images, labels in _batches(prepared, fixed_batch or batch, counts.skipped):
            if fixed_batch is None:
                logits = model(images)
            else:
                logits = model(_padded(images, fixed_batch))[: len(images)]
            _check_classes(dataset, logits)
            counts.add(logits, labels)
            if progress:
                progress(counts.seen, len(dataset.samples))
    finally:
        if own:
            own.shutdown(cancel_futures=True)
    return counts


def _check_classes(dataset: Dataset, logits: np.ndarray) -> None:
    """Raise InputError where classes are matched by their place alone, and there are more or fewer than outputs."""
    if dataset.names and dataset.matched_by == "order" and len(dataset.names) != logits.shape[-1]:
        raise InputError(
            f"expected {logits.shape[-1]} classes, as many as the model has outputs, found {len(dataset.names)}"
        )


def load(sample: Sample, preprocess: Preprocess) -> np.ndarray | ImageError:
    """Decode and prepare one sample, (C, H, W); an unreadable picture comes back as the error it caused."""
    try:
        return preprocess.apply(decode(sample.image, name=sample.name), sample.name)
    except ImageError as error:
        return error


Prepared = tuple[Sample, np.ndarray | ImageError]


def _prepared_ahead(executor: Any, samples: Iterable[Sample], preprocess: Preprocess, ahead: int) -> Iterator[Prepared]:
    """Samples in order with their tensors, at most ``ahead`` of them decoded before they are asked for."""
    pending: deque[tuple[Sample, Future[np.ndarray | ImageError]]] = deque()
    for sample in samples:
        pending.append((sample, executor.submit(load, sample, preprocess)))
        if len(pending) >= ahead:
            first, future = pending.popleft()
            yield first, future.result()
    while pending:
        first, future = pending.popleft()
        yield first, future.result()


def _batches(prepared: Iterable[Prepared], size: int, skipped: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(images, labels) of neighbours of one shape; where the shape changes before a batch is full, one by one.

    A model plans once for every input shape: images of many sizes must not meet it in many batch sizes as well.
    """
    group: list[tuple[np.ndarray, int]] = []
    for sample, image in prepared:
        if isinstance(image, ImageError):
            skipped.append(str(image))
            continue
        if group and group[0][0].shape != image.shape:
            yield from (_stack([one]) for one in group)
            group = []
        group.append((image, sample.label))
        if len(group) == size:
            yield _stack(group)
            group = []
    if group:
        yield _stack(group)


def _padded(images: np.ndarray, count: int) -> np.ndarray:
    """So many images for a network that takes no fewer: black ones follow the last."""
    if len(images) == count:
        return images
    return np.concatenate([images, np.zeros((count - len(images), *images.shape[1:]), images.dtype)])


def _stack(group: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([image for image, _ in group]), np.array([label for _, label in group])


@dataclass
class Counts:
    """Images so far, how many labels came ``first`` or among the first ``five``, and what was left out."""

    images: int = 0
    first: int = 0
    five: int = 0
    skipped: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Samples that were looked at."""
        return self.images + len(self.skipped)

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Count one batch of (N, classes) logits."""
        if logits.ndim != 2 or len(logits) != len(labels):
            raise InputError(f"logits: expected shape ({len(labels)}, classes), found {logits.shape}")
        if labels.max() >= logits.shape[1]:
            raise InputError(f"label {labels.max()}: expected one of the model's {logits.shape[1]} classes")
        right = ranking(logits, 5) == labels[:, None]
        self.images += len(labels)
        self.first += int(right[:, 0].sum())
        self.five += int(right.any(axis=1).sum())

    def merge(self, other: Counts) -> None:
        """Count other samples as well."""
        self.images += other.images
        self.first += other.first
        self.five += other.five
        self.skipped += other.skipped

    def result(self, seconds: float, matched_by: str) -> Evaluation:
        """The fractions; raises InputError when nothing was counted."""
        if not self.images:
            raise InputError(
                f"no picture could be read: {self.skipped[0] if self.skipped else 'the data set is empty'}"
            )
        return Evaluation(
            top1=self.first / self.images,
            top5=self.five / self.images,
            images=self.images,
            seconds=seconds,
            images_per_second=self.images / seconds,
            matched_by=matched_by,
            skipped=self.skipped,
        )
