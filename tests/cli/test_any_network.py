"""Files of other engines wherever a model is named, and networks of which nobody has said what they are for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_networks import LABELS as CLASSES
from made_networks import PREPROCESS as PREPARATION
from made_networks import detector, striped
from PIL import Image
from small_networks import residual_network

import tinyinfer
from tinyinfer.builder import Builder
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.loading import load
from tinyinfer.model import Model
from tinyinfer.ops import create

USAGE, MODEL, INPUT = 2, 3, 4
PLAIN = ("--kernel", "reference")
NCNN = """7767517
4 5
Input data 0 1 data 0=16 1=16 2=3
Split split 1 2 data one two
ReLU act 1 1 one above
ReLU leaky 1 1 two below 0=0.5
"""


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier with labels and preparation, exported."""
    pytest.importorskip("onnx")
    path = tmp_path_factory.mktemp("onnx") / "small.onnx"
    preprocess = {"resize": 16, "crop": 16, "mean": [0.5] * 3, "std": [0.25] * 3}
    labels = ["ant", "bee", "cat", "dog", "eel"]
    tinyinfer.export_onnx(
        Model(residual_network(), {"name": "small", "labels": labels, "preprocess": preprocess}), path
    )
    return path


@pytest.fixture
def ncnn_file(tmp_path: Path) -> Path:
    """Two outputs, without weights or a task."""
    (tmp_path / "two.bin").write_bytes(b"")
    (tmp_path / "two.param").write_text(NCNN)
    return tmp_path / "two.param"


@pytest.fixture
def two_inputs(tmp_path: Path) -> Path:
    """The sum of an image and of integers."""
    nodes = [
        Node("float", create("cast", {"dtype": "float32"}), ("more",), ("float",)),
        Node("sum", create("add", {}), ("image", "float"), ("sum",)),
    ]
    inputs = [Input("image", (1, 3, 4, 4), (1, 3, 4, 4)), Input("more", (1, 3, 4, 4), (1, 3, 4, 4), "int32")]
    path = tmp_path / "two.npz"
    Model(Graph(inputs, nodes, ["sum"])).save(path)
    return path


def test_every_verb_takes_an_exported_file(ti, onnx_file, model_file, pictures, tmp_path):
    picture = pictures / "a.png"
    ours, theirs = (json.loads(ti("run", f, picture, "--json", *PLAIN).out) for f in (model_file, onnx_file))
    for one, other in zip(ours[0]["predictions"], theirs[0]["predictions"], strict=True):
        assert one["label"] == other["label"]
        assert one["probability"] == pytest.approx(other["probability"], rel=1e-4)
    for verb, more in {
        "summary": (),
        "profile": (picture, "--repeats", 1, *PLAIN),
        "draw": ("-o", tmp_path / "net.svg"),
        "export": ("-o", tmp_path / "again.onnx", "--opset", 15, "--input", "2x3x16x16"),
        "convert": ("-o", tmp_path / "net.npz", "--preprocess", '{"mean": 0}', "--fp16"),
    }.items():
        assert ti(verb, onnx_file, *more).code == 0, verb
    assert load(tmp_path / "again.onnx").inputs == [("input", (2, 3, 16, 16))]
    assert load(tmp_path / "net.npz").preprocess["mean"] == 0
    assert load(tmp_path / "net.npz").preprocess["std"] == [0.25] * 3
    assert load(tmp_path / "net.npz").meta["labels"][1] == "bee"


def test_convert_names_what_is_for_checkpoints(ti, onnx_file, tmp_path):
    for option in (("--arch", "resnet18"), ("--knob", "width=2"), ("--strip", "a.")):
        code, _, err = ti("convert", onnx_file, "-o", tmp_path / "net.npz", *option)
        assert (code, "holds its network" in err) == (INPUT, True)


def test_weights_alone_know_their_network_again(ti, tmp_path, pictures):
    """Written by export, read by every verb; a note says where an arch would be needed."""
    tinyinfer.models.create("squeezenet1_1", num_classes=3).save(tmp_path / "net.npz")
    weights = tmp_path / "net.safetensors"
    assert ti("export", tmp_path / "net.npz", "-o", weights) == (0, "", "")
    ours, theirs = (json.loads(ti("summary", f, "--json").out)["rows"] for f in (tmp_path / "net.npz", weights))
    assert ours == theirs
    weights.rename(tmp_path / "net.onnx")  # and by what they hold, whatever they are called
    assert ti("convert", tmp_path / "net.onnx", "-o", tmp_path / "again.npz", "--arch", "squeezenet1_1").code == 0
    x = np.ones((1, 3, 64, 64), np.float32)
    np.testing.assert_array_equal(*(load(tmp_path / f, kernels="reference")(x) for f in ("net.npz", "again.npz")))


def test_outputs_without_a_task_are_a_table(ti, ncnn_file):
    code, out, err = ti("run", ncnn_file, "--input", "1x3x5x4", *PLAIN)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Outputs"
    for name, least in (("above", "0"), ("below", "-")):
        (line,) = [line for line in out.splitlines() if line.startswith(name)]
        assert "1x3x5x4 float32" in line
        assert least in line


