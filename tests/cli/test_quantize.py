"""The verbs quantize and optimize: what they write, print and refuse."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from tinyinfer.loading import load

PLAIN = ("--kernel", "reference")


def test_quantize_writes_a_model(ti, model_file, photos, tmp_path):
    out = tmp_path / "int8.npz"
    code, text, err = ti("quantize", model_file, "-o", out, "--calibrate", photos, *PLAIN)
    assert (code, text) == (0, "")
    assert "9 of 9 nodes compute with 8-bit integers" in err
    assert f"written to {out}" in err
    model = load(out)
    assert {node.op.name for node in model.graph.nodes} >= {"quantized_conv2d", "quantized_linear", "quantized_add"}
    assert ti("run", out, photos / "ant" / "0.png", *PLAIN).code == 0
    assert ti("summary", out).code == 0


def test_quantize_options_reach_the_network(ti, model_file, photos, tmp_path):
    out = tmp_path / "int8.npz"
    options = ("--method", "minmax", "--per-tensor", "--keep", "fc,le*", "--keep", "join", "--no-bias-correction")
    code, text, err = ti(
        "quantize", model_file, "-o", out, "--calibrate", photos, "--limit", 4, "--equalize", "--json", *options, *PLAIN
    )
    assert (code, err) == (0, "")
    done = json.loads(text)
    assert done["output"] == str(out)
    assert done["bytes"] < done["bytes_before"]
    assert done["quantization"] == {
        "dtype": "int8", "method": "minmax", "per_tensor": True, "keep": ["fc", "le*", "join"], "equalize": True,
        "bias_correction": False, "keep_sensitive": None, "samples": 4,
    }  # fmt: skip
    graph = load(out).graph
    assert [n.name for n in graph.nodes if n.op.name in ("conv2d", "linear", "add")] == ["left", "join", "fc"]
    scale = graph.weights[graph.node("stem").params["weight_scale"]]
    assert np.ptp(scale) == 0


def test_sensitivity_report(ti, model_file, photos, tmp_path):
    code, text, err = ti("quantize", model_file, "--calibrate", photos, "--sensitivity", *PLAIN)
    assert (code, err) == (0, "")
    assert "Signal-to-quantisation-noise" in text
    assert all(name in text for name in ("stem", "left", "join", "fc"))
    code, text, _ = ti("quantize", model_file, "--calibrate", photos, "--sensitivity", "--json", *PLAIN)
    rows = json.loads(text)["sensitivity"]["rows"]
    assert [row["alone"] for row in rows] == sorted(row["alone"] for row in rows)


def test_nodes_that_cost_too_much_stay(ti, model_file, photos, tmp_path):
    start = ("quantize", model_file, "--calibrate", photos, *PLAIN)
    rows = json.loads(ti(*start, "--sensitivity", "--json").out)["sensitivity"]["rows"]
    layers = {row["name"]: row["alone"] for row in rows}
    threshold = sorted(layers.values())[2]
    kept = {name for name, alone in layers.items() if alone < threshold}
    out = tmp_path / "int8.npz"
    code, text, err = ti(*start, "-o", out, "--keep-sensitive", repr(threshold))
    assert (code, text, len(kept)) == (0, "", 2)
    assert "nodes that stay float32, with which alone the output has less than" in err
    assert all(name in err for name in kept)
    graph = load(out).graph
    assert not any(graph.node(name).op.name.startswith("quantized_") for name in kept)
    done = json.loads(ti(*start, "-o", out, "--keep-sensitive", repr(threshold), "--sensitivity", "--json").out)
    assert set(done["kept_sensitive"]) == set(done["sensitivity"]["kept"]) == set(done["quantization"]["keep"]) == kept
    optimized = ("optimize", *start[1:], "-o", out, "--quantize", "int8", "--keep-sensitive", repr(threshold))
    assert all(name in ti(*optimized).err for name in kept)
    assert not any(load(out).graph.node(name).op.name.startswith("quantized_") for name in kept)


def test_optimize_shows_before_and_after(ti, model_file, photos, tmp_path):
    out = tmp_path / "fast.npz"
    code, text, err = ti(
        "optimize", model_file, "-o", out, "--reparameterize", "--quantize", "int8", "--calibrate", photos,
        "--dataset", photos, *PLAIN,
    )  # fmt: skip
    assert code == 0
    for line in ("size, MB", "parameters, M", "mult-adds, M", "time, ms", "top-1", "agreement: same top-1 on"):
        assert line in text
    assert f"written to {out}" in err
    code, text, _ = ti("optimize", model_file, "-o", out, "--reparameterize", "--json", *PLAIN)
    done = json.loads(text)
    assert (code, done["agreement"]["top1"], done["before"]["top1"]) == (0, 1.0, None)
    assert "batch_norm" not in {node.op.name for node in load(out).graph.nodes}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("quantize", "MODEL", "--calibrate", "PHOTOS"), "expected --output OUT.npz"),
        (("quantize", "MODEL", "-o", "OUT"), "expected --calibrate FOLDER|DATASET"),
        (("quantize", "MODEL", "-o", "out.onnx", "--calibrate", "PHOTOS"), "expected a name that ends in .npz"),
        (("quantize", "MODEL", "-o", "OUT", "--calibrate", "PHOTOS", "--method", "best"), "best"),
        (("quantize", "MODEL", "-o", "OUT", "--calibrate", "PHOTOS", "--keep-sensitive", "much"), "much"),
        (("optimize", "MODEL", "-o", "OUT"), "there is nothing to do"),
        (("optimize", "MODEL", "-o", "OUT", "--quantize", "int8"), "--quantize needs --calibrate"),
    ],
)
def test_wrong_usage(ti, model_file, photos, tmp_path, arguments, message):
    names = {"MODEL": model_file, "PHOTOS": photos, "OUT": tmp_path / "out.npz"}
    code, _, err = ti(*(names.get(argument, argument) for argument in arguments))
    assert code == 2
    assert message in err


def test_failures_write_nothing(ti, model_file, photos, tmp_path):
    out = tmp_path / "out.npz"
    (tmp_path / "empty").mkdir()
    start = ("quantize", model_file, "-o", out, *PLAIN, "--calibrate")
    code, _, err = ti(*start, tmp_path / "empty")
    assert code == 4
    assert err.startswith(f"tinyinfer: {tmp_path / 'empty'}: expected pictures (")
    assert err.endswith("to calibrate on, found none\n")
    assert ti(*start, tmp_path / "nowhere").code == 4
    assert ti(*start, photos, "--keep", "nothing").code == 4
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    code, _, err = ti(*start, photos)
    assert code == 4
    assert "broken.jpg" in err
    assert not out.exists()
    (photos / "broken.jpg").unlink()
    assert ti(*start, photos).code == 0
    again = tmp_path / "again.npz"
    code, _, err = ti("quantize", out, "-o", again, "--calibrate", photos, *PLAIN)
    assert code == 3
    assert "quantised already" in err
    assert not again.exists()


@pytest.fixture
def pulled(tmp_path, monkeypatch):
    """The data set "cifar10" as if it had been pulled: six pictures of the model's labels."""
    monkeypatch.setenv("TINYINFER_CACHE_DIR", str(tmp_path / "cache"))
    rng, files = np.random.default_rng(0), []
    for _ in range(6):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(stream, "JPEG")
        files.append(stream.getvalue())
    path = tmp_path / "cache" / "hub" / "cifar10.npz"
    path.parent.mkdir(parents=True)
    offsets = np.cumsum([0, *map(len, files)]).astype(np.int64)
    blob = np.frombuffer(b"".join(files), np.uint8)
    names = np.array(["ant", "bee", "cat", "dog", "eel"])
    np.savez(path, jpeg=blob, offsets=offsets, labels=np.uint8([0, 1, 2, 3, 4, 0]), names=names)


@pytest.mark.usefixtures("pulled")
def test_pulled_data_sets_go_by_name(ti, model_file, tmp_path):
    out = tmp_path / "int8.npz"
    code, text, _ = ti("quantize", model_file, "-o", out, "--calibrate", "cifar10", "--json", *PLAIN)
    assert (code, json.loads(text)["quantization"]["samples"]) == (0, 6)
    code, text, _ = ti("eval", out, "cifar10", "--json", *PLAIN)
    assert (code, json.loads(text)["images"]) == (0, 6)
