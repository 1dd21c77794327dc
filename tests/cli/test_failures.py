"""What goes wrong: one line on stderr, no traceback, and the exit code that says whose fault it is."""

from __future__ import annotations

import json
import os
import signal
import sys

import bad_checkpoints
import bad_inputs
import numpy as np
import pytest
from cli_process import start
from PIL import Image
from python_process import LONG, environment

import tinyinfer.checkpoints.conversion
from tinyinfer.errors import ModelFormatError
from tinyinfer.loading import load

USAGE, MODEL, IMAGE, UNSUPPORTED = 2, 3, 4, 5
PLAIN = ("--kernel", "reference")


def check(answer, code, *words):
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1, answer.err
    assert answer.err.startswith("tinyinfer: ")
    assert "Traceback" not in answer.err
    for word in words:
        assert str(word) in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", "net.npz"],
        ["run", "net.npz", "a.jpg", "--top", "0"],
        ["run", "net.npz", "a.jpg", "--top", "many"],
        ["run", "net.npz", "a.jpg", "--threads", "0"],
        ["run", "net.npz", "a.jpg", "--no-such-option"],
        ["run", "net.npz", "a.jpg", "--kernel", "conv2d"],
        ["run", "net.npz", "a.jpg", "--kernel", "=im2col"],
        ["run", "net.npz", "a.jpg", "--kernel", "reference", "--kernel", "conv2d=im2col"],
        ["summary", "resnet18", "--input", "1x3xax8"],
        ["summary", "resnet18", "--input", "0x3x8x8"],
        ["summary", "resnet18", "--by", "colour"],
        ["profile", "resnet20", "--repeats", "0"],
        ["profile", "resnet20", "--threads", "1,0"],
        ["profile", "resnet20", "--threads", "1,2", "--trace", "trace.json"],
        ["profile", "resnet20", "--threads", "1,2", "--kernel", "reference"],
        ["profile", "resnet20", "resnet20", "--threads", "1,2"],
        ["profile", "resnet20", "resnet20", "resnet20"],
        ["profile", "resnet20", "a.png", "b.png"],
        ["profile", "resnet20", "--against", "run.json"],
        ["profile", "resnet20", "resnet20", "--csv", "rows.csv"],
        ["bench", "resnet20", "--threads", "1,x"],
        ["bench", "resnet20", "--batch", ""],
        ["bench", "resnet20", "--input", "x=1x3x32x32"],
        ["bench", "resnet20", "--sweep", "batch=1,x"],
        ["bench", "resnet20", "--layers", "--sweep", "batch"],
        ["bench", "resnet20", "--layers", "--against", "onnxruntime"],
        ["bench", "resnet20", "--layers", "--batch", "1,2"],
        ["bench", "resnet20", "--layers", "--memory"],
        ["bench", "resnet20", "--memory", "--sweep", "batch"],
        ["bench", "resnet20", "--memory", "--plot", "memory.svg"],
        ["compare", "resnet20", "--kernel", "reference"],
        ["convert", "a.pth"],
        ["convert", "a.pth", "-o", "a.onnx"],
        ["convert", "a.pth", "-o", "a.npz", "--input", "1x3xa"],
        ["export", "net.npz", "-o", "net.tflite"],
        ["export", "net.npz", "-o", "net.safetensors", "--opset", "17"],
        ["run", "net.npz", "--inputs", "x="],
        ["run", "net.npz", "--inputs", "x=a.npy", "--inputs", "x=b.npy"],
        ["run", "net.npz", "--input", "x=1x3,x=1x3"],
        ["profile", "net.npz", "--input", "1x0"],
        ["convert", "a.pth", "-o", "a.npz", "--knob", "padding"],
        ["draw", "resnet20"],
        ["eval", "net.npz", "folder", "--batch", "0"],
    ],
    ids=" ".join,
)
def test_wrong_command_lines(ti, arguments):
    check(ti(*arguments), USAGE, "--help")


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_wrong_preprocess(ti, text, tmp_path):
    np.savez(tmp_path / "w.npz", **tinyinfer.models.create("squeezenet1_1", num_classes=2).graph.weights)
    check(ti("convert", tmp_path / "w.npz", "-o", tmp_path / "n.npz", "--preprocess", text), USAGE, "--preprocess")
    check(ti("convert", tmp_path / "w.npz", "-o", tmp_path / "n.npz", "--preprocess", '{"crop": -1}'), MODEL, "crop")
    assert not (tmp_path / "n.npz").exists()


