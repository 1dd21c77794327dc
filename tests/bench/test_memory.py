"""Memory in processes of their own: what is measured, what is counted, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from bench_models import tiny_model

from tinyinfer import ops
from tinyinfer.bench import bench_memory, footprint
from tinyinfer.bench.memory import MemoryReport, _rows
from tinyinfer.bench.report import Setting
from tinyinfer.errors import InputError, TinyInferError
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.model import Model


def wide_model(features: int) -> Model:
    """A linear layer of ``features`` squared weights."""
    nodes = [Node("fc", ops.get("linear")(), ("input",), ("fc",), {"weight": "w"})]
    weights = {"w": np.ones((features, features), np.float32)}
    return Model(Graph([Input("input", (None, features), (1, features))], nodes, ["fc"], weights), {"name": "wide"})


def test_each_engine_is_measured_in_every_setting() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    heard: list[str] = []
    report = bench_memory(tiny_model(), ("onnxruntime", "tinyinfer"), threads=(1, 2), progress=heard.append)
    assert heard == ["tiny, batch 1, threads 1", "tiny, batch 1, threads 2"]
    found = [(row.threads, row.engine) for row in report.rows]
    assert found == [(count, engine) for count in (1, 2) for engine in ("tinyinfer", "onnxruntime")]
    for row in report.rows:
        assert 0 < row.before_mib < row.peak_mib
        assert row.added_mib == row.peak_mib - row.before_mib
    assert [row["engine"] for row in json.loads(json.dumps(report.to_dict()))["rows"]] == [e for _, e in found]
    assert "added" in str(report)


def test_weights_are_counted() -> None:
    small, large = (bench_memory(wide_model(n), ()).rows[0].added_mib for n in (64, 4096))
    assert large - small >= 4096**2 * 4 / footprint.MIB  # as much as the packed weights, whatever else there is


def test_forced_kernels_are_those_that_run() -> None:
    model = tiny_model()
    (row,) = bench_memory(Model(model.graph, model.meta, kernels="reference"), ()).rows
    assert row.peak_mib > row.before_mib
    with pytest.raises(TinyInferError, match=r"tiny, batch 1, threads 1: tinyinfer failed: .*'fft'"):
        bench_memory(Model(model.graph, model.meta, kernels="conv2d=fft"), ())


def test_ratios_are_ours_over_theirs() -> None:
    rows = _rows(Setting("net", 1, 1), {"tinyinfer": (100.0, 130.0), "onnxruntime": (50.0, 110.0)})
    assert [(row.added_mib, row.ratio) for row in rows] == [(30.0, 1.0), (60.0, 0.5)]
    assert [cells[-1] for cells in MemoryReport(rows).table().rows()] == ["", "0.50"]


def test_engines_that_read_no_file_are_refused() -> None:
    with pytest.raises(InputError, match="engines that read a file: onnxruntime, openvino; found 'torch'"):
        bench_memory(tiny_model(), ("torch",))
    with pytest.raises(InputError, match="engine 'caffe' is not known"):
        bench_memory(tiny_model(), ("caffe",))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_a_peer_has_its_process_to_itself(engine: str) -> None:
    pytest.importorskip(engine)
    others = {"numba", "onnxruntime", "openvino", "torch", "tinyinfer.model"} - {engine}
    code = (
        f"import sys; sys.path.insert(0, {os.path.dirname(footprint.__file__)!r} + '/../..')\n"
        f"from tinyinfer.bench.footprint import peer; peer({engine!r}); print(sorted({others!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
