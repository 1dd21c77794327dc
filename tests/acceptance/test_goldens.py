"""Public checkpoints, written as real files and converted, give the public implementations' outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from conftest import shared_folder
from golden_files import error, golden_fill, write_checkpoint
from same_keys import SAME_KEYS

import tinyinfer as ti

REFERENCE_MACS = 3e8  # the textbook kernels run networks up to this size


def _records() -> list[str]:
    manifest = shared_folder() / "golden" / "manifest.json"
    if not manifest.exists():
        return []
    records = json.loads(manifest.read_text())["models"]
    return [record["name"] for record in records]


@pytest.fixture(scope="module")
def fill(shared: Path) -> ModuleType:
    """The golden folder's own reader."""
    return golden_fill(shared)


@pytest.mark.parametrize("name", _records())
def test_golden(name: str, fill: ModuleType, tmp_path: Path) -> None:
    (record,) = (record for record in fill.records() if record["name"] == name)
    family, variant = ti.models.find(record["model"])
    expected, x = fill.outputs(record)["y"], fill.input_image(record["input_shape"], record["input_seed"])
    state = fill.state_dict(record)
    path = write_checkpoint(tmp_path / "checkpoint.pth", state)
    named = ti.convert(path, arch=record["model"])
    assert named.meta["arch"] == variant.name
    cost = named.cost((1, *record["input_shape"][1:]))
    assert (cost.params + unused_parameters(state, family.ignore), cost.macs) == (record["params"], record["macs"])
    assert error(named, x, expected) <= record["tol"]
    if "__" not in name and record["macs"] < REFERENCE_MACS:
        told = ti.convert(path)
        assert told.meta["arch"] == SAME_KEYS.get(variant.name, variant.name)
        assert error(ti.Model(named.graph, named.meta, kernels="reference"), x, expected) <= record["tol"]


def unused_parameters(state: dict[str, np.ndarray], ignore: tuple[str, ...]) -> int:
    """Elements of a checkpoint's auxiliary heads, which the records count and inference does not have.

    An array that is used under another key counts there.
    """
    buffers = ("running_mean", "running_var", "num_batches_tracked", "._mask", "._count", "._stage", ".index")
    ignored = {key for key in state if any(re.match(pattern, key) for pattern in ignore)}
    used = {id(array) for key, array in state.items() if key not in ignored}
    return sum(state[key].size for key in ignored if not key.endswith(buffers) and id(state[key]) not in used)
