"""Each ncnn layer, in every way to write it, gives what ncnn itself computes."""

from __future__ import annotations

import json
from pathlib import Path

import ncnn_files
import ncnn_layers
import numpy as np
import pytest

from tinyinfer.formats.ncnn.load import load
from tinyinfer.model import Model

RESULTS = json.loads(ncnn_layers.RESULTS.read_text())


@pytest.mark.parametrize("name", ncnn_layers.CASES)
def test_layer_gives_what_ncnn_gives(name: str, tmp_path: Path) -> None:
    case = ncnn_layers.CASES[name]
    inputs = {key: array[None] for key, array in case.arrays().items()}
    graph, _ = load(ncnn_files.write(tmp_path, case.lines(), case.weights), {k: a.shape for k, a in inputs.items()})
    outputs = Model(graph, kernels="reference").run(inputs)
    assert list(outputs) == list(RESULTS[name])
    for blob, expected in RESULTS[name].items():
        found = ncnn_layers.summary(outputs[blob][0])
        assert found["shape"] == expected["shape"]
        np.testing.assert_allclose(found["numbers"], expected["numbers"], rtol=2e-4, atol=2e-4)
        np.testing.assert_allclose(found["sum"], expected["sum"], rtol=2e-3, atol=2e-3)
