"""Accuracy of stand-in models whose right answers are known."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tinyinfer.errors import InputError, ModelFormatError
from tinyinfer.evaluation.accuracy import evaluate
from tinyinfer.evaluation.datasets import Dataset, Sample


def picture(level: int, size: tuple[int, int] = (4, 4)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (level, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


class Levels:
    """A model that ranks the class first whose number is the red level, then the higher ones in order."""

    def __init__(self, classes: int = 10, **preprocess: Any) -> None:
        self.classes = classes
        self.preprocess = {"scale": 1, **preprocess}
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, x: np.ndarray) -> np.ndarray:
        self.shapes.append(x.shape)
        return -((np.arange(self.classes)[None] - x[:, 0, 0, 0][:, None]) % self.classes).astype(np.float32)


def dataset(labels: list[int], levels: list[int] | None = None) -> Dataset:
    samples = [
        Sample(str(i), picture(v), label) for i, (v, label) in enumerate(zip(levels or labels, labels, strict=True))
    ]
    return Dataset(samples, tuple("0123456789"), "name")


def test_all_right_and_reported() -> None:
    calls: list[tuple[int, int]] = []
    model = Levels()
    result = evaluate(model, dataset(list(range(10))), batch=4, progress=lambda *now: calls.append(now))
    assert (result.top1, result.top5, result.images, result.skipped) == (1.0, 1.0, 10, [])
    assert model.shapes == [(4, 3, 4, 4), (4, 3, 4, 4), (2, 3, 4, 4)]
    assert calls == [(4, 10), (8, 10), (10, 10)]
    assert result.images_per_second == pytest.approx(10 / result.seconds)
    assert json.loads(json.dumps(result.to_dict()))["top1"] == 1.0


def test_networks_that_take_so_many_images_and_no_fewer() -> None:
    model = Levels()
    result = evaluate(model, dataset(list(range(10))), batch=64, fixed_batch=4)
    assert (result.top1, result.images) == (1.0, 10)
    assert model.shapes == [(4, 3, 4, 4)] * 3


def test_top1_and_top5_are_counted_apart() -> None:
    # label - level: 0 is first, 1..4 among five, 5 and more outside
    result = evaluate(Levels(), dataset([3, 4, 7, 8, 9], [3, 3, 3, 3, 3]))
    assert result.top1 == pytest.approx(1 / 5)
    assert result.top5 == pytest.approx(3 / 5)


def test_fewer_than_five_classes() -> None:
    result = evaluate(Levels(classes=3), dataset([0, 1, 2], [1, 1, 1]))
    assert (result.top1, result.top5) == (pytest.approx(1 / 3), 1.0)


def test_limit() -> None:
    assert evaluate(Levels(), dataset([1, 2, 3]), limit=2).images == 2
    assert evaluate(Levels(), dataset([1, 2, 3]), limit=99).images == 3


def test_bad_pictures_are_skipped_and_listed() -> None:
    good = dataset([1, 2])
    broken = Sample("broken.jpg", b"\xff\xd8nonsense", 3)
    mixed = Dataset([good.samples[0], broken, good.samples[1]], good.names, "name")
    done: list[int] = []
    result = evaluate(Levels(), mixed, progress=lambda now, total: done.append(now))
    assert (result.images, result.top1, done) == (2, 1.0, [3])
    assert len(result.skipped) == 1
    assert result.skipped[0].startswith("broken.jpg: ")
    with pytest.raises(InputError, match=r"no picture could be read: broken\.jpg"):
        evaluate(Levels(), Dataset([broken], good.names, "name"))
    with pytest.raises(InputError, match="the data set is empty"):
        evaluate(Levels(), Dataset([], good.names, "name"))


def test_pictures_of_many_sizes_go_one_by_one() -> None:
    sizes = [(4, 4), (4, 4), (6, 5), (4, 4), (4, 4), (4, 4)]
    samples = [Sample(str(i), picture(i, size), i) for i, size in enumerate(sizes)]
    model = Levels()
    result = evaluate(model, Dataset(samples, (), "order"), batch=3)
    assert result.top1 == 1.0
    assert model.shapes == [(1, 3, 4, 4), (1, 3, 4, 4), (1, 3, 5, 6), (3, 3, 4, 4)]
    model = Levels(crop=4)
    evaluate(model, Dataset(samples, (), "order"), batch=6)
    assert model.shapes == [(6, 3, 4, 4)]


def test_an_executor_serves_as_workers_and_stays_open() -> None:
    with ThreadPoolExecutor(2) as executor:
        assert evaluate(Levels(), dataset([1, 2, 3]), workers=executor).top1 == 1.0
        assert executor.submit(int, "7").result() == 7


def test_reading_stays_a_bounded_way_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = 0
    lock = threading.Lock()

    def counting(sample: Sample, preprocess: object) -> np.ndarray:
        nonlocal loaded
        with lock:
            loaded += 1
        return np.full((3, 1, 1), sample.label, np.float32)

    ahead: list[int] = []

    class Slow(Levels):
        def __call__(self, x: np.ndarray) -> np.ndarray:
            time.sleep(0.01)
            ahead.append(loaded - 4 * len(self.shapes))
            return super().__call__(x)

    monkeypatch.setattr("tinyinfer.evaluation.accuracy.load", counting)
    assert evaluate(Slow(), dataset([i % 10 for i in range(80)]), batch=4, workers=2).top1 == 1.0
    assert max(ahead) <= 12


def test_bad_arguments() -> None:
    for key in ("batch", "limit", "workers"):
        with pytest.raises(InputError, match=f"{key}: expected at least 1, found 0"):
            evaluate(Levels(), dataset([1]), **{key: 0})
    with pytest.raises(InputError, match="label 4: expected one of the model's 3 classes"):
        evaluate(Levels(classes=3), dataset([4]))
    with pytest.raises(ModelFormatError, match="channels"):
        evaluate(Levels(channels="hsv"), dataset([1]))

    class Flat(Levels):
        def __call__(self, x: np.ndarray) -> np.ndarray:
            return super().__call__(x)[0]

    with pytest.raises(InputError, match=r"logits: expected shape \(1, classes\), found \(10,\)"):
        evaluate(Flat(), dataset([1]))


def test_an_interrupted_run_leaves_no_threads() -> None:
    class Interrupted(Levels):
        def __call__(self, x: np.ndarray) -> np.ndarray:
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        evaluate(Interrupted(), dataset([1] * 50), batch=2)
    assert threading.active_count() == before
