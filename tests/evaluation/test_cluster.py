"""Accuracy by the workers of a cluster of two processes: the same to the last picture, whatever dies."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_networks import residual_network

from tinyinfer.cli import main
from tinyinfer.errors import InputError
from tinyinfer.evaluation import cluster, datasets
from tinyinfer.evaluation.accuracy import Evaluation, evaluate
from tinyinfer.evaluation.cluster import connected, evaluate_on_cluster, task_size
from tinyinfer.evaluation.datasets import Dataset, Sample
from tinyinfer.model import Model

PREPROCESS = {"resize": 16, "crop": 16, "mean": [0.5] * 3, "std": [0.25] * 3}
SECONDS = 300  # in which a process starts on any machine
LABELS = ["ant", "bee", "cat", "dog", "eel"]


def test_tasks_are_whole_batches() -> None:
    assert task_size(10, 2, 64) == 256
    assert task_size(10_000, 2, 64) == 640
    assert task_size(10_000, 1, 64) == 960
    assert task_size(10_000, 2, 100) == 700
    assert task_size(10_000, 1, 1500) == 1500
    assert task_size(1600, 2, 16) == 272, "three tasks each, not four and three"
    for batch in (1, 7, 64, 256, 333, 999):
        for pictures in (1, 5000, 10**6):
            size = task_size(pictures, 3, batch)
            assert size % batch == 0
            assert cluster.LEAST <= size <= cluster.MOST


def test_without_the_extra_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(InputError, match="--scheduler needs the cluster extra"), connected("tcp://127.0.0.1:1"):
        pass


def small_model(kernels: str = "reference", **meta: Any) -> Model:
    return Model(residual_network(), {"name": "small", "labels": LABELS, "preprocess": PREPROCESS, **meta}, 1, kernels)


def jpeg(rng: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (18, 20, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def pictures(count: int = 120, broken: tuple[int, ...] = (7, 15)) -> Dataset:
    rng = np.random.default_rng(0)
    samples = [Sample(f"{i}.jpg", jpeg(rng), int(rng.integers(5))) for i in range(count)]
    for i in broken:
        samples[i] = Sample(f"{i}.jpg", b"\xff\xd8\xff no picture", 0)
    return Dataset(samples, tuple(LABELS), "name")


def right(result: Evaluation) -> tuple[float, float, int, list[str]]:
    return result.top1, result.top5, result.images, result.skipped


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """A scheduler with two worker processes."""
    distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


@pytest.fixture
def client(two_workers: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Its client; tasks are of ten pictures."""
    monkeypatch.setattr(cluster, "LEAST", 10)
    monkeypatch.setattr(cluster, "MOST", 10)
    with connected(two_workers.scheduler_address) as made:
        made.wait_for_workers(2, timeout=SECONDS)
        yield made


def test_the_same_as_in_one_process(client: Any) -> None:
    model, data, done = small_model(), pictures(), []
    expected = evaluate(model, data, batch=5)
    found = evaluate_on_cluster(client, model, data, batch=5, progress=lambda *now: done.append(now))
    assert right(found) == right(expected)
    assert [name.partition(":")[0] for name in found.skipped] == ["7.jpg", "15.jpg"]
    assert len(done) == 12
    assert done[-1] == (120, 120)
    assert right(evaluate_on_cluster(client, model, data, batch=5, limit=33)) == right(
        evaluate(model, data, batch=5, limit=33)
    )
    assert set(client.run(_models).values()) == {0}, "workers have let the model go"


def _models() -> int:
    from tinyinfer.evaluation import cluster_worker

    return len(cluster_worker._models)


def test_a_worker_that_dies_loses_nothing(client: Any) -> None:
    model, data = small_model(), pictures(200)
    before = client.run(os.getpid)
    killed = []

    def kill_one(done: int, total: int) -> None:
        if not killed:
            killed.append(next(iter(before.values())))
            os.kill(killed[0], signal.SIGKILL)

    found = evaluate_on_cluster(client, model, data, batch=5, progress=kill_one)
    assert right(found) == right(evaluate(model, data, batch=5))
    client.wait_for_workers(2, timeout=SECONDS)  # a new one comes for it
    assert killed[0] not in client.run(os.getpid).values()
    assert right(evaluate_on_cluster(client, model, data, batch=5)) == right(found)


def test_few_tasks_are_on_their_way(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, most = 0, 0
    submit = client.submit

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal waiting, most
        waiting, most = waiting + 1, max(most, waiting + 1)
        return submit(*arguments, **options)

    def came_back(done: int, total: int) -> None:
        nonlocal waiting
        waiting -= 1

    monkeypatch.setattr(client, "submit", counted)
    evaluate_on_cluster(client, small_model(), pictures(150), batch=5, progress=came_back)
    assert most == cluster.AHEAD * 2


def test_a_model_that_workers_cannot_load(client: Any) -> None:
    with pytest.raises(InputError, match=r"a worker can't load the model: .*nothing"):
        evaluate_on_cluster(client, small_model(kernels="conv2d=nothing"), pictures(20))
    assert evaluate_on_cluster(client, small_model(), pictures(20)).images == 18, "the cluster goes on"


def test_what_does_not_fit_is_said_as_in_one_process(client: Any) -> None:
    data = pictures(20)
    with pytest.raises(InputError, match="label 9: expected one of the model's 5 classes"):
        evaluate_on_cluster(client, small_model(), Dataset([Sample("x", data.samples[0].image, 9)], (), "name"))
    with pytest.raises(InputError, match=r"no picture could be read: 7\.jpg"):
        evaluate_on_cluster(client, small_model(), Dataset([data.samples[7]], (), "name"))
    with pytest.raises(InputError, match="batch: expected at least 1, found 0"):
        evaluate_on_cluster(client, small_model(), data, batch=0)
    with pytest.raises(InputError, match="'preprocess' is missing"):
        evaluate_on_cluster(client, small_model(preprocess=None), data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Class folders of a picture each."""
    for i, name in enumerate(LABELS):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "a.jpg").write_bytes(jpeg(np.random.default_rng(i)))
    return tmp_path / "photos"


def test_folders_are_read_by_the_workers(client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)  # where no worker stands
    data = datasets.read("photos", LABELS)
    assert right(evaluate_on_cluster(client, small_model(), data)) == right(evaluate(small_model(), data))
    shutil.rmtree(folder / "cat")  # as if it lay on another machine
    with pytest.raises(InputError, match=r"cat: the worker tcp://.* does not see this folder"):
        evaluate_on_cluster(client, small_model(), data)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return (int(stop.value.code or 0), *capsys.readouterr())


def test_the_command_line(two_workers: Any, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_model().save(tmp_path / "small.npz")
    plain = ("eval", tmp_path / "small.npz", folder, "--json", "--kernel", "reference")
    code, out, _ = run(capsys, *plain, "--scheduler", two_workers.scheduler_address)
    expected = json.loads(run(capsys, *plain)[1])
    found = json.loads(out)
    assert code == 0
    assert [found[key] for key in ("top1", "top5", "images")] == [expected[key] for key in ("top1", "top5", "images")]
    code, _, err = run(capsys, *plain, "--scheduler", two_workers.scheduler_address, "--workers", 2)
    assert code == 2
    assert "give one of them" in err


def test_a_scheduler_that_is_not_there(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    small_model().save(tmp_path / "small.npz")
    code, _, err = run(capsys, "eval", tmp_path / "small.npz", folder, "--scheduler", "somewhere://else")
    assert code == 4
    assert "--scheduler somewhere://else: can't connect" in err
