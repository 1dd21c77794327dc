"""Labels and pictures as people have them, at the command line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import tinyinfer
from tinyinfer.builder import Builder

IMAGE = 4
PLAIN = ("--kernel", "reference")  # compiles nothing


def test_convert_takes_labels_of_networks_for_every_task(ti, tmp_path):
    cases = (("lraspp_mobilenet_v3_large", 21), ("ssdlite320_mobilenet_v3_large", 91), ("squeezenet1_1", 1001))
    for name, classes in cases:
        model = tinyinfer.models.create(name, num_classes=classes)
        np.savez(tmp_path / "weights.npz", **model.graph.weights)
        for count, expected in ((classes, 0), (classes - 1, IMAGE)):
            (tmp_path / "labels.txt").write_text("\n".join(f"class {i} of them" for i in range(count)))
            code, _, err = ti(
                "convert", tmp_path / "weights.npz", "--arch", name, "-o", tmp_path / "net.npz",
                "--labels", tmp_path / "labels.txt",
            )  # fmt: skip
            assert code == expected, err
        assert f"expected {classes} labels, one a class, found {classes - 1}" in err
        assert tinyinfer.load(tmp_path / "net.npz").meta["labels"][-1] == f"class {classes - 1} of them"


@pytest.mark.parametrize("option", [(), ("--labels", "imagenet"), ("--labels", "imagenet1001")])
def test_a_network_of_1001_outputs_has_imagenet_behind_background(ti, tmp_path, option):
    np.savez(tmp_path / "weights.npz", **tinyinfer.models.create("squeezenet1_1", num_classes=1001).graph.weights)
    assert ti("convert", tmp_path / "weights.npz", "-o", tmp_path / "net.npz", *option).code == 0
    assert tinyinfer.load(tmp_path / "net.npz").meta["labels"][:2] == ["background", "tench, Tinca tinca"]


@pytest.mark.parametrize("count", [1, 4, 6])
@pytest.mark.parametrize("labelled", [True, False])
def test_eval_compares_classes_and_outputs(ti, model_file, tmp_path, rng, count, labelled):
    model = tinyinfer.load(model_file)
    if not labelled:
        del model.meta["labels"]
    model.save(tmp_path / "net.npz")
    for i in range(count):
        (tmp_path / "set" / f"kind {i}").mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(
            tmp_path / "set" / f"kind {i}" / "a.jfif", "JPEG"
        )
    code, out, err = ti("eval", tmp_path / "net.npz", tmp_path / "set", *PLAIN)
    assert (code, out) == (IMAGE, "")
    assert "5" in err
    assert str(count) in err


def test_eval_says_what_it_passed_over(ti, model_file, tmp_path, rng):
    (tmp_path / "set" / "ant").mkdir(parents=True)
    Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(tmp_path / "set" / "ant" / "a.jfif", "JPEG")
    (tmp_path / "set" / "ant" / "b.heic").write_bytes(b"")
    (tmp_path / "set" / "bee").mkdir()
    code, out, err = ti("eval", model_file, tmp_path / "set", *PLAIN)
    assert code == 0
    assert "of 1 images" in out
    assert "passed over 1 file whose name does not end as a picture's (1 .heic)" in err
    assert "1 of 2 class folders have no pictures: bee" in err


def test_run_limits_pictures_as_said(ti, model_file, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYINFER_MAX_PIXELS", "100")
    Image.new("RGB", (24, 20)).save(tmp_path / "a.jfif", "JPEG")
    code, _, err = ti("run", model_file, tmp_path, *PLAIN)
    assert code == IMAGE
    assert "expected at most 100 pixels, found 24x20 = 480 (--max-pixels or TINYINFER_MAX_PIXELS" in err
    assert ti("run", model_file, tmp_path, "--max-pixels", "480", *PLAIN).code == 0


def test_export_fixes_sizes_and_takes_an_opset(ti, model_file, tmp_path):
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    assert ti("export", model_file, "-o", path, "--input", "2x3x16x16", "--opset", "15").code == 0
    written = onnx.load(path)
    assert written.opset_import[0].version == 15
    assert [d.dim_value for d in written.graph.input[0].type.tensor_type.shape.dim] == [2, 3, 16, 16]
    for options, code in ((("--opset", "12"), 2), (("--opset", "x"), 2), (("--input", "1x5x16x16"), IMAGE)):
        assert ti("export", model_file, "-o", tmp_path / "other.onnx", *options).code == code
    assert not (tmp_path / "other.onnx").exists()


def test_export_names_the_operator_that_came_later(ti, tmp_path):
    pytest.importorskip("onnx")
    b = Builder()
    graph = b.finish(b.pad(b.input(3, 8), (1, 1, 1, 1), name="around", mode="circular"))
    tinyinfer.Model(graph).save(tmp_path / "net.npz")
    code, _, err = ti("export", tmp_path / "net.npz", "-o", tmp_path / "net.onnx", "--opset", "13")
    assert code == 5
    assert "Pad" in err
    assert "opset 19" in err
