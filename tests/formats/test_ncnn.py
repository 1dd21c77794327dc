"""ncnn files: sizes of inputs, the ways to store weights, whole networks, and what is refused."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from malformed import complaints
from malformed_ncnn import malformed_ncnn
from ncnn_files import param, plain, tagged, write

from tinyinfer import ops
from tinyinfer.errors import GraphError, InputError, TinyInferError, UnsupportedOpError
from tinyinfer.formats.ncnn.load import load
from tinyinfer.model import Model

CODES = (np.arange(108) * 7 % 255 - 127).astype(np.int8).reshape(4, 3, 3, 3)
SCALES = np.array([20, 0, 35, 50], np.float32)
IMAGE = np.sin(np.arange(2 * 3 * 6 * 7)).astype(np.float32).reshape(2, 3, 6, 7)


def run(path: Path, x: np.ndarray = IMAGE) -> dict[str, np.ndarray]:
    """All outputs of a network with one input."""
    model = Model(*load(path), kernels="reference")
    return model.run({model.inputs[0][0]: x})


def inputs(folder: Path, *lines: str, weights: bytes = b"") -> list[tuple[str, tuple[int | None, ...]]]:
    return Model(*load(write(folder, lines, weights))).inputs


def test_malformed_files_are_refused(tmp_path: Path) -> None:
    assert complaints(malformed_ncnn(), "tinyinfer.formats.ncnn.load.load", tmp_path) == []


@pytest.mark.parametrize(
    ("said", "shape"),
    [
        ("0=320 1=240 2=3", (None, 3, None, None)),
        ("0=10 1=4", (None, 4, 10)),
        ("0=10", (None, 10)),
        ("", (None, 3, None, None)),
        ("2=5", (None, 5, None, None)),
    ],
)
def test_batch_height_and_width_are_free(said: str, shape: tuple[int | None, ...], tmp_path: Path) -> None:
    assert inputs(tmp_path, f"Input data 0 1 data {said}", "ReLU r 1 1 data out") == [("data", shape)]


def test_a_size_that_a_layer_goes_by_is_fixed(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", "Slice s 1 2 data a b -23300=2,3,-233 1=2"]
    graph, meta = load(write(tmp_path, lines))
    assert graph.inputs[0].shape == (None, 3, None, 7)
    assert meta["notes"] == ["fixed at its nominal size: W, since in node 's' (Slice) pieces are of fixed size"]


def test_channels_follow_from_the_first_convolution(tmp_path: Path) -> None:
    weights = tagged(np.ones((4, 6, 1, 1), np.float32))
    found = inputs(
        tmp_path,
        "Input data 0 1 data",
        "Split s 1 2 data a b",
        "Convolution c 1 1 b out 0=4 1=1 6=24",
        "ReLU r 1 1 a other",
        weights=weights,
    )
    assert found == [("data", (None, 6, None, None))]


def test_sizes_of_the_file_are_nominal_unless_others_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, ["Input data 0 1 data 0=32 1=24 2=3", "ReLU r 1 1 data out"])
    assert load(path)[0].inputs[0].nominal == (1, 3, 24, 32)
    assert load(path, {"data": (2, 3, 8, 9)})[0].inputs[0].nominal == (2, 3, 8, 9)
    with pytest.raises(InputError, match="expected shape \\?x3x\\?x\\?, found 1x4x8x8"):
        load(path, {"data": (1, 4, 8, 8)})


def test_weights_beside_or_given(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", "Bias b 1 1 data out 0=3"]
    path = write(tmp_path, lines, plain(np.arange(3)), "net.ncnn")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(plain(np.full(3, 5)))
    np.testing.assert_allclose(run(path)["out"], IMAGE + np.arange(3).reshape(3, 1, 1), rtol=1e-6)
    graph, _ = load(path, weights=elsewhere)
    np.testing.assert_allclose(Model(graph, kernels="reference")(IMAGE), IMAGE + 5, rtol=1e-6)


def int8_layer(term: int, groups: int) -> tuple[str, int, np.ndarray, np.ndarray, np.ndarray]:
    """Type and outputs of a convolution whose weights are int8: their codes and scales, and what these stand for."""
    kind, outputs = ("Convolution", 4) if groups == 1 else ("ConvolutionDepthWise", 3)
    codes = CODES if groups == 1 else CODES.reshape(12, 1, 3, 3)[:3]
    scales = SCALES[:1] if term in (2, 102) else SCALES[:outputs]
    real = codes * np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0).reshape(-1, 1, 1, 1)
    return kind, outputs, codes, scales, real


@pytest.mark.parametrize("term", [1, 101, 2, 102])
@pytest.mark.parametrize("groups", [1, 3])
def test_int8_weights_are_dequantised(term: int, groups: int, tmp_path: Path) -> None:
    kind, outputs, codes, scales, real = int8_layer(term, groups)
    line = f"0={outputs} 1=3 5=1 6={codes.size} 7={groups}"
    head, bias = "Input data 0 1 data 0=7 1=6 2=3", plain(np.arange(outputs))
    behind = plain(scales) + plain([7.0]) + (plain([9.0]) if term > 100 else b"")
    quantized = write(tmp_path, [head, f"{kind} c 1 1 data out {line} 8={term}"], tagged(codes) + bias + behind, "q")
    floats = write(tmp_path, [head, f"{kind} c 1 1 data out {line}"], tagged(real.astype(np.float32)) + bias, "f")
    graph, meta = load(quantized, dequantize=True)
    assert [node.op.name for node in graph.nodes] == ["conv2d"]
    found = Model(graph, kernels="reference")(IMAGE)
    np.testing.assert_allclose(found, run(floats)["out"], rtol=1e-5, atol=1e-5)
    assert meta["notes"] == ["its int8 weights are computed with in float32"]


@pytest.mark.parametrize("term", [1, 101, 2, 102])
@pytest.mark.parametrize("groups", [1, 3])
def test_int8_weights_are_multiplied_as_such(term: int, groups: int, tmp_path: Path) -> None:
    """The input is rounded by the file's scale, the output too where that has one."""
    kind, outputs, codes, scales, real = int8_layer(term, groups)
    line = f"0={outputs} 1=3 5=1 6={codes.size} 7={groups} 8={term} 9=1"
    behind = plain(np.arange(outputs)) + plain(scales) + plain([7.0]) + (plain([9.0]) if term > 100 else b"")
    path = write(tmp_path, ["Input data 0 1 data 0=7 1=6 2=3", f"{kind} c 1 1 data out {line}"], tagged(codes) + behind)
    graph, meta = load(path)
    layer = ["quantize_linear", "quantized_conv2d"]
    assert [node.op.name for node in graph.nodes] == [*layer, "dequantize_linear"][: 3 if term > 100 else 2]
    (node,) = [node for node in graph.nodes if node.op.name == "quantized_conv2d"]
    assert graph.param_arrays(node)["weight"].dtype == np.int8
    assert "notes" not in meta
    rounded = np.clip(np.rint(IMAGE * np.float32(7)), -128, 127) / 7
    y = ops.reference("conv2d")(rounded.astype(np.float64), real, np.arange(outputs), groups=groups, activation="relu")
    step = 1 / 9
    expected, tolerance = (np.clip(np.rint(y / step), -128, 127) * step, step) if term > 100 else (y, 1e-4)
    np.testing.assert_allclose(Model(graph, kernels="reference")(IMAGE), expected, atol=1.01 * tolerance)


