"""Public checkpoints, written as real files and converted, give the public implementations' outputs."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tinyinfer as ti

NETWORKS = {
    "mobilenet_v2": "mobilenet_v2",
    "timm_mobilenetv2_050": "mobilenetv2_050",
    "mobilenetv2_tonylins": "mobilenet_v2",
    "squeezenet1_0": "squeezenet1_0",
    "squeezenet1_1": "squeezenet1_1",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50_32x4d": "resnext50_32x4d",
}
RECORDS = [
    *NETWORKS,
    "mobilenet_v2__2x95x127",
    "squeezenet1_1__2x190x222",
    "resnet18__2x97x131",
]


@pytest.fixture(scope="module")
def fill(shared: Path) -> ModuleType:
    """The golden folder's own reader."""
    spec = importlib.util.spec_from_file_location("golden_fill", shared / "golden" / "fill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_fill"] = module
    spec.loader.exec_module(module)
    return module


def write_checkpoint(path: Path, state: dict[str, np.ndarray]) -> Path:
    """A checkpoint as its authors publish it, or plain arrays where torch is not installed."""
    try:
        import torch
    except ImportError:
        path = path.with_suffix(".npz")
        np.savez(path, **state)
        return path
    torch.save({key: torch.from_numpy(np.array(array)) for key, array in state.items()}, path)
    return path


@pytest.mark.parametrize("name", RECORDS)
def test_golden(name: str, fill: ModuleType, tmp_path: Path) -> None:
    (record,) = (record for record in fill.records() if record["name"] == name)
    expected, x = fill.outputs(record)["y"], fill.input_image(record["input_shape"], record["input_seed"])
    path = write_checkpoint(tmp_path / "checkpoint.pth", fill.state_dict(record))
    named = ti.convert(path, arch=record["model"])
    told = ti.convert(path)
    assert named.meta["arch"] == told.meta["arch"] == NETWORKS[record["model"]]
    model: Any
    for model in (told, ti.Model(named.graph, named.meta, kernels="reference")):
        error = np.abs(model(x) - expected).max() / expected.std()
        assert error <= record["tol"]


def test_costs_of_the_records(fill: ModuleType) -> None:
    checked = 0
    for record in fill.records():
        if record["model"] in NETWORKS:
            cost = ti.models.create(record["model"]).cost((1, *record["input_shape"][1:]))
            assert (cost.params, cost.macs) == (record["params"], record["macs"])
            checked += 1
    assert checked == len(RECORDS)
