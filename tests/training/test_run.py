"""A run is decided by its recipe: not by threads, nor by being stopped; and what it writes is what was trained."""

from __future__ import annotations

import dataclasses
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tinyinfer as ti
from tinyinfer import models
from tinyinfer.errors import InputError

torch = pytest.importorskip("torch")

from tinyinfer.training import objectives, schedule  # noqa: E402
from tinyinfer.training.__main__ import main, options, small_share  # noqa: E402
from tinyinfer.training.data import BATCH, Pictures, batches, read  # noqa: E402
from tinyinfer.training.run import Recipe, Run, top1  # noqa: E402

NAMES = ["dark", "light"]


@pytest.fixture(scope="module")
def data() -> Pictures:
    """Two batches of noise, of which the lighter half is another class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 2 * BATCH)
    pixels = rng.integers(0, 128, (2 * BATCH, 3, 32, 32)) + 127 * labels[:, None, None, None]
    return Pictures(torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels), NAMES)


def begin(recipe: Recipe, width: float = 0.1) -> Run:
    graph = models.create("mobilenet_v1_cifar", width=width, num_classes=2).graph
    teacher = models.create("resnet20_s2", width=0.1, num_classes=2, seed=1).graph
    plain = torch.zeros(2, 3, 32, 32)
    return Run(objectives.make(graph, [teacher], "logits", plain, seed=recipe.seed), recipe, steps_per_epoch=2)


def trained(run: Run, data: Pictures, until: int, threads: int = 2) -> Run:
    with ThreadPoolExecutor(threads) as pool:
        while run.epoch < until:
            run.train_epoch(data, pool)
    return run


def same(a: Run, b: Run) -> bool:
    return all(torch.equal(x, y) for x, y in zip([*a.params, *a.average], [*b.params, *b.average], strict=True))


@pytest.mark.parametrize("bf16", [False, True])
def test_a_stopped_run_gives_the_same_weights(data: Pictures, tmp_path: Path, bf16: bool) -> None:
    recipe = Recipe(epochs=2, rate=0.1, seed=3, bf16=bf16)
    whole = trained(begin(recipe), data, 2)
    trained(begin(recipe), data, 1, threads=1).save(tmp_path / "run.pt")
    again = begin(recipe)
    again.load(tmp_path / "run.pt")
    assert (again.epoch, again.steps, len(again.log)) == (1, 2, 1)
    assert same(trained(again, data, 2), whole)
    changes: tuple[dict[str, float], ...] = ({"seed": 4}, {"bf16": not bf16}, {"blend": 0.5})
    for other in (dataclasses.replace(recipe, **change) for change in changes):  # type: ignore[arg-type]
        assert not same(trained(begin(other), data, 2), whole)
    assert {p.dtype for p in (*whole.params, *whole.average)} == {torch.float32}


def test_displacements_are_not_trained(data: Pictures) -> None:
    graph = models.create("shiftnet_cifar", num_classes=2, width=0.25, shift_kind="sparse").graph
    before = {key: graph.weights[key].copy() for key in graph.weights if key.endswith("offset")}
    run = trained(
        Run(objectives.make(graph, [], "logits", torch.zeros(2, 3, 32, 32)), Recipe(1, 0.1), steps_per_epoch=2),
        data,
        1,
    )
    after = run.averaged(data).trained()
    assert before
    for key, offset in before.items():
        np.testing.assert_array_equal(after.weights[key], offset)


def test_checkpoints_of_other_runs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    begin(Recipe(epochs=2, rate=0.1)).save(path)
    with pytest.raises(InputError, match=r"expected a checkpoint of .*'epochs': 3.* found one of .*'epochs': 2"):
        begin(Recipe(epochs=3, rate=0.1)).load(path)
    with pytest.raises(InputError, match="another network"):
        begin(Recipe(epochs=2, rate=0.1), width=0.5).load(path)


def test_an_epoch_shows_every_picture_once(data: Pictures) -> None:
    marked = Pictures(data.pixels, torch.arange(len(data.labels)), NAMES)
    orders = [torch.cat([labels for _, labels in batches(marked, seed)]).tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == list(range(len(data.labels)))


def test_schedule() -> None:
    rates = [schedule.rate(0.3, step / 1000) for step in range(1001)]
    assert np.argmax(rates) == pytest.approx(1000 * schedule.WARM_UP, abs=1)
    assert max(rates) == pytest.approx(0.3, rel=1e-3)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert (schedule.size(0.0), schedule.size(0.99), schedule.size(0.0, small=0)) == (24, 32, 32)


def pack(path: Path, data: Pictures) -> None:
    files = []
    for picture in data.pixels.permute(0, 2, 3, 1).numpy():
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "jpeg", quality=75)
        files.append(np.frombuffer(stream.getvalue(), np.uint8))
    ends = np.cumsum([0, *map(len, files)])
    np.savez(path, jpeg=np.concatenate(files), offsets=ends, labels=data.labels.numpy().astype(np.uint8), names=NAMES)


@pytest.fixture(scope="module")
def folder(data: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    for name in ("train", "test"):
        pack(path / f"{name}.npz", data)
    return path


def test_command_line_trains_a_network_and_trains_it_further(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    start = tmp_path / "start.npz"  # what slimming leaves: a network that is in no table
    narrow = models.create("mobilenet_v1_cifar", width=0.1, num_classes=2)
    narrow.meta["arch"] = "mobilenet_v1_cifar"
    narrow.save(start)
    common = ["--rate", "0.4", "--threads", "2", "--augment", "light"]
    main([str(folder), str(first), "--start", str(start), "--epochs", "8", "--checkpoint", f"{tmp_path}/a", *common])
    taught = ["--teacher", str(first), "--distill", "features", "--sparsity", "1e-5"]
    main([str(folder), str(second), "--start", str(first), "--epochs", "1", "--checkpoint", f"{tmp_path}/b",
          *taught, *common])  # fmt: skip
    test_set = read(folder / "test.npz")
    for path in (first, second):
        model = ti.load(path, kernels="reference")
        assert model.meta["accuracy"]["images"] == 2 * BATCH
        how = model.meta["preprocess"]
        x = (test_set.pixels.numpy() * np.float32(how["scale"])).astype(np.float32)
        x = (x - np.float32(how["mean"]).reshape(3, 1, 1)) / np.float32(how["std"]).reshape(3, 1, 1)
        found = (model(x[:BATCH]).argmax(1) == test_set.labels.numpy()[:BATCH]).mean()
        assert found == pytest.approx(model.meta["accuracy"]["top1"], abs=0.05)
        assert found > 0.9  # such classes are easily told apart
    assert (model.meta["arch"], model.meta["name"], model.meta["labels"]) == ("mobilenet_v1_cifar", "second", NAMES)
    assert model.meta["training"]["teacher"] == "first"
    assert model.meta["training"]["before"]["epochs"] == 8
    log = ti.load(first).meta["training"]["log"]
    assert [entry["epoch"] for entry in log] == list(range(1, 9))
    assert log[-1]["loss"] < log[0]["loss"]
    assert [entry["epoch"] for entry in log if "top1" in entry] == [4, 8]
    assert top1(begin(Recipe(1, 0.1)).averaged(test_set), test_set) < 0.9  # an untrained one does not


@pytest.mark.parametrize(
    ("given", "share"),
    [
        (["--arch", "a"], schedule.SMALL),
        (["--start", "a.npz"], 0),
        (["--arch", "a", "--distill", "features"], 0),
        (["--arch", "a", "--distill", "features", "--small", "0.3"], 0.3),
        (["--arch", "a", "--small", "0"], 0),
    ],
)
def test_the_share_of_small_pictures(given: list[str], share: float) -> None:
    assert small_share(options().parse_args(["data", "out", "--checkpoint", "c", *given])) == share


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "resnet20", "--teacher", "none.npz"], "none.npz"),
        (
            ["--arch", "mobilenet_v2"],
            r"expected a network from \(1, 3, 32, 32\) to \(1, 2\), found one from \(1, 3, 224, 224\)",
        ),
        (["--arch", "resnet20", "--blend", "0.5"], "--blend: expected --teacher and --distill logits"),
        (["--arch", "resnet20", "--blend", "50"], "--blend: expected a share from 0 to 1, found 50"),
    ],
)
def test_what_does_not_fit_is_said(folder: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(ti.TinyInferError, match=message):
        main([str(folder), f"{tmp_path}/out.npz", *arguments, "--checkpoint", f"{tmp_path}/run.pt"])
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_packed_set_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", labels=np.zeros(3))
    with pytest.raises(InputError, match=r"train\.npz: expected a packed set with jpeg, offsets, labels, names"):
        read(tmp_path / "train.npz")