def test_int8_products_are_multiplied_as_such(tmp_path: Path) -> None:
    codes = CODES.ravel()[:28].reshape(4, 7)
    line = "InnerProduct p 1 1 data out 0=4 2=28 8=1"
    path = write(tmp_path, ["Input data 0 1 data 0=7", line], tagged(codes) + plain(SCALES) + plain([3.0]))
    graph, _ = load(path)
    assert [node.op.name for node in graph.nodes] == ["quantize_linear", "quantized_linear"]
    x = np.clip(np.rint(IMAGE[:, 0, 0] * np.float32(3)), -128, 127) / 3
    expected = x @ (codes.T * [1 / 20, 0, 1 / 35, 1 / 50])
    np.testing.assert_allclose(Model(graph, kernels="reference")(IMAGE[:, 0, 0]), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("scales", "of_input", "words"),
    [
        ([20, -1, 35, 50], 3.0, "scales: expected finite numbers above 0, found -1"),
        ([20, np.nan, 35, 50], 3.0, "scales: expected finite numbers above 0, found nan"),
        ([20, 0, 35, 50], 0.0, "scale of the input: expected finite numbers above 0, found 0"),
        ([20, 0, 35, 50], np.inf, "scale of the input: expected finite numbers above 0, found inf"),
    ],
)
def test_int8_scales_that_mean_nothing_are_refused(
    scales: list[float], of_input: float, words: str, tmp_path: Path
) -> None:
    line = "InnerProduct p 1 1 data out 0=4 2=28 8=1"
    data = tagged(CODES.ravel()[:28]) + plain(scales) + plain([of_input])
    with pytest.raises(GraphError, match=words):
        load(write(tmp_path, ["Input data 0 1 data 0=7", line], data))