def test_what_a_reader_notes_is_said_once(ti, ncnn_file, tmp_path):
    """As that a file is not what it is called; of a converted model it was said when it was converted."""
    ncnn_file.rename(tmp_path / "two.onnx")
    code, _, err = ti("summary", tmp_path / "two.onnx")
    assert code == 0
    note = "it is read as ncnn, which it is in spite of its name"
    assert err.splitlines() == [f"tinyinfer: {tmp_path / 'two.onnx'}: {note}"]
    assert "read as ncnn" in ti("convert", tmp_path / "two.onnx", "-o", tmp_path / "net.npz").err
    assert ti("summary", tmp_path / "net.npz").err == ""


def test_outputs_as_json(ti, ncnn_file, tmp_path, rng):
    x = rng.standard_normal((1, 3, 16, 16), np.float32)
    x[0, 0, 0, 0] = np.inf
    np.save(tmp_path / "x.npy", x)
    for name in ("data=", ""):
        code, out, _ = ti("run", ncnn_file, "--inputs", f"{name}{tmp_path / 'x.npy'}", "--json", *PLAIN)
        (found,) = json.loads(out)
        assert code == 0
        above, below = sorted(found["outputs"], key=lambda row: row["name"])
        finite = np.maximum(x, 0)[np.isfinite(x)].astype(np.float64)
        assert (above["shape"], above["dtype"], above["not_finite"], above["top"]) == ([1, 3, 16, 16], "float32", 1, [])
        for key, value in (("min", 0), ("max", finite.max()), ("mean", finite.mean()), ("std", finite.std())):
            assert above[key] == pytest.approx(value)
        assert below["min"] == pytest.approx(x.min() / 2)


def test_values_inside_by_pattern(ti, onnx_file, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 3, 16, 16), np.float32))
    options = ("--inputs", f"input={tmp_path / 'x.npy'}", "--outputs", "stem*,fc*", "--save", tmp_path / "values.npz")
    code, out, _ = ti("run", onnx_file, *options, "--json", "--top", 2, *PLAIN)
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)[0]["outputs"]}
    saved = np.load(tmp_path / "values.npz")
    assert set(rows) == set(saved.files)
    model = load(onnx_file, kernels="reference")
    expected = model.run({"input": np.ones((1, 3, 16, 16), np.float32)}, capture=["stem*", "fc*"])
    for name in rows:
        np.testing.assert_allclose(saved[name], expected[name], rtol=1e-5, atol=1e-6)
    (logits,) = [row for row in rows.values() if row["shape"] == [1, 5]]
    order = np.argsort(-saved[logits["name"]][0])
    assert [top["index"] for top in logits["top"]] == order[:2].tolist()


