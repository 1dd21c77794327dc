"""The options of optimize that cut channels: what they write, print and refuse."""

from __future__ import annotations

import json

import pytest

from tinyinfer.loading import load

PLAIN = ("--kernel", "reference")


def test_optimize_cuts_channels(ti, model_file, tmp_path):
    out = tmp_path / "slim.npz"
    options = ("--slim", 0.5, "--multiple", 4, "--reparameterize")
    code, text, err = ti("optimize", model_file, "-o", out, *options, *PLAIN)
    assert code == 0
    assert all(line in text for line in ("parameters, M", "mult-adds, M", "time, ms", "agreement: same top-1 on"))
    assert f"written to {out}" in err
    model = load(out)
    assert model.meta["slimming"] == {"ratio": 0.5, "multiple": 4, "score": None, "per_layer": False, "keep": []}
    assert "batch_norm" not in {node.op.name for node in model.graph.nodes}
    before = load(model_file).cost()
    assert model.cost().macs < 0.7 * before.macs
    assert ti("summary", out).code == 0


def test_options_reach_the_pass(ti, model_file, tmp_path):
    out = tmp_path / "slim.npz"
    options = ("--slim", 0.5, "--multiple", 4, "--score", "l1", "--per-layer", "--keep", "left")
    code, text, err = ti("optimize", model_file, "-o", out, *options, "--json", *PLAIN)
    assert (code, err) == (0, "")
    assert json.loads(text)["after"]["params"] < json.loads(text)["before"]["params"]
    meta = load(out).meta["slimming"]
    assert meta == {"ratio": 0.5, "multiple": 4, "score": "l1", "per_layer": True, "keep": ["left"]}
    assert len(load(out).graph.weights["left.weight"]) == 16
    assert len(load(out).graph.weights["stem.weight"]) == 4


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (("--slim", 1.5), 2, "--slim: expected a share between 0 and 1, found 1.5"),
        (("--slim", 0.5, "--multiple", 0), 2, "--multiple"),
        (("--reparameterize", "--multiple", 8), 2, "--multiple needs --slim RATIO"),
        (("--reparameterize", "--per-layer"), 2, "--per-layer needs --slim RATIO"),
        (("--slim", 0.5, "--multiple", 64), 5, "no channel can be cut: at ratio 0.5 no layer"),
        (("--slim", 0.5, "--keep", "nothing"), 4, "no node is called 'nothing'"),
    ],
)
def test_what_is_refused(ti, model_file, tmp_path, options, status, message):
    out = tmp_path / "slim.npz"
    code, _, err = ti("optimize", model_file, "-o", out, *options, *PLAIN)
    assert code == status
    assert message in err
    assert not out.exists()
