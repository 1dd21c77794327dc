"""Quantised TFLite files: computed with the file's integers, to the codes that their real numbers round to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quantized_tflite import Made, quantized_tflite
from tflite_writer import Network

from tinyinfer.errors import ModelFormatError, TinyInferError
from tinyinfer.formats.tflite.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

CASES = list(quantized_tflite())
FACE = ("quantize_linear", "dequantize_linear")


def opened(made: Network, folder: Path, **options: Any) -> tuple[Graph, dict[str, Any]]:
    path = folder / "network.tflite"
    path.write_bytes(made.write())
    return load(path, **options)


def face(made: Network, index: int) -> tuple[float, int]:
    """Scale and zero point of a tensor."""
    return float(made.tensors[index][4][2][0]), int(made.tensors[index][4][3][0])


def random_inputs(made: Network, graph: Graph, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Real numbers that the inputs' codes can say."""
    found = {}
    for i, index in zip(graph.inputs, made.inputs, strict=True):
        (scale, zero), low = face(made, index), -128 if made.tensors[index][1].value == 9 else 0
        codes = rng.integers(low, low + 256, i.nominal)
        found[i.name] = ((codes - zero) * np.float32(scale)).astype(np.float32)
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_codes_are_the_real_numbers_rounded(case: Made, tmp_path: Path, rng: np.random.Generator) -> None:
    graph, _ = opened(case.network, tmp_path)
    inside = [node.op.name for node in graph.topological_order()]
    faces = [inside.pop(0) for _ in graph.inputs]
    assert [*faces, inside.pop()] == [FACE[0]] * len(graph.inputs) + [FACE[1]]
    assert tuple(op for op in inside if op != "constant") == case.operators
    plain, _ = opened(case.network, tmp_path, dequantize=True)
    assert not any("quant" in node.op.name for node in plain.nodes)
    x = random_inputs(case.network, graph, rng)
    (found,), (expected,) = (Model(g, kernels="reference").run(x).values() for g in (graph, plain))
    scale, zero = face(case.network, case.network.outputs[0])
    codes, low = np.rint(found / np.float32(scale)) + zero, -128 if case.name.split()[-1] == "int8" else 0
    if "other" in case.name:
        low = -128 - low
    np.testing.assert_allclose(found, (codes - zero) * np.float32(scale), rtol=1e-6, atol=1e-6)
    exact = np.clip(expected / np.float32(scale) + zero, low, low + 255)
    assert len(np.unique(codes)) > 5
    assert np.abs(codes - exact).max() <= (1 if {"quantized_add", "quantized_sub"} & {*case.operators} else 0.51)


def test_weights_stay_the_files_integers(tmp_path: Path) -> None:
    made = next(case.network for case in CASES if case.name == "conv 0 0 int8")
    graph, meta = opened(made, tmp_path)
    (node,) = [node for node in graph.nodes if node.op.name == "quantized_conv2d"]
    params = graph.param_arrays(node)
    assert {role: str(array.dtype) for role, array in params.items()} == {
        "weight": "int8", "weight_scale": "float32", "bias": "int32",
    }  # fmt: skip
    assert node.op.weight_zero_point == 0
    assert "notes" not in meta
    assert "real numbers" in opened(made, tmp_path, dequantize=True)[1]["notes"][0]


def test_weights_without_a_sign_keep_their_zero_point(tmp_path: Path) -> None:
    """Those that int8 can't hold around it; -128 as well."""
    made = next(case.network for case in CASES if case.name == "conv None 0 uint8")
    graph, _ = opened(made, tmp_path)
    (node,) = [node for node in graph.nodes if node.op.name == "quantized_conv2d"]
    assert graph.param_arrays(node)["weight"].dtype == np.uint8
    assert node.op.weight_zero_point == 131


@pytest.mark.parametrize(
    ("quantization", "words"),
    [
        ((0.0, 3), "above 0"),
        ((-0.5, 3), "above 0"),
        ((float("nan"), 3), "finite"),
        ((float("inf"), 3), "finite"),
        ((0.5, 256), "zero_point: expected 0 to 255 for uint8, found 256"),
        ((0.5, -1), "zero_point: expected 0 to 255 for uint8, found -1"),
    ],
)
@pytest.mark.parametrize("dequantize", [False, True])
@pytest.mark.parametrize("where", ["input", "weight"])
def test_scales_that_mean_nothing_are_refused(
    quantization: tuple[float, int], words: str, where: str, dequantize: bool, tmp_path: Path
) -> None:
    made = Network()
    good = (0.5, 10)
    x = made.input("x", (1, 6), "uint8", quantization=quantization if where == "input" else good)
    w = made.constant("w", np.ones((2, 6), np.uint8), quantization=quantization if where == "weight" else good)
    made.outputs = [made.tensor("y", (1, 2), "uint8", quantization=(1.0, 0))]
    made.apply("FULLY_CONNECTED", (x, w, -1), made.outputs, {"keep_num_dims": False})
    with pytest.raises(ModelFormatError, match=words):
        opened(made, tmp_path, dequantize=dequantize)


def test_sums_that_could_leave_32_bits_stay_real_numbers(tmp_path: Path) -> None:
    made = Network()
    x = made.input("x", (1, 70_000), "uint8", quantization=(0.5, 10))
    w = made.constant("w", np.full((2, 70_000), 127, np.int8), quantization=(0.5, 0))
    made.outputs = [made.tensor("y", (1, 2), "uint8", quantization=(1000.0, 0))]
    made.apply("FULLY_CONNECTED", (x, w, -1), made.outputs, {"keep_num_dims": False})
    graph, _ = opened(made, tmp_path)
    assert "linear" in [node.op.name for node in graph.nodes]


def test_bytes_of_another_count_are_refused(tmp_path: Path) -> None:
    made = Network()
    x = made.input("x", (1, 6), "int8", quantization=(0.5, 1))
    w = made.constant("w", np.ones(11, np.int8), shape=(2, 6), quantization=(0.5, 0))
    made.outputs = [made.tensor("y", (1, 2), "int8", quantization=(1.0, 0))]
    made.apply("FULLY_CONNECTED", (x, w, -1), made.outputs, {"keep_num_dims": False})
    with pytest.raises(TinyInferError, match="expected 12 bytes"):
        opened(made, tmp_path)