@pytest.mark.parametrize("verb", ["run", "summary", "profile", "bench", "compare", "export", "draw", "eval"])
def test_unknown_model(ti, verb, tmp_path):
    more = {"run": ["a.jpg"], "export": ["-o", "a.onnx"], "draw": ["-o", "a.svg"], "eval": ["set"]}.get(verb, [])
    check(ti(verb, "mobilenet_v9", *more), UNSUPPORTED, "no such file", "near: mobilenet_v2")
    check(ti(verb, tmp_path / "none.npz", *more), MODEL, "none.npz", "No such file")
    check(ti(verb, tmp_path / "none", *more), MODEL, "no such file")
    check(ti(verb, tmp_path, *more), MODEL, "found a folder")
    check(ti(verb, tmp_path / "net.pth", *more), UNSUPPORTED, "convert it first")


@pytest.mark.parametrize("verb", ["run", "export", "eval"])
def test_a_name_has_no_trained_weights(ti, verb):
    more = {"run": ["a.jpg"], "export": ["-o", "a.onnx"], "eval": ["set"]}[verb]
    check(ti(verb, "resnet18", *more), UNSUPPORTED, "no trained weights", "tinyinfer pull resnet18")


def test_unknown_family_and_kernel(ti, model_file, pictures):
    check(ti("models", "squeezenets"), UNSUPPORTED, "squeezenet")
    check(ti("run", model_file, pictures / "a.png", "--kernel", "conv2d=magic"), IMAGE, "magic", "im2col")


@pytest.mark.parametrize("bad", bad_inputs.bad_npz(), ids=lambda bad: bad.name)
def test_bad_model_files(ti, bad, tmp_path):
    (tmp_path / "net.npz").write_bytes(bad.data)
    check(ti("summary", tmp_path / "net.npz"), bad.error.exit_code, "net.npz")


@pytest.mark.parametrize("bad", bad_checkpoints.bad_torch(), ids=lambda bad: bad.name)
def test_bad_checkpoints(ti, bad, tmp_path):
    if bad.name == "safetensors":  # whose reader takes it, whatever it is called
        bad = bad._replace(error=ModelFormatError)
    (tmp_path / "net.pth").write_bytes(bad.data)
    check(ti("convert", tmp_path / "net.pth", "-o", tmp_path / "net.npz"), bad.error.exit_code, "net.pth")
    assert os.listdir(tmp_path) == ["net.pth"]


def test_checkpoints_that_do_not_fit(ti, tmp_path):
    weights = dict(tinyinfer.models.create("squeezenet1_1", num_classes=2).graph.weights)
    convert = ("convert", tmp_path / "w.npz", "-o", tmp_path / "n.npz")
    np.savez(tmp_path / "w.npz", **weights)
    check(ti(*convert, "--arch", "squeezenets"), UNSUPPORTED, "squeezenet1_1")
    check(ti(*convert, "--arch", "squeezenet1_1", "--knob", "colour=blue"), IMAGE, "colour")
    check(ti(*convert, "--labels", tmp_path / "none.txt"), IMAGE, "none.txt")
    (tmp_path / "labels.txt").write_bytes(b"caf\xe9\nb\n")
    check(ti(*convert, "--labels", tmp_path / "labels.txt"), IMAGE, "UTF-8")
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    check(ti(*convert, "--labels", tmp_path / "labels.txt"), IMAGE, "expected 2 labels", "found 3")
    del weights["classifier.1.bias"]
    np.savez(tmp_path / "w.npz", **weights)
    check(ti(*convert), MODEL, "classifier.1.bias")
    check(ti("convert", tmp_path / "none.pth", "-o", tmp_path / "n.npz"), MODEL, "none.pth")
    for name in ("w.onnx", "w.tflite", "w.param", "w.safetensors"):
        check(ti("convert", tmp_path / name, "-o", tmp_path / "n.npz"), MODEL, name, "No such file")