def test_int8_products_are_dequantised(tmp_path: Path) -> None:
    codes = CODES.ravel()[:28].reshape(4, 7)
    line = "InnerProduct p 1 1 data out 0=4 2=28 8=1"
    path = write(tmp_path, ["Input data 0 1 data 0=7", line], tagged(codes) + plain(SCALES) + plain([3.0]))
    expected = IMAGE[:, 0, 0] @ (codes.T * [1 / 20, 0, 1 / 35, 1 / 50])
    graph, _ = load(path, dequantize=True)
    found = Model(graph, kernels="reference")(IMAGE[:, 0, 0])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_constants_broadcast_over_the_batch(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", "MemoryData m 0 1 m 0=1 1=1 2=3", "BinaryOp b 2 1 data m out 0=2"]
    found = run(write(tmp_path, lines, plain([1.0, 2.0, 3.0])))["out"]
    np.testing.assert_allclose(found, IMAGE * np.array([1, 2, 3]).reshape(3, 1, 1), rtol=1e-6)


def test_outputs_are_the_blobs_that_nothing_reads(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", "Split s 1 3 data a b c", "ReLU r 1 1 a x", "AbsVal v 1 1 c y"]
    found = run(write(tmp_path, lines))
    assert list(found) == ["b", "x", "y"]
    np.testing.assert_array_equal(found["b"], IMAGE)


def test_all_that_is_unknown_is_named_at_once(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data", "LSTM first 1 1 data a", "Yolov3DetectionOutput second 1 1 a b",
             "LSTM third 1 1 b c"]  # fmt: skip
    with pytest.raises(UnsupportedOpError, match=r"LSTM \(layer 'first'\); Yolov3DetectionOutput \(layer 'second'\)"):
        load(write(tmp_path, lines))


def test_all_that_is_refused_is_named_at_once(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", "Softmax s 1 1 data a 0=1", "Interp i 1 1 a b 0=9",
             "Pooling p 1 1 data c 0=3"]  # fmt: skip
    with pytest.raises(UnsupportedOpError, match=r"Softmax \(node 's'\).*Pooling \(node 'p'\)"):
        load(write(tmp_path, lines))


def test_strings_and_hints_of_newer_files(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3 -23330=4,3,7,6,3 31=2", "ReLU r 1 1 data out"]
    np.testing.assert_array_equal(run(write(tmp_path, lines))["out"], np.maximum(IMAGE, 0))
    lines[1] = 'Reshape r 1 1 data out 6="-1, 0c"'
    np.testing.assert_array_equal(run(write(tmp_path, lines))["out"], IMAGE.reshape(2, 3, 42))


@pytest.mark.parametrize(
    ("formula", "shape"),
    [
        ("1,1,//(24,0n),0n", (2, 24, 1, 1)),
        ("*(1w,3),-(0h,-2)", (2, 4, 6)),
        ("*(0w,max(0h,1)),min(+(2,2),9)", (2, 4, 6)),
        (" 8 , 0w", (2, 3, 8)),
        ("-1", (2, 24)),
    ],
)
def test_sizes_by_formulas_of_the_inputs(formula: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=24", "Input other 0 1 other 0=2", "Reshape i 1 1 data image 0=3 1=2 2=4",
             f'Reshape r 2 1 image other out 6="{formula}"']  # fmt: skip
    x = np.arange(48, dtype=np.float32).reshape(2, 24)
    model = Model(*load(write(tmp_path, lines)), kernels="reference")
    found = model.run({"data": x, "other": x[:, :2]})["out"]
    np.testing.assert_array_equal(found, x.reshape(shape))


@pytest.mark.parametrize(
    "formula", ["", "1,", "(1)", "sin(1)", "+(1)", "+(1,2", "0q", "9w", "//(1,0)", "0x1", "+(" * 60]
)
def test_formulas_that_can_not_be_read(formula: str, tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=7 1=6 2=3", f'Reshape r 1 1 data out 6="{formula}"']
    with pytest.raises(GraphError, match="'r'"):
        load(write(tmp_path, lines))


def test_crops_follow_the_input_where_their_size_does(tmp_path: Path) -> None:
    lines = ["Input data 0 1 data 0=9 1=8 2=3", "Split s 1 2 data a b",
             "Pooling p 1 1 a small 1=3 5=1", "Crop c 2 1 b small out 0=1 1=1"]  # fmt: skip
    np.testing.assert_array_equal(run(write(tmp_path, lines))["out"], IMAGE[:, :, 1:-1, 1:-1])


@functools.cache
def sample() -> tuple[bytes, bytes]:
    """A small network with most ways to store weights."""
    lines = [
        "Input data 0 1 data 0=7 1=6 2=3",
        "Convolution conv 1 1 data a 0=4 1=3 5=1 6=108 9=2 -23310=1,1.000000e-01",
        "Pooling pool 1 1 a b 0=1 4=1",
        "InnerProduct fc 1 1 b out 0=5 1=1 2=20",
    ]
    weights = tagged(CODES.astype(np.float32)) + plain(np.ones(4))
    return param(lines).encode(), weights + tagged(CODES.ravel()[:20].astype(np.float16)) + plain(np.ones(5))


@given(st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_a_changed_byte_is_refused_or_read(place: int, byte: int, in_text: bool) -> None:
    files = [bytearray(part) for part in sample()]
    part = files[0 if in_text else 1]
    part[place % len(part)] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.param"
        path.write_bytes(files[0])
        path.with_suffix(".bin").write_bytes(files[1])
        try:
            graph, _ = load(path)
        except TinyInferError as error:
            message = str(error)
        else:
            graph.verify()
            message = folder
        assert folder in message
        assert message.isprintable()
