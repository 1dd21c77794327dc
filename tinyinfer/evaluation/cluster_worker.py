"""What runs on the workers of a Dask cluster: the model, once for each of their processes, and the counting."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from tinyinfer.errors import InputError
from tinyinfer.evaluation.accuracy import Counts, count
from tinyinfer.evaluation.datasets import Dataset
from tinyinfer.formats.npz import model_file
from tinyinfer.model import Model
from tinyinfer.runtime.inputs import random_inputs
from tinyinfer.vision.image import LIMIT

_models: dict[str, Model] = {}  # of this process, by what their files hash to


class ModelPlugin(WorkerPlugin):  # type: ignore[misc]
    """A model that goes to every worker once, to those that come later too; it is called by its file's SHA-256.

    A worker has it ready before its first task: read, checked, its kernels compiled for batches of this size.
    """

    idempotent = True

    def __init__(self, model: Model, threads: int, batch: int) -> None:
        file = io.BytesIO()
        model_file.save(file, model.graph, model.meta)
        self.file = file.getvalue()
        self.threads, self.batch, self.kernels = threads, batch, model.options.kernels
        self.pixels = os.environ.get(LIMIT)
        options = f"{threads} {self.kernels}"
        self.name = f"tinyinfer-{hashlib.sha256(self.file + options.encode()).hexdigest()}"

    async def setup(self, worker: Any) -> None:
        """Load the model, in a thread: the worker's own has to go on answering the scheduler."""
        await asyncio.to_thread(self._load)

    def teardown(self, worker: Any) -> None:
        """Let the model go."""
        _models.pop(self.name, None)

    def _load(self) -> None:
        if self.pixels is not None:
            os.environ[LIMIT] = self.pixels
        graph, meta = model_file.load(io.BytesIO(self.file), allow_nonfinite=True)
        kernels: Mapping[str, str] | str | None = self.kernels
        model = Model(graph, meta, self.threads, kernels, verified=True)
        shapes = {i.name: (i.shape[0] or self.batch, *i.nominal[1:]) for i in graph.inputs}
        model.run(random_inputs(graph, shapes))
        _models[self.name] = model


class AtOnce(Executor):
    """An executor that does what it is handed before it takes more: a worker's process is meant for one core."""

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future of a task that is done."""
        future = Future[Any]()
        future.set_result(task(*args, **kwargs))
        return future


def count_on_worker(name: str, dataset: Dataset, batch: int, fixed_batch: int | None) -> Counts:
    """Right answers of the model of this name on a part of a data set.

    Raises InputError for folders that this worker does not see, and what `count` raises.
    """
    for folder in {sample.image.parent for sample in dataset.samples if isinstance(sample.image, Path)}:
        if not folder.is_dir():
            raise InputError(
                f"{folder}: the worker {get_worker().address} does not see this folder: "
                "with a cluster, pictures have to lie where all workers read them, or in a packed .npz"
            )
    if name not in _models:
        raise InputError(
            f"the worker {get_worker().address} has let the model go, as another evaluation of it has ended: "
            "run this one again"
        )
    return count(_models[name], dataset, batch, fixed_batch, AtOnce())