def test_bad_pictures(ti, model_file, tmp_path):
    bad = tmp_path / "bad.png"
    for data in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(40), b"%PDF-1.7"):
        bad.write_bytes(data)
        check(ti("run", model_file, bad, *PLAIN), IMAGE, "bad.png")
    check(ti("run", model_file, tmp_path / "none.png", *PLAIN), IMAGE, "none.png")
    check(ti("profile", model_file, bad, *PLAIN), IMAGE, "bad.png")
    check(ti("compare", model_file, bad), IMAGE, "bad.png")


def test_bad_data_sets(ti, model_file, tmp_path):
    check(ti("eval", model_file, tmp_path / "none", *PLAIN), IMAGE, "none")
    check(ti("eval", model_file, tmp_path, *PLAIN), IMAGE, "one folder for each class")
    (tmp_path / "zebra").mkdir()
    check(ti("eval", model_file, tmp_path, *PLAIN), IMAGE)
    (tmp_path / "set.npz").write_bytes(b"PK\x03\x04nothing")
    check(ti("eval", model_file, tmp_path / "set.npz", *PLAIN), IMAGE, "set.npz")


def test_shapes_that_do_not_fit(ti, model_file):
    check(ti("profile", model_file, "--input", "1x4x16x16"), IMAGE)
    check(ti("profile", model_file, "--input", "3x16x16"), IMAGE)
    check(ti("summary", "resnet18", "--input", "1x3x1x1x1"), IMAGE)


def test_a_model_that_knows_no_preprocessing(ti, tmp_path, pictures, model_file):
    model = load(model_file)
    del model.meta["preprocess"]
    model.save(tmp_path / "bare.npz")
    check(ti("run", tmp_path / "bare.npz", pictures / "a.png", *PLAIN), IMAGE, "preprocess")


@pytest.mark.parametrize("verb", ["convert", "export", "draw", "profile"])
def test_output_folder_is_missing_or_read_only(ti, verb, model_file, tmp_path, monkeypatch):
    if verb == "export":
        pytest.importorskip("onnx")
    arguments = {
        "convert": ["convert", model_file, "-o"],
        "export": ["export", model_file, "-o"],
        "draw": ["draw", model_file, "-o"],
        "profile": ["profile", model_file, *PLAIN, "--repeats", 1, "--csv"],
    }[verb]
    missing = tmp_path / "none" / "out.npz"
    check(ti(*arguments, missing), IMAGE, f"{missing}: No such file")
    if os.name == "posix" and os.geteuid() != 0:
        tmp_path.chmod(0o500)
        check(ti(*arguments, tmp_path / "out.npz"), IMAGE, f"{tmp_path}/out.npz: Permission denied")
        tmp_path.chmod(0o700)
    assert os.listdir(tmp_path) == []


def test_debug_shows_the_traceback(ti, tmp_path):
    for arguments in (["--debug", "summary", "none.npz"], ["summary", "none.npz", "--debug"]):
        code, _, err = ti(*arguments)
        assert code == MODEL
        assert "Traceback" in err
        assert err.splitlines()[-1].startswith("tinyinfer: none.npz")


