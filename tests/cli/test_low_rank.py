"""The option --low-rank of optimize: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pytest
from small_networks import randomize

from tinyinfer.builder import Builder
from tinyinfer.loading import load
from tinyinfer.model import Model

PLAIN = ("--kernel", "reference")


def test_layers_are_factorised_and_shown(ti, model_file, photos, tmp_path):
    out = tmp_path / "thin.npz"
    options = ("--low-rank", "energy=0.5,multiple=1", "--dataset", photos, *PLAIN)
    code, text, err = ti("optimize", model_file, "-o", out, *options)
    assert (code, err) == (0, f"tinyinfer: written to {out}\n")
    for words in ("Low rank of small", "made", "share of the squared singular values", "mult-adds, M", "top-1"):
        assert words in text
    model = load(out)
    assert model.meta["low_rank"]["energy"] == 0.5
    assert any("." in node.name for node in model.graph.nodes if node.op.name == "conv2d")
    assert ti("run", out, photos / "ant" / "0.png", *PLAIN).code == 0


def test_json_has_both_reports(ti, model_file, tmp_path):
    out = tmp_path / "thin.npz"
    code, text, _ = ti("optimize", model_file, "-o", out, "--low-rank", "mult-adds=0.6,multiple=1", "--json", *PLAIN)
    found = json.loads(text)
    assert code == 0
    assert found["low_rank"]["macs_after"] == found["after"]["macs"] <= 0.6 * found["before"]["macs"]
    assert {row["verdict"] for row in found["low_rank"]["rows"]} <= {"made", "stays"}


def test_it_goes_before_quantisation(ti, model_file, photos, tmp_path):
    out = tmp_path / "both.npz"
    options = ("--low-rank", "energy=0.5,multiple=1", "--quantize", "int8", "--calibrate", photos, "--keep", "fc")
    code, _, _ = ti("optimize", model_file, "-o", out, *options, *PLAIN)
    assert code == 0
    nodes = {node.name: node.op.name for node in load(out).graph.nodes}
    assert load(out).meta["low_rank"]["samples"] == 6
    assert nodes["fc"] == "linear"
    assert {kind for name, kind in nodes.items() if name.split(".")[-1] in ("reduce", "upright")} == {
        "quantized_conv2d"
    }


@pytest.mark.parametrize(
    "text",
    ["", "0.5", "energy", "energy=half", "rank=3", "energy=0.5,energy=0.6", "energy=0.5,mult-adds=0.5", "multiple=4",
     "time=3", "energy=0.5,time,time", "energy=0.5,multiple=1.5"],
)  # fmt: skip
def test_what_it_cannot_say(ti, model_file, tmp_path, text):
    out = tmp_path / "out.npz"
    code, _, err = ti("optimize", model_file, "-o", out, "--low-rank", text, *PLAIN)
    assert code == 2
    assert "--low-rank: expected energy=0.95 or mult-adds=0.5" in err
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("energy=0", "energy: expected a share above 0 and at most 1, found 0"),
        ("energy=1.2", "energy: expected a share above 0 and at most 1, found 1.2"),
        ("mult-adds=1", "mult-adds: expected a share above 0 and below 1, found 1"),
        ("mult-adds=0.01", "mult-adds: 0.01 can't be reached, all cuts together leave"),
        ("energy=0.5,multiple=0", "multiple: expected at least 1, found 0"),
        ("time", "time: expected kernels to measure, found the reference"),
    ],
)
def test_what_no_network_can_give(ti, model_file, tmp_path, text, message):
    out = tmp_path / "out.npz"
    code, _, err = ti("optimize", model_file, "-o", out, "--low-rank", text, *PLAIN)
    assert code == 4
    assert err.startswith(f"tinyinfer: low rank: {message}")
    assert not out.exists()


def test_networks_without_layers_to_cut(ti, tmp_path):
    b = Builder()
    graph = randomize(b.finish(b.conv2d(b.input(4, 9), 8, 3, name="grouped", groups=2)))
    Model(graph).save(tmp_path / "grouped.npz")
    out = tmp_path / "out.npz"
    code, _, err = ti("optimize", tmp_path / "grouped.npz", "-o", out, "--low-rank", "energy=0.5", *PLAIN)
    assert code == 3
    assert "expected a linear layer or a convolution of one group, found none" in err
    assert not out.exists()
