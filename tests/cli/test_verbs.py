"""What each verb prints and writes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from python_process import environment

import tinyinfer
from tinyinfer.loading import load
from tinyinfer.profiling.cost import cost

VERBS = (
    "run",
    "summary",
    "profile",
    "bench",
    "compare",
    "convert",
    "export",
    "draw",
    "models",
    "warmup",
    "eval",
    "pull",
    "quantize",
    "optimize",
)
PLAIN = ("--kernel", "reference")  # compiles nothing


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example(ti, verb):
    code, out, err = ti(verb, "--help")
    assert (code, err) == (0, "")
    assert f"Example: tinyinfer {verb}" in out
    assert ti(verb, "-h").out == out


def test_top_help_names_every_verb_in_a_whole_sentence(ti):
    code, out, _ = ti("--help")
    lines = {line.split()[0]: line for line in out.partition("Commands:")[2].splitlines() if line}
    assert code == 0
    assert set(VERBS) <= set(lines)
    assert all(line.endswith(".") and not line.endswith("...") for line in lines.values())


def test_without_a_verb_it_shows_help_and_fails(ti):
    code, out, _ = ti()
    assert code == 2
    assert "Commands:" in out


def test_version(ti):
    assert ti("--version").out == f"tinyinfer {tinyinfer.__version__}\n"


def test_run_prints_labels(ti, model_file, pictures):
    code, out, err = ti("run", model_file, pictures / "a.png", "--top", 2, *PLAIN)
    expected = load(model_file).predict(pictures / "a.png", 2)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        str(pictures / "a.png"),
        *(f"  {label}  {probability:6.1%}" for label, probability in expected),
    ]


def test_run_json(ti, model_file, pictures):
    code, out, _ = ti("run", model_file, pictures / "a.png", pictures / "c.jpg", "--json", "--top", 3, *PLAIN)
    rows = json.loads(out)
    assert code == 0
    assert [row["image"] for row in rows] == [str(pictures / "a.png"), str(pictures / "c.jpg")]
    for row in rows:
        assert set(row) == {"image", "predictions"}
        assert len(row["predictions"]) == 3
        assert all(set(p) == {"index", "label", "probability"} for p in row["predictions"])
        chances = [p["probability"] for p in row["predictions"]]
        assert chances == sorted(chances, reverse=True)
        assert all(["ant", "bee", "cat", "dog", "eel"][p["index"]] == p["label"] for p in row["predictions"])


@pytest.mark.parametrize("named", ["folder", "files"])
def test_run_goes_on_past_a_bad_picture(ti, model_file, pictures, named):
    paths = [pictures] if named == "folder" else [pictures / n for n in ("a.png", "b.jpg", "c.jpg")]
    code, out, err = ti("run", model_file, *paths, "--json", *PLAIN)
    assert code == 4
    assert [row["image"] for row in json.loads(out)] == [str(pictures / "a.png"), str(pictures / "c.jpg")]
    assert len(err.splitlines()) == 1
    assert "b.jpg" in err


def test_run_names_a_missing_picture_and_an_empty_folder(ti, model_file, pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = ti("run", model_file, tmp_path / "no.jpg", tmp_path / "empty", pictures / "a.png", *PLAIN)
    assert code == 4
    assert out.startswith(str(pictures / "a.png"))
    assert [line.split()[1].rstrip(":") for line in err.splitlines()] == [f"{tmp_path}/no.jpg", f"{tmp_path}/empty"]


def test_run_profile_adds_a_table(ti, model_file, pictures):
    code, out, _ = ti("run", model_file, pictures / "a.png", "--profile", *PLAIN)
    assert code == 0
    assert "Profile of small" in out
    assert ti("run", model_file, pictures / "a.png", "--profile", "--json").code == 2


def test_run_reads_unicode_names(ti, model_file, pictures):
    odd = pictures / "Käse 写真 🧀.png"
    (pictures / "a.png").rename(odd)
    code, out, _ = ti("run", model_file, odd, *PLAIN)
    assert code == 0
    assert out.splitlines()[0] == str(odd)


def test_summary(ti, model_file):
    counted = cost(load(model_file).graph)
    code, out, err = ti("summary", model_file)
    assert (code, err) == (0, "")
    assert f"{len(counted.rows)} nodes" in out
    found = json.loads(ti("summary", model_file, "--json").out)
    assert len(found["rows"]) == len(counted.rows)
    doubled = json.loads(ti("summary", model_file, "--json", "--input", "2x3x16x16").out)
    assert [row["macs"] for row in doubled["rows"]] == [2 * row["macs"] for row in found["rows"]]


def test_summary_says_how_sizes_follow_from_the_input(ti):
    assert "N,64,(H+3)//4,(W+3)//4" in ti("summary", "resnet18").out
    assert "1x64x8x8" in ti("summary", "resnet18", "--input", "1x3x32x32").out


def test_summary_of_a_name_counts_what_the_paper_does(ti):
    found = json.loads(ti("summary", "mobilenet_v2", "--json").out)
    assert sum(row["macs"] for row in found["rows"]) == 300_774_272
    by_op = json.loads(ti("summary", "mobilenet_v2", "--json", "--by", "op").out)
    assert sum(row["macs"] for row in by_op["rows"]) == 300_774_272


def test_names_allocate_no_weights(ti, monkeypatch, tmp_path):
    def refuse(*_args, **_options):
        raise AssertionError("weights were made")

    for place in ("tinyinfer.models.registry.initialize", "tinyinfer.loading.Model"):
        monkeypatch.setattr(place, refuse)
    assert ti("summary", "resnet18").code == 0
    assert ti("models", "squeezenet").code == 0
    assert ti("draw", "resnet20", "-o", tmp_path / "net.svg").code == 0


def test_models(ti):
    code, out, _ = ti("models", "mobilenet_v2")
    assert code == 0
    assert "mobilenet_v2" in out
    rows = json.loads(ti("models", "--json").out)
    assert [row["name"] for row in rows] == list(tinyinfer.models.names())
    assert all(row["params"] > 0 and row["macs"] > 0 and row["paper"] and row["year"] for row in rows)
    one = json.loads(ti("models", "squeezenet", "--json").out)
    assert {row["name"] for row in one} == {"squeezenet1_0", "squeezenet1_1", "squeezenet_cifar"}


def test_draw(ti, model_file, tmp_path):
    target = tmp_path / "net.svg"
    assert ti("draw", model_file, "-o", target).code == 0
    assert target.read_text(encoding="utf-8").startswith("<svg")


def test_profile_writes_its_reports(ti, model_file, tmp_path):
    files = {name: tmp_path / f"report.{name}" for name in ("trace", "html", "csv")}
    options = [text for name, path in files.items() for text in (f"--{name}", path)]
    code, out, _ = ti("profile", model_file, "--repeats", 2, "--warmup", 0, "--json", *options, *PLAIN)
    rows = json.loads(out)["rows"]
    assert code == 0
    assert json.loads(files["trace"].read_text())["traceEvents"]
    assert "</html>" in files["html"].read_text()
    assert len(list(csv.DictReader(files["csv"].open()))) == len(rows)
    assert {"name", "op", "kernel", "shape", "ms", "macs", "share"} <= set(rows[0])


def test_profile_by_operator_of_a_picture(ti, model_file, pictures):
    code, out, _ = ti("profile", model_file, pictures / "a.png", "--by", "op", "--repeats", 1, *PLAIN)
    assert code == 0
    assert "conv2d" in out


def test_profile_compares_two_networks_and_with_an_earlier_run(ti, model_file, pictures, tmp_path):
    quick = ("--repeats", 1, "--warmup", 0, "--threads", 1)
    page = tmp_path / "page.html"
    code, out, _ = ti("profile", model_file, model_file, pictures / "a.png", "--html", page, "--json", *quick)
    first, second = json.loads(out)
    assert code == 0
    assert [row["name"] for row in first["rows"]] == [row["name"] for row in second["rows"]]
    assert 'id="data-pairs"' in page.read_text(encoding="utf-8")
    assert 'id="data-photo"' in page.read_text(encoding="utf-8")
    assert "of the first's time" in ti("profile", model_file, model_file, "--by", "op", *quick).out
    run = tmp_path / "run.json"
    run.write_text(json.dumps(first), encoding="utf-8")
    assert ti("profile", model_file, "--html", page, "--against", run, *quick).code == 0
    assert 'id="data-graph1"' in page.read_text(encoding="utf-8")
    assert 'id="data-graph0"' not in page.read_text(encoding="utf-8")


def test_profile_with_several_numbers_of_threads(ti, model_file, tmp_path):
    options = ("--threads", "1,2", "--repeats", 1, "--warmup", 0)
    code, out, _ = ti("profile", model_file, *options, "--json", "--csv", tmp_path / "rows.csv")
    found = json.loads(out)
    assert code == 0
    assert list(found["total_ms"]) == ["1", "2"]
    assert {"name", "op", "ms_1", "ms_2", "efficiency"} <= set(found["rows"][0])
    assert len(list(csv.DictReader((tmp_path / "rows.csv").open()))) == len(found["rows"])
    assert "conv2d" in ti("profile", model_file, *options, "--by", "op").out


def test_compare(ti, model_file):
    code, out, _ = ti("compare", model_file, "--json", "--threads", 1)
    found = json.loads(out)
    assert code == 0
    assert found["passed"] is True
    assert "conv2d" in {row["op"] for row in found["rows"]}


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(("wanted", "used"), [("im2col", {"im2col"}), ("winograd", {"winograd4x4"})])
def test_forced_kernels_are_used(ti, model_file, wanted, used):
    options = ("--repeats", 1, "--warmup", 0, "--threads", 1, "--json", "--kernel", f"conv2d={wanted}")
    rows = json.loads(ti("profile", model_file, *options).out)["rows"]
    found = {row["kernel"] for row in rows if row["op"] == "conv2d"}
    assert used <= found
    assert found - used <= ({"direct", "im2col"} if wanted == "winograd" else set())  # where it can't: the CPU's choice


def test_bench(ti, model_file):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    code, out, err = ti("bench", model_file, "--rounds", 2, "--json")
    assert code == 0
    assert "onnxruntime" in out
    assert all(line.startswith("tinyinfer: measuring") or "compiling" in line for line in err.splitlines())
    assert json.loads(out)


def test_bench_of_layers(ti, model_file):
    code, out, _ = ti("bench", model_file, "--layers", "--rounds", 1, "--json")
    assert code == 0
    assert {"conv2d", "linear"} <= {layer["op"] for layer in json.loads(out)["layers"]}
    code, out, _ = ti("bench", model_file, "--layers", "--rounds", 1)
    assert code == 0
    assert "3x3 3→8 at 16x16 relu6" in out


def test_bench_of_memory(ti, model_file):
    code, out, err = ti("bench", model_file, "--memory", "--against", "", "--batch", "1,2", "--json")
    assert code == 0, err
    assert [(row["engine"], row["batch"]) for row in json.loads(out)["rows"]] == [("tinyinfer", 1), ("tinyinfer", 2)]
    assert "measuring small.npz, batch 2, threads 1" in err


def test_bench_sweeps_and_draws(ti, model_file, tmp_path):
    pytest.importorskip("matplotlib")
    target = tmp_path / "sweep.svg"
    code, out, err = ti("bench", model_file, "--sweep", "batch=1,3", "--against", "", "--rounds", 1, "--plot", target)
    assert code == 0, err
    assert "Time per call by batch" in out
    assert "measuring small.npz, batch 3, threads 1" in err
    assert target.read_text().startswith("<?xml")
    found = json.loads(ti("bench", model_file, "--sweep", "batch=2", "--against", "", "--rounds", 1, "--json").out)
    assert [row["value"] for row in found["rows"]] == [2]


def test_the_package_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "tinyinfer", "--version"]
    done = subprocess.run(command, env=environment(), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"tinyinfer {tinyinfer.__version__}\n"


def test_export(ti, model_file, tmp_path, rng):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    target = tmp_path / "net.onnx"
    assert ti("export", model_file, "-o", target) == (0, "", "")
    x = rng.standard_normal((1, 3, 16, 16), np.float32)
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(theirs, load(model_file, kernels="reference")(x), rtol=1e-4, atol=1e-4)


def test_convert(ti, tmp_path):
    plain, target = tmp_path / "plain.npz", tmp_path / "net.npz"
    network = tinyinfer.models.create("squeezenet1_1", num_classes=3)
    np.savez(plain, **network.graph.weights)
    (tmp_path / "names.txt").write_text("eins\nzwei\ndrei\n")
    options = ("--preprocess", '{"crop": 100}', "--labels", tmp_path / "names.txt", "--fp16")
    code, out, err = ti("convert", plain, "-o", target, *options)
    assert (code, out) == (0, "")
    assert "squeezenet1_1" in err
    written = load(target)
    assert written.meta["labels"] == ["eins", "zwei", "drei"]
    assert written.preprocess["crop"] == 100
    assert written.preprocess["resize"] == 256
    assert target.stat().st_size < plain.stat().st_size * 0.6


def test_eval_of_class_folders(ti, model_file, tmp_path, rng):
    network = load(model_file, kernels="reference")
    for i in range(6):
        folder = tmp_path / "set" / ["ant", "bee"][i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(folder / f"{i}.png")
    files = sorted((tmp_path / "set").rglob("*.png"))
    right = sum(network.predict(file)[0][0] == file.parent.name for file in files)
    code, out, err = ti("eval", model_file, tmp_path / "set", "--json", *PLAIN)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["images"] == 6
    assert found["top1"] == pytest.approx(right / 6)
    assert found["top5"] == 1
    (tmp_path / "set" / "ant" / "bad.png").write_bytes(b"nothing")
    code, out, err = ti("eval", model_file, tmp_path / "set", *PLAIN)
    assert code == 4
    assert out.startswith("top-1 ")
    assert "bad.png" in err


def test_warmup_makes_every_call(ti, monkeypatch):
    import tinyinfer.warmup as module

    ran = []
    monkeypatch.setattr(
        module, "preparations", lambda threads: [lambda i=i: ran.append((i, threads)) for i in range(3)]
    )
    code, out, err = ti("warmup", "--threads", 1)
    assert (code, out) == (0, "")
    assert ran == [(0, 1), (1, 1), (2, 1)]
    assert "3 kernels are compiled" in err


def test_the_end_of_a_process_looks_for_no_garbage():
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); "  # the first comes last
        "from tinyinfer.cli import main; main(['--version'])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"tinyinfer {tinyinfer.__version__}", "True"]