def test_several_inputs_of_several_dtypes(ti, two_inputs, tmp_path):
    more = np.arange(48, dtype=np.int32).reshape(1, 3, 4, 4)
    np.save(tmp_path / "more.npy", more)
    np.save(tmp_path / "image.npy", np.full((1, 3, 4, 4), 0.5))
    files = ("--inputs", f"more={tmp_path / 'more.npy'}", "--inputs", f"image={tmp_path / 'image.npy'}")
    (found,) = json.loads(ti("run", two_inputs, *files, "--json", *PLAIN).out)
    assert found["outputs"][0]["mean"] == pytest.approx(more.mean() + 0.5)
    assert ti("run", two_inputs, *files[:2], "--json", *PLAIN).code == 0  # random numbers for the other
    Image.fromarray(np.full((4, 4, 3), 255, np.uint8)).save(tmp_path / "white.png")
    options = (tmp_path / "white.png", *files[:2], "--preprocess", "{}", "--json", *PLAIN)
    (found,) = json.loads(ti("run", two_inputs, *options).out)  # a picture for the one that no file is for
    assert found["image"] == str(tmp_path / "white.png")
    assert found["outputs"][0]["mean"] == pytest.approx(more.mean() + 1)
    assert ti("profile", two_inputs, "--repeats", 1, *PLAIN).code == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--inputs", "x.npy"), INPUT, "expected NAME=FILE.npy, for the network has the inputs image, more"),
        (("--inputs", "other=x.npy"), INPUT, "expected one of the inputs image, more, found 'other'"),
        (("--inputs", "image=none.npy"), INPUT, "none.npy: can't be read"),
        (("--inputs", "image=bad.npy"), INPUT, "bad.npy: expected a .npy array"),
        (("--inputs", "more=floats.npy"), INPUT, "input 'more': expected integers"),
        (("--input", "other=1x3"), INPUT, "expected one of the inputs image, more, found 'other'"),
        (("--input", "1x3"), INPUT, "input 'image': expected shape"),
        (("--outputs", "nothing"), INPUT, "outputs: no node is called 'nothing'"),
        (("--save", "folder/none.npz"), INPUT, "folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_does_not_fit_is_said(ti, two_inputs, tmp_path, monkeypatch, options, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.save("floats.npy", np.zeros((1, 3, 4, 4)))
    found = ti("run", two_inputs, *options, *PLAIN)
    assert (found.code, found.out) == (code, "")
    assert len(found.err.splitlines()) == 1
    assert words in found.err


def test_a_task_is_said_on_the_command_line(ti, tmp_path):
    """The made detector's own head, said as a description: its four anchors in a list."""
    plain = detector(np.array([(0, 5.0, 0), (9, 0, 0), (9, 0, 0), (0, 0, 3.0)]))
    path, photo = tmp_path / "plain.npz", tmp_path / "photo.png"
    Model(plain.graph, {"name": "plain"}).save(path)
    Image.fromarray(striped(400, 600)).save(photo)
    anchors = [[x, y, 0.5, 0.5] for y in (0.25, 0.75) for x in (0.25, 0.75)]
    task = {"kind": "ssd", "anchors": anchors, "activation": "softmax", "background": True}
    (tmp_path / "task.json").write_text(json.dumps(task))
    (tmp_path / "names.txt").write_text("\n".join(CLASSES))
    said = ("--preprocess", json.dumps(PREPARATION), "--labels", tmp_path / "names.txt")
    for text in (json.dumps(task), tmp_path / "task.json"):
        code, out, err = ti("run", path, photo, *said, "--task", text, "--draw", tmp_path / "out.png", *PLAIN)
        assert (code, err) == (0, "")
        assert out.splitlines()[1:] == [
            "  cat   98.7%  from 0, 0 to 300, 200",
            "  dog   90.9%  from 300, 200 to 600, 400",
        ]
    assert Image.open(tmp_path / "out.png").size == (600, 400)
    assert ti("convert", path, "-o", tmp_path / "kept.npz", *said, "--task", tmp_path / "task.json").code == 0
    assert ti("run", tmp_path / "kept.npz", photo, *PLAIN).out == out


@pytest.mark.parametrize(("labels", "name"), [(None, "foreground"), (["person"], "person"), (["none", "red"], "red")])
def test_a_mask_of_one_channel_has_two_classes(ti, tmp_path, labels, name):
    """Names of both, of the foreground alone as files for TFLite have it, or of neither."""
    b = Builder()
    graph = b.finish(b.conv2d(b.input(3, 32), 1, 1, name="red", bias=False))
    graph.weights["red.weight"] = np.float32([1, 0, 0]).reshape(1, 3, 1, 1)
    path, photo, target = tmp_path / "net.npz", tmp_path / "photo.png", tmp_path / "out.png"
    meta = {"task": {"kind": "mask"}, "preprocess": {"resize": [32, 32]}, "labels": labels}
    Model(graph, meta).save(path)
    Image.fromarray(striped(90, 120)).save(photo)
    (row,) = json.loads(ti("run", path, photo, "--json", "--draw", target, *PLAIN).out)
    found = {s["label"]: s["share"] for s in row["segments"]}
    other = "none" if labels == ["none", "red"] else "background"
    assert found == pytest.approx({other: 2 / 3, name: 1 / 3}, abs=0.02)
    if "background" in found:  # which keeps its colours
        assert Image.open(target).getpixel((390, 10)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("task", "code", "words"),
    [
        ("{", USAGE, "--task: expected JSON"),
        ("none.json", INPUT, "none.json: expected a file with a JSON object: No such file or directory\n"),
        ('{"kind": "guess"}', MODEL, "kind: expected one of ssd"),
        ('{"kind": "yunet", "stride": 3}', MODEL, "expected the keys strides, overlap, found 'stride'"),
        ('{"kind": "ssd", "overlap": 2}', MODEL, "overlap: expected a number of 0 to 1, found 2"),
    ],
)
def test_wrong_tasks(ti, model_file, pictures, task, code, words):
    found = ti("run", model_file, pictures / "a.png", "--task", task, *PLAIN)
    assert (found.code, found.out) == (code, "")
    assert words in found.err


def test_a_picture_of_the_size_that_is_said(ti, ncnn_file, pictures):
    """--input is what free sizes usually are; with a picture it asks for nothing else."""
    said = ("--preprocess", '{"resize": [6, 5]}', "--task", '{"kind": "mask", "output": "above"}')
    code, out, _ = ti("run", ncnn_file, pictures / "a.png", "--input", "1x3x6x5", *said, *PLAIN)
    assert code == 0
    assert "of the pixels" in out


def test_nothing_to_draw_without_a_task(ti, ncnn_file, pictures, tmp_path):
    options = (pictures / "a.png", "--preprocess", '{"resize": [16, 16]}', "--draw", tmp_path / "out.png", *PLAIN)
    code, out, err = ti("run", ncnn_file, *options)
    assert (code, out) == (USAGE, "")
    assert "has no task whose answer could be drawn" in err
    code, out, _ = ti("run", ncnn_file, *options[:3], *PLAIN)
    assert code == 0
    assert out.splitlines()[:2] == [str(pictures / "a.png"), "Outputs"]
