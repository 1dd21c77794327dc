"""Pulling from a server on this machine: what arrives is kept, and what does not leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkpoints import zip_checkpoint
from cli_process import start
from hub_server import PAGE, Answer, Hub, cut, quoted_sha256, redirect, refuse, slow, whole
from PIL import Image
from python_process import LONG

import tinyinfer as ti
from tinyinfer.errors import DownloadError, InputError, UnsupportedOpError, WeightsError
from tinyinfer.hub import find, pulled_file
from tinyinfer.hub.download import stay_safe
from tinyinfer.labels import label_sets


def test_a_pulled_name_stands_for_the_public_weights(
    hub: Hub, checkpoint: bytes, weights: dict[str, np.ndarray]
) -> None:
    hub.add(
        "resnet20",
        "resnet20.pth",
        whole(checkpoint),
        sha256=quoted_sha256(checkpoint),
        top1=91.73,
        preprocess='{ resize = 40, crop = 32, interpolation = "bicubic" }',
    )
    assert pulled_file("resnet20") is None
    assert "published" not in ti.load("resnet20").meta
    seen: list[tuple[int, int | None]] = []
    path = ti.pull("resnet20", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(checkpoint), len(checkpoint))
    assert path == pulled_file("resnet20") == pulled_file("resnet20_cifar10")
    model = ti.load("resnet20")
    assert all(np.array_equal(model.graph.weights[key], array) for key, array in weights.items())
    meta = model.meta
    assert (meta["source"], meta["licence"]) == (f"{hub.server.url}/resnet20.pth", "MIT")
    assert (meta["published"], meta["labels"][3]) == ({"top1": 91.73}, "cat")
    assert meta["checksum"] == f"sha256:{quoted_sha256(checkpoint).strip(chr(34))}"
    assert {**meta["preprocess"], "resize": 40, "interpolation": "bicubic"} == meta["preprocess"]
    assert hub.kept() == ["hub/resnet20.npz"]


def test_weights_that_know_a_background(hub: Hub) -> None:
    """As TensorFlow's networks do, in files whose number of classes is not the network's own."""
    state = dict(ti.models.create("squeezenet1_1", num_classes=1001).graph.weights)
    hub.add("squeezenet1_1", "a.pth", whole(zip_checkpoint(state)), labels='"imagenet1001"')
    ti.pull("squeezenet1_1")
    model = ti.load("squeezenet1_1")
    assert model.outputs[0][1][1] == 1001
    assert model.meta["labels"][:2] == ["background", label_sets.get("imagenet")[0]]


NCNN = "7767517\n2 2\nInput data 0 1 data 0=8 1=8 2=3\nInnerProduct fc 1 1 data out 0=2 1=1 2=384\n"


def ncnn_weights() -> bytes:
    return bytes(4) + np.arange(386, dtype="<f4").tobytes()


def test_a_file_that_holds_its_network_with_the_weights_beside_it(hub: Hub) -> None:
    data = ncnn_weights()
    facts = {
        "kind": '"file"',
        "weights": '"net.bin"',
        "weights_sha256": quoted_sha256(data),
        "preprocess": "{ resize = [8, 8] }",
        "labels": '["cat", "dog"]',
        "task": '"classify"',
    }
    hub.add("small", "net.param", whole(NCNN.encode()), **facts)
    hub.server.answers["/net.bin"] = whole(data)
    with pytest.raises(UnsupportedOpError, match="small: it has not been pulled: tinyinfer pull small"):
        ti.load("small")
    ti.pull("small")
    assert hub.kept() == ["hub/small.npz"]
    meta = ti.load("small").meta
    assert (meta["name"], meta["labels"], meta["task"]) == ("small", ["cat", "dog"], "classify")
    assert meta["preprocess"] == {"resize": [8, 8]}


def test_copies_of_both_files_are_checked(hub: Hub, tmp_path: Path) -> None:
    data, copy = ncnn_weights(), tmp_path / "copy.param"
    hub.add("small", "net.param", None, kind='"file"', weights='"net.bin"', weights_sha256=quoted_sha256(data))
    copy.write_text(NCNN)
    copy.with_suffix(".bin").write_bytes(data[:-1] + b"x")
    with pytest.raises(DownloadError, match=r"copy\.bin"):
        ti.pull("small", file=copy)
    assert hub.kept() == []
    copy.with_suffix(".bin").write_bytes(data)
    assert ti.pull("small", file=copy).is_file()


def test_what_is_there_is_not_fetched_again_unless_asked(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", whole(checkpoint))
    ti.pull("resnet20")
    ti.pull("resnet20")
    assert hub.server.asked["/a.pth"] == 1
    ti.pull("resnet20", again=True)
    assert hub.server.asked["/a.pth"] == 2


def test_a_connection_that_breaks_off_is_tried_again(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", cut(checkpoint, times=2), sha256_prefix=quoted_sha256(checkpoint, 8))
    ti.pull("resnet20")
    assert hub.server.asked["/a.pth"] == 3


def test_a_busy_server_is_tried_again(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", refuse(503, times=1, body=checkpoint))
    ti.pull("resnet20")
    assert hub.server.asked["/a.pth"] == 2


def test_redirects_are_followed(hub: Hub, checkpoint: bytes) -> None:
    hub.server.answers["/elsewhere/b.pth"] = whole(checkpoint)
    hub.add("resnet20", "a.pth", redirect("/elsewhere/b.pth"), sha256=quoted_sha256(checkpoint))
    assert ti.pull("resnet20").is_file()


@pytest.mark.parametrize(
    ("answer", "expected", "asked"),
    [
        (cut(b"x" * 1000), "broke off in the middle.*4 attempts", 4),
        (refuse(404), "answered 404 Not Found", 1),
        (refuse(403), "answered 403 Forbidden", 1),
        (refuse(500), "answered 500.*4 attempts", 4),
        (whole(PAGE), "expected a file whose sha256 begins with 1111.*found a web page", 1),
        (whole(b"x" * 1000), "expected a file whose sha256 begins with 1111.*found 1000 bytes", 1),
        (whole(b""), "found 0 bytes", 1),
        (redirect("/a.pth"), "can't reach", 4),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(hub: Hub, answer: Answer, expected: str, asked: int) -> None:
    hub.add("resnet20", "a.pth", answer, sha256_prefix='"11111111"')
    with pytest.raises(DownloadError, match=f"(?s)resnet20: {hub.server.url}/a.pth: .*{expected}.*--file a.pth"):
        ti.pull("resnet20")
    assert hub.kept() == []
    if expected != "can't reach":
        assert hub.server.asked["/a.pth"] == asked


def test_https_is_not_left() -> None:
    def answer(url: str, onward: str) -> SimpleNamespace:
        return SimpleNamespace(url=url, headers={"location": onward})

    stay_safe(answer("https://a/file", "https://b/file"))
    stay_safe(answer("https://a/file", "/elsewhere"))
    stay_safe(SimpleNamespace(url="https://a/file", headers={}))
    with pytest.raises(DownloadError, match="https://a/file: redirected to http://b/file, which is not https"):
        stay_safe(answer("https://a/file", "http://b/file"))


def test_no_server_at_all(hub: Hub) -> None:
    hub.add("resnet20", "a.pth")
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(DownloadError, match=r"can't reach 127\.0\.0\.1:\d+ \(.*\); are you offline\?"):
        ti.pull("resnet20")
    assert hub.kept() == []


def test_a_failed_second_pull_leaves_the_first(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", whole(checkpoint), sha256=quoted_sha256(checkpoint))
    before = ti.pull("resnet20").read_bytes()
    hub.server.answers["/a.pth"] = whole(PAGE)
    with pytest.raises(DownloadError, match="a web page"):
        ti.pull("resnet20", again=True)
    assert ti.pull("resnet20").read_bytes() == before
    assert hub.kept() == ["hub/resnet20.npz"]


def test_weights_of_another_network_are_refused(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet32", "a.pth", whole(checkpoint), sha256=quoted_sha256(checkpoint))
    with pytest.raises(WeightsError, match="missing"):
        ti.pull("resnet32")
    assert hub.kept() == []


def test_a_copy_from_elsewhere(hub: Hub, checkpoint: bytes, tmp_path: Path) -> None:
    hub.add("resnet20", "a.pth", sha256=quoted_sha256(checkpoint))
    copy = tmp_path / "copy.pth"
    copy.write_bytes(checkpoint)
    ti.pull("resnet20", file=copy)
    assert copy.exists()
    assert not hub.server.asked
    copy.write_bytes(checkpoint + b"x")
    with pytest.raises(DownloadError, match=r"copy\.pth: expected a file whose sha256"):
        ti.pull("resnet20", file=copy, again=True)
    with pytest.raises(DownloadError, match=r"nowhere\.pth: No such file"):
        ti.pull("resnet20", file=tmp_path / "nowhere.pth", again=True)


def test_a_folder_that_cannot_be_written(
    hub: Hub, checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")  # as root, permissions stop nobody
    monkeypatch.setenv("TINYINFER_CACHE_DIR", str(tmp_path / "file"))
    hub.add("resnet20", "a.pth", whole(checkpoint))
    with pytest.raises(DownloadError, match=r"file/hub: .* \(TINYINFER_CACHE_DIR names another folder\)"):
        ti.pull("resnet20")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions stop nobody here")
def test_a_read_only_folder(hub: Hub, checkpoint: bytes) -> None:
    hub.folder.mkdir()
    hub.folder.chmod(0o500)
    hub.add("resnet20", "a.pth", whole(checkpoint))
    with pytest.raises(DownloadError, match="Permission denied"):
        ti.pull("resnet20")


def _pull(folder: str, registry: str) -> None:
    os.environ.update(TINYINFER_CACHE_DIR=folder, TINYINFER_HUB=registry, NO_PROXY="*")
    ti.pull("resnet20", again=True)


def test_several_pull_the_same_at_once(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", whole(checkpoint), sha256=quoted_sha256(checkpoint))
    context = multiprocessing.get_context("spawn")
    pullers = [context.Process(target=_pull, args=(str(hub.folder), str(hub.registry))) for _ in range(3)]
    for process in pullers:
        process.start()
    for process in pullers:
        process.join(60)
    assert [process.exitcode for process in pullers] == [0, 0, 0]
    assert hub.kept() == ["hub/resnet20.npz"]
    assert "published" in ti.load("resnet20").meta


def test_names(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", whole(checkpoint))
    assert find("resnet20_cifar10").name == "resnet20"  # another name of the network
    with pytest.raises(UnsupportedOpError, match=r"'resnet2' can't be pulled: .*; near: resnet20"):
        ti.pull("resnet2")
    with pytest.raises(UnsupportedOpError, match="'vgg11' can't be pulled"):
        ti.pull("vgg11")
    for name in ("", "..", "../resnet20", "a/b"):
        assert pulled_file(name) is None


# -- the command line ----------------------------------------------------------------------------


def environment(hub: Hub) -> dict[str, str]:
    return {"TINYINFER_CACHE_DIR": str(hub.folder), "TINYINFER_HUB": str(hub.registry), "NO_PROXY": "*"}


def call(hub: Hub, *arguments: object) -> tuple[int, str, str]:
    process = start(*arguments, env=environment(hub), text=True)
    out, err = process.communicate(timeout=LONG)
    return process.returncode, out, err


def test_pull_then_run(hub: Hub, checkpoint: bytes, tmp_path: Path) -> None:
    hub.add("resnet20", "a.pth", whole(checkpoint), sha256=quoted_sha256(checkpoint), top1=91.73)
    picture = tmp_path / "photo.png"
    Image.new("RGB", (40, 36), (10, 200, 30)).save(picture)
    code, _, err = call(hub, "run", "resnet20", picture, "--kernel", "reference")
    assert (code, err) == (
        5,
        "tinyinfer: resnet20: a network's name alone has no trained weights; "
        "get the public ones: tinyinfer pull resnet20\n",
    )
    code, out, err = call(hub, "pull", "resnet20")
    assert (code, out) == (0, "")
    assert "resnet20.npz" in err
    assert "licence MIT; top1 91.73 % published" in err
    code, out, _ = call(hub, "run", "resnet20", picture, "--kernel", "reference", "--top", "2")
    assert code == 0
    assert len(out.splitlines()) == 3
    code, out, _ = call(hub, "summary", "resnet20")
    assert code == 0
    code, out, _ = call(hub, "pull", "--json")
    assert '"file": null' not in out


def test_interrupting_a_pull_leaves_nothing(hub: Hub, checkpoint: bytes) -> None:
    hub.add("resnet20", "a.pth", slow(checkpoint))
    process = start("pull", "resnet20", env=environment(hub), text=True)
    while not hub.kept():  # until it is in the middle of the file
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONG)
    assert (process.returncode, err) == (130, "tinyinfer: interrupted\n")
    assert hub.kept() == []
    assert list((hub.folder / "hub").iterdir()) == []


def test_usage(hub: Hub) -> None:
    hub.add("resnet20", "a.pth", refuse(404))
    code, _, err = call(hub, "pull", "resnet20")
    assert code == 3
    assert "answered 404" in err
    assert len(err.splitlines()) == 1
    assert call(hub, "pull", "--again")[0] == 2
    assert call(hub, "pull", "resnet21")[0] == 5


def test_a_data_set_that_was_not_pulled(hub: Hub, tmp_path: Path) -> None:
    from tinyinfer.evaluation import datasets

    hub.add("cifar10", "c.tar.gz", kind='"data"')
    with pytest.raises(InputError, match="cifar10: no such file or folder, nor was it pulled: tinyinfer pull cifar10"):
        datasets.read("cifar10")


# -- public key lists ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mobilenet_v2", "squeezenet1_1", "timm_tf_mobilenetv3_small_100"])
def test_checkpoints_of_public_key_lists(name: str, hub: Hub, shared: Path, tmp_path: Path) -> None:
    from golden_files import error, golden_fill, write_checkpoint

    fill = golden_fill(shared)
    (record,) = (record for record in fill.records() if record["name"] == name)
    path = write_checkpoint(tmp_path / "checkpoint.pth", fill.state_dict(record))
    body = path.read_bytes()
    short = name.removeprefix("timm_")
    hub.add(short, path.name, whole(body), sha256=quoted_sha256(body))
    ti.pull(short)
    x = fill.input_image(record["input_shape"], record["input_seed"])
    assert error(ti.load(short, kernels="reference"), x, fill.outputs(record)["y"]) <= record["tol"]