def test_a_mistake_of_ours_is_one_line_too(ti, monkeypatch):
    def fail(*_args, **_options):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("tinyinfer.models.registry.find", fail)
    check(ti("models", "resnet"), 1, "ZeroDivisionError: division by zero", "--debug")


def test_warnings_are_one_line(ti, model_file, monkeypatch, tmp_path):
    import warnings

    monkeypatch.setattr("tinyinfer.drawing.draw.draw", lambda *_, **__: warnings.warn("odd", stacklevel=1) or "<svg/>")
    assert ti("draw", model_file, "-o", tmp_path / "a.svg") == (0, "", "tinyinfer: warning: odd\n")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(model_file, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    pixels = Image.fromarray(np.zeros((16, 16, 3), np.uint8))
    for i in range(20_000):
        (pictures / f"{i:05}.bmp").hardlink_to(pictures / "00000.bmp") if i else pixels.save(pictures / "00000.bmp")
    process = start("run", model_file, pictures, *PLAIN, env={"PYTHONUNBUFFERED": "1"})
    assert process.stdout.readline()  # nobody reads on, so that it can't come to its end
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert err.decode() == "tinyinfer: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize(
    "arguments", [["models", "squeezenet"], ["summary", "mobilenet_v2"], ["summary", "resnet18", "--json"]]
)
def test_closed_pipe(arguments):
    read, write = os.pipe()
    os.close(read)
    process = start(*arguments, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 141
    assert err == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk():
    with open("/dev/full", "wb") as full:
        process = start("models", "squeezenet", stdout=full)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == IMAGE
    assert err == b"tinyinfer: output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="descriptors")
def test_closed_stdout_and_stderr():
    process = start("models", "squeezenet", stdout=None, stderr=None, preexec_fn=lambda: (os.close(1), os.close(2)))
    assert process.wait(LONG) == 0


def test_output_that_can_not_encode(ti_process, model_file, tmp_path):
    names = ["Käse.png", "写真.png"]
    for name in names:
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / name)
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    code, out, err = ti_process("run", model_file, tmp_path, *PLAIN, env=ascii_only)
    assert (code, err) == (0, "")
    assert "K\\xe4se.png" in out
    code, out, _ = ti_process("run", model_file, tmp_path, "--json", *PLAIN, env=ascii_only)
    assert [row["image"] for row in json.loads(out)] == [str(tmp_path / name) for name in names]
    code, out, err = ti_process("summary", model_file, env=ascii_only)
    assert (code, err) == (0, "")
    assert out.isascii()
    code, _, err = ti_process("run", model_file, tmp_path / "Ödland.png", *PLAIN, env=ascii_only)
    assert code == IMAGE
    assert "\\xd6dland.png" in err


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_file_names_that_are_not_text(ti_process, model_file, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.png"
    with open(name, "wb") as file:
        Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, "png")
    code, out, err = ti_process("run", model_file, os.fsdecode(name), "--json", *PLAIN, env={"PYTHONUTF8": "1"})
    assert (code, err) == (0, "")
    assert json.loads(out)[0]["image"] == os.fsdecode(name)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["run", "--help"], ["models", "squeezenet"], ["summary", "mobilenet_v2"], ["convert"], ["draw"]],
)
def test_what_needs_no_kernel_imports_no_numba(ti_process, arguments, tmp_path):
    if arguments == ["convert"]:
        np.savez(tmp_path / "w.npz", **tinyinfer.models.create("squeezenet1_1", num_classes=2).graph.weights)
        arguments = ["convert", tmp_path / "w.npz", "-o", tmp_path / "n.npz"]
    elif arguments == ["draw"]:
        arguments = ["draw", "resnet20", "-o", tmp_path / "n.svg"]
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "numba.py").write_text("raise SystemExit('numba was imported')")
    if "--help" in arguments:
        (blocked / "numpy.py").write_text("raise SystemExit('numpy was imported')")
    assert ti_process(*arguments, env=environment(before=[blocked])).code == 0
