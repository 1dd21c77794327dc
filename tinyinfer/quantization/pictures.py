"""The pictures that a network is calibrated on: from a folder of any, or from a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tinyinfer.errors import InputError
from tinyinfer.evaluation import datasets
from tinyinfer.evaluation.datasets import Sample
from tinyinfer.hub import local_file
from tinyinfer.model import Model
from tinyinfer.vision.image import SUFFIXES, decode
from tinyinfer.vision.picture_files import find_pictures
from tinyinfer.vision.preprocess import Preprocess

PICTURES = 300  # enough for ranges and means to settle
PIXELS = 2**17  # in a call: larger pictures come alone, so that what is watched of a network fits memory


class Pictures:
    """Pictures as a model wants them, decoded anew whenever they are walked over: arrays (N, C, H, W).

    ``batch`` is the only number of pictures that the model takes, if there is one; then the last call's are repeated
    until there are as many.  Raises ImageError, while it is walked over, for a picture that can't be read.
    """

    def __init__(self, samples: Sequence[Sample], preprocess: Preprocess, batch: int | None = None) -> None:
        self.samples, self._preprocess, self._batch = samples, preprocess, batch

    def __len__(self) -> int:
        return len(self.samples)

    def first(self, count: int) -> Pictures:
        """The first few of them."""
        return Pictures(self.samples[:count], self._preprocess, self._batch)

    def __iter__(self) -> Iterator[np.ndarray]:
        group: list[np.ndarray] = []
        for sample in self.samples:
            picture = self._preprocess.apply(decode(sample.image, name=sample.name), sample.name)
            full = self._batch or max(1, PIXELS // picture[0].size)
            if group and (len(group) == full or group[0].shape != picture.shape):
                yield self._stack(group)
                group = []
            group.append(picture)
        if group:
            yield self._stack(group)

    def _stack(self, group: list[np.ndarray]) -> np.ndarray:
        missing = (self._batch or len(group)) - len(group)
        return np.stack([*group, *(group[i % len(group)] for i in range(missing))])


def read_pictures(source: str | os.PathLike[str], model: Model, limit: int = PICTURES) -> Pictures:
    """Up to ``limit`` pictures from a folder, all below it, or from a packed or pulled data set, whose labels are left.

    From a folder of more they are taken at equal distances.  Raises InputError where there are none, and for a model
    that does not say how to prepare them.
    """
    if limit < 1:
        raise InputError(f"limit: expected at least 1, found {limit}")
    preprocess = Preprocess.from_meta(model.preprocess)
    found = local_file(os.fspath(source))
    if found is not None and found.is_dir():
        samples = _in_folder(found, limit)
    else:
        samples = list(datasets.read(os.fspath(source)).samples[:limit])
    return Pictures(samples, preprocess, model.graph.inputs[0].shape[0])


def _in_folder(folder: Path, limit: int) -> list[Sample]:
    files = find_pictures(folder).pictures
    if not files:
        raise InputError(f"{folder}: expected pictures ({' '.join(sorted(SUFFIXES))}) to calibrate on, found none")
    chosen = files if len(files) <= limit else [files[i * len(files) // limit] for i in range(limit)]
    return [Sample(str(file), file, 0) for file in chosen]
