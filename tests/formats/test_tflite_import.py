"""What becomes of TFLite networks beyond single operators: orders of dimensions, blocks, integers, sizes, tasks."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffer_writer import Number
from flexbuffer_writer import flexible
from tflite_cases import SAME, VALID, conv, conv_options, depthwise, pool_options, transposed, windows
from tflite_writer import Network, one_operator

from tinyinfer.errors import InputError, UnsupportedOpError
from tinyinfer.formats.tflite.load import load
from tinyinfer.graph import Graph
from tinyinfer.model import Model

IMAGE = (1, 6, 8, 3)


def opened(made: Network, folder: Path, **options: Any) -> tuple[Graph, dict[str, Any]]:
    """The network of a file."""
    path = folder / "network.tflite"
    path.write_bytes(made.write())
    return load(path, **options)


def run(made: Network, folder: Path, *inputs: np.ndarray) -> list[np.ndarray]:
    """What the network makes of images as the file has them, likewise."""
    graph, meta = opened(made, folder)
    feeds = {i.name: outside(x) for i, x in zip(graph.inputs, inputs, strict=True)}
    found = Model(graph, meta, kernels="reference").run(feeds)
    return [y.transpose(0, 2, 3, 1) if y.ndim == 4 else y for y in (found[name] for name in graph.outputs)]


def outside(x: np.ndarray) -> np.ndarray:
    """A value as it is at the face of a network: images NCHW."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


def names(graph: Graph) -> list[str]:
    """Operators in their order, but for constants."""
    return [node.op.name for node in graph.nodes if node.op.name != "constant"]


def random(*shape: int) -> np.ndarray:
    """Numbers that are the same in every run."""
    return np.random.default_rng(math.prod(shape)).standard_normal(shape).astype(np.float32)


# -- orders of dimensions ------------------------------------------------------------------------


def test_a_network_of_images_moves_nothing(tmp_path: Path) -> None:
    """Convolution, a bias of channels, gates of means, a pool and a head: not one permute."""
    made, w = Network(), random(4, 1, 1, 3)
    x = made.input("x", IMAGE)
    c, s, g, m, p, f, made.outputs = *(
        made.tensor(name, shape) for name, shape in (
            ("c", (1, 6, 8, 4)), ("s", (1, 6, 8, 4)), ("g", (1, 1, 1, 4)), ("m", (1, 6, 8, 4)), ("p", (1, 1, 1, 4)),
            ("f", (1, 4)))), [made.tensor("y", (1, 5))]  # fmt: skip
    made.apply("CONV_2D", (x, made.constant("w", w), -1), (c,), conv_options(SAME))
    made.apply("ADD", (c, made.constant("b", random(4))), (s,))
    made.apply("MEAN", (s, made.constant("axes", np.int32([1, 2]))), (g,), {"keep_dims": True})
    made.apply("MUL", (s, g), (m,))
    made.apply("AVERAGE_POOL_2D", (m,), (p,), pool_options(VALID, (6, 8), (1, 1)))
    made.apply("RESHAPE", (p, made.constant("shape", np.int32([1, 4]))), (f,))
    head = random(5, 4)
    made.apply("FULLY_CONNECTED", (f, made.constant("head", head), -1), made.outputs, {"keep_num_dims": False})
    graph, _ = opened(made, tmp_path)
    assert names(graph) == ["conv2d", "adaptive_avg_pool2d", "mul", "adaptive_avg_pool2d", "flatten", "linear"]
    image = random(*IMAGE)
    features = image @ w[:, 0, 0].T + random(4)
    gated = features * features.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(run(made, tmp_path, image)[0], gated.mean((1, 2)) @ head.T, rtol=1e-4, atol=1e-5)


def test_weights_move_where_an_image_is_flattened(tmp_path: Path) -> None:
    """A layer over all pixels reads them as they lie, its weights rearranged."""
    made, w = Network(), random(5, 144)
    x, f = made.input("x", IMAGE), made.tensor("f", (1, 144))
    made.outputs = [made.tensor("y", (1, 5))]
    made.apply("RESHAPE", (x, made.constant("shape", np.int32([1, -1]))), (f,))
    made.apply("FULLY_CONNECTED", (f, made.constant("w", w), -1), made.outputs, {"keep_num_dims": False})
    assert names(opened(made, tmp_path)[0]) == ["flatten", "linear"]
    image = random(*IMAGE)
    np.testing.assert_allclose(run(made, tmp_path, image)[0], image.reshape(1, -1) @ w.T, rtol=1e-4, atol=1e-4)


def test_orders_that_cancel_leave_nothing(tmp_path: Path) -> None:
    """An exporter's TRANSPOSE to NCHW and back around an operator that takes any order."""
    made = Network()
    x, a, b = made.input("x", IMAGE), made.tensor("a", (1, 3, 6, 8)), made.tensor("b", (1, 3, 6, 8))
    made.outputs = [made.tensor("y", IMAGE)]
    made.apply("TRANSPOSE", (x, made.constant("to", np.int32([0, 3, 1, 2]))), (a,))
    made.apply("SOFTMAX", (a,), (b,), {"beta": 1.0})
    made.apply("TRANSPOSE", (b, made.constant("back", np.int32([0, 2, 3, 1]))), made.outputs)
    graph, _ = opened(made, tmp_path)
    assert names(graph) == ["softmax"]
    image = random(*IMAGE)
    e = np.exp(image)
    np.testing.assert_allclose(run(made, tmp_path, image)[0], e / e.sum(2, keepdims=True), rtol=1e-4)


def test_names_that_look_like_those_of_other_values(tmp_path: Path) -> None:
    """Tensors may be called anything, twice the same, or nothing."""
    made = Network()
    x = made.input("(0, 3, 1, 2)y", IMAGE)
    a, b = made.tensor("y/nchw", IMAGE), made.tensor("", (1, 144))
    made.outputs = [made.tensor("y", (1, 144)), made.tensor("y", IMAGE)]
    made.apply("NEG", (x,), (a,))
    made.apply("RESHAPE", (a, made.constant("y", np.int32([1, 144]))), (b,))
    made.apply("ABS", (b,), made.outputs[:1])
    made.apply("RELU", (a,), made.outputs[1:])
    image = random(*IMAGE)
    flat, positive = run(made, tmp_path, image)
    np.testing.assert_array_equal(flat, abs(image).reshape(1, 144))
    np.testing.assert_array_equal(positive, np.maximum(-image, 0))


def test_a_channel_shuffle_as_tensorflow_writes_it(tmp_path: Path) -> None:
    """RESHAPE, TRANSPOSE, RESHAPE keep their meaning."""
    made = Network()
    x = made.input("x", (1, 2, 3, 6))
    a, b = made.tensor("a", (1, 2, 3, 2, 3)), made.tensor("b", (1, 2, 3, 3, 2))
    made.outputs = [made.tensor("y", (1, 2, 3, 6))]
    made.apply("RESHAPE", (x, made.constant("s", np.int32([1, 2, 3, 2, 3]))), (a,))
    made.apply("TRANSPOSE", (a, made.constant("p", np.int32([0, 1, 2, 4, 3]))), (b,))
    made.apply("RESHAPE", (b, made.constant("t", np.int32([1, 2, 3, 6]))), made.outputs)
    image = random(1, 2, 3, 6)
    expected = image.reshape(1, 2, 3, 2, 3).swapaxes(3, 4).reshape(1, 2, 3, 6)
    np.testing.assert_array_equal(run(made, tmp_path, image)[0], expected)


def test_shapes_that_are_computed_are_known(tmp_path: Path) -> None:
    """SHAPE, STRIDED_SLICE and PACK before a RESHAPE, and the batch stays free."""
    made = Network()
    x = made.input("x", IMAGE, signature=(-1, 6, 8, 3))
    s, n, t = made.tensor("s", (4,), "int32"), made.tensor("n", (), "int32"), made.tensor("t", (3,), "int32")
    made.outputs = [made.tensor("y", (1, 16, 9))]
    made.apply("SHAPE", (x,), (s,), {"out_type": 2})
    ends = [made.constant(name, np.int32([value])) for name, value in (("a", 0), ("b", 1), ("c", 1))]
    made.apply("STRIDED_SLICE", (s, *ends), (n,), {"shrink_axis_mask": 1})
    sizes = [made.constant(name, np.array(value, np.int32)) for name, value in (("d", 16), ("e", 9))]
    made.apply("PACK", (n, *sizes), (t,), {"values_count": 3, "axis": 0})
    made.apply("RESHAPE", (x, t), made.outputs)
    graph, _ = opened(made, tmp_path)
    assert graph.output_shapes() == [("y", (None, 16, 9))]
    image = random(2, 6, 8, 3)
    np.testing.assert_array_equal(run(made, tmp_path, image)[0], image.reshape(2, 16, 9))


# -- convolutions --------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", [SAME, VALID])
def test_padding_joins_the_convolution_behind_it(tmp_path: Path, padding: int) -> None:
    """Zeros around an image are the convolution's own affair."""
    made, w = Network(), random(4, 3, 3, 3)
    x, p = made.input("x", IMAGE), made.tensor("p", (1, 7, 9, 3))
    size = (1, 4, 5, 4) if padding == SAME else (1, 3, 4, 4)
    made.outputs = [made.tensor("y", size)]
    made.apply("PAD", (x, made.constant("pads", np.int32([[0, 0], [1, 0], [0, 1], [0, 0]]))), (p,))
    made.apply("CONV_2D", (p, made.constant("w", w), -1), made.outputs, conv_options(padding, (2, 2)))
    assert names(opened(made, tmp_path)[0]) == ["conv2d"]
    image = random(*IMAGE)
    padded = np.pad(image, [(0, 0), (1, 0), (0, 1), (0, 0)])
    np.testing.assert_allclose(run(made, tmp_path, image)[0], conv(padding, (2, 2))(padded, w), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("depth", [False, True])
@pytest.mark.parametrize(
    ("pads", "crops"), [(((2, 2), (2, 2)), ((0, 0), (0, 0))), (((2, 4), (2, 2)), ((0, 2), (0, 0)))]
)
def test_blocks_around_a_convolution_are_its_dilation(tmp_path: Path, pads: Any, crops: Any, depth: bool) -> None:
    """SPACE_TO_BATCH_ND, a VALID convolution and BATCH_TO_SPACE_ND are one dilated convolution."""
    made, w = Network(), random(1, 3, 3, 3) if depth else random(4, 3, 3, 3)
    x, block = made.input("x", IMAGE), made.constant("block", np.int32([2, 2]))
    a, b = made.tensor("a", (4, 5, 6, 3)), made.tensor("b", (4, 3, 4, 4))
    height = 6 + sum(pads[0]) - 4 - sum(crops[0])
    made.outputs = [made.tensor("y", (1, height, 8, w.shape[0] if not depth else 3))]
    made.apply("SPACE_TO_BATCH_ND", (x, block, made.constant("pads", np.int32(pads))), (a,))
    made.apply("DEPTHWISE_CONV_2D" if depth else "CONV_2D", (a, made.constant("w", w), -1), (b,), conv_options(VALID))
    made.apply("BATCH_TO_SPACE_ND", (b, block, made.constant("crops", np.int32(crops))), made.outputs)
    image = random(*IMAGE)
    one = (depthwise if depth else conv)(VALID, dilation=(2, 2))(np.pad(image, [(0, 0), *pads, (0, 0)]), w)
    np.testing.assert_allclose(run(made, tmp_path, image)[0], one[:, :height], rtol=1e-4, atol=1e-5)


def test_blocks_around_anything_else_are_refused(tmp_path: Path) -> None:
    """By name, as all that is not supported."""
    made = Network()
    x, a = made.input("x", IMAGE), made.tensor("a", (4, 3, 4, 3))
    made.outputs = [made.tensor("y", (4, 3, 4, 3))]
    two = made.constant("two", np.int32([2, 2])), made.constant("zeros", np.int32([[0, 0], [0, 0]]))
    made.apply("SPACE_TO_BATCH_ND", (x, *two), (a,))
    made.apply("RELU", (a,), made.outputs)
    with pytest.raises(UnsupportedOpError, match=r"RELU.*only around a convolution"):
        opened(made, tmp_path)


def test_mediapipes_transposed_convolution(tmp_path: Path) -> None:
    """Convolution2DTransposeBias doubles an image."""
    w, b = random(4, 2, 2, 3), random(4)
    made = one_operator(
        "Convolution2DTransposeBias", [IMAGE, w, b], [(1, 12, 16, 4)], custom=struct.pack("<3i", 1, 2, 2)
    )
    image = random(*IMAGE)
    expected = transposed(SAME, (2, 2))(np.int32([1, 12, 16, 4]), w, image, b)
    np.testing.assert_allclose(run(made, tmp_path, image)[0], expected, rtol=1e-4, atol=1e-5)


def test_mediapipes_unpooling(tmp_path: Path) -> None:
    """MaxUnpooling2D puts values where MaxPoolingWithArgmax2D found them."""
    made, options = Network(), struct.pack("<6i", 1, 2, 2, 2, 2, 0)
    x, p, i = made.input("x", IMAGE), made.tensor("p", (1, 3, 4, 3)), made.tensor("i", (1, 3, 4, 3))
    made.outputs = [made.tensor("y", IMAGE)]
    made.apply("MaxPoolingWithArgmax2D", (x,), (p, i), custom=options)
    made.apply("MaxUnpooling2D", (p, i), made.outputs, custom=options)
    image = random(*IMAGE)
    largest = windows(image, (2, 2), (2, 2), VALID).max((3, 4)).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(run(made, tmp_path, image)[0], np.where(image == largest, image, 0))


# -- numbers as the file stores them -------------------------------------------------------------


def test_half_precision_and_sparse_weights_are_unpacked(tmp_path: Path) -> None:
    """DEQUANTIZE of float16 and DENSIFY of blocks leave no node."""
    made, w = Network(), np.zeros((4, 6), np.float32)
    w[[0, 0, 2, 3], [1, 5, 0, 2]] = 1, 2, 3, 4
    w[[1, 1, 3, 2], [1, 5, 0, 2]] = 5, 6, 7, 0
    # rows in blocks of 2: of the places (block row, column) those that have something
    blocks = [(row, column) for row in range(2) for column in range(6) if w[2 * row : 2 * row + 2, column].any()]
    values = np.concatenate([w[2 * row : 2 * row + 2, column] for row, column in blocks]).astype(np.float16)
    sparse = made.constant("sparse", values, shape=(4, 6))
    counts = np.cumsum([0, *(sum(row == r for row, _ in blocks) for r in range(2))])
    columns = {0: Number("b", 1), 2: Number("B", 3), 3: {0: np.uint8(counts)}, 4: Number("B", 2), 5: {
        0: np.uint16([column for _, column in blocks])}}  # fmt: skip
    dense = [{1: Number("i", 2)}, columns, {1: Number("i", 2)}]
    made.tensors[sparse][6] = {0: np.int32([0, 1, 2]), 1: np.int32([0]), 2: dense}
    half, full, x = made.tensor("half", (4, 6), "float16"), made.tensor("full", (4, 6)), made.input("x", (2, 6))
    made.outputs = [made.tensor("y", (2, 4))]
    made.apply("DENSIFY", (sparse,), (half,))
    made.apply("DEQUANTIZE", (half,), (full,))
    made.apply("FULLY_CONNECTED", (x, full, -1), made.outputs, {"keep_num_dims": False})
    assert names(opened(made, tmp_path)[0]) == ["linear"]
    rows = random(2, 6)
    np.testing.assert_allclose(run(made, tmp_path, rows)[0], rows @ w.T, rtol=1e-5)


def quantized(zero: int, scale: float = 1.0, dtype: str = "uint8") -> Network:
    """A convolution by 1 of one channel, whose output is quantised so."""
    made = Network()
    x = made.input("x", (1, 2, 2, 1), dtype, quantization=(0.5, 10))
    w = made.constant("w", np.full((1, 1, 1, 1), 3, np.int8), quantization=(0.25, -1))
    b = made.constant("b", np.int32([4]), quantization=(0.125, 0))
    made.outputs = [made.tensor("y", (1, 2, 2, 1), dtype, quantization=(scale, zero))]
    made.apply("CONV_2D", (x, w, b), made.outputs, conv_options(SAME))
    return made


@pytest.mark.parametrize(
    ("zero", "scale", "dtype", "bounds"),
    [(0, 1.0, "uint8", (0, np.inf)), (-128, 1.0, "int8", (0, np.inf)), (0, 6 / 255, "uint8", (0, 6)),
     (128, 1.0, "uint8", (-np.inf, np.inf)), (-1, 0.1, "int8", (-np.inf, np.inf))],
)  # fmt: skip
def test_quantised_networks_run_on_real_numbers(
    tmp_path: Path, zero: int, scale: float, dtype: str, bounds: tuple[float, float]
) -> None:
    """Inputs and outputs are what integers stand for; a range that begins at 0 is the relu that was left out."""
    image = np.float32([-9, -1, 2, 30]).reshape(1, 2, 2, 1)
    made = quantized(zero, scale, dtype)
    graph, meta = opened(made, tmp_path, dequantize=True)
    found = Model(graph, meta, kernels="reference")(outside(image)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, np.clip(image * 1.0 + 0.5, *bounds))
    assert any("float32" in note for note in meta["notes"])
    shift = 128 if dtype == "int8" else 0
    assert meta["preprocess"]["mean"] == [10 + shift]
    assert meta["preprocess"]["std"] == [2.0]


def test_int4_weights(tmp_path: Path) -> None:
    """Two in a byte, the lower one first."""
    made = Network()
    x = made.input("x", (1, 3))
    w = made.constant("w", np.uint8([0x8F, 0x07]), "int4", shape=(1, 3), quantization=(0.5, 0))
    made.outputs = [made.tensor("y", (1, 1))]
    made.apply("FULLY_CONNECTED", (x, w, -1), made.outputs, {"keep_num_dims": False})
    row = np.float32([[1, 10, 100]])
    assert run(made, tmp_path, row)[0] == pytest.approx(0.5 * (-1 - 80 + 700))
    assert any("float32" in note for note in opened(made, tmp_path)[1]["notes"])


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    """Indices as an input pick rows."""
    made, table = Network(), random(5, 3)
    i = made.input("i", (2,), "int32")
    made.outputs = [made.tensor("y", (2, 3))]
    made.apply("GATHER", (made.constant("table", table), i), made.outputs, {"axis": 0})
    np.testing.assert_array_equal(run(made, tmp_path, np.int32([3, 1]))[0], table[[3, 1]])


# -- what is told ----------------------------------------------------------------------------------


def test_all_that_is_not_supported_is_named_at_once(tmp_path: Path) -> None:
    """Builtins and custom operators, with their versions."""
    made = Network()
    x = made.input("x", (1, 4))
    made.outputs = [made.tensor("a", (1, 4)), made.tensor("b", (1, 4))]
    made.apply("SVDF", (x,), made.outputs[:1], version=7)
    made.apply("MyOperator", (x,), made.outputs[1:], custom=b"", version=3)
    with pytest.raises(UnsupportedOpError, match=r"SVDF .*version 7.*CUSTOM MyOperator .*version 3"):
        opened(made, tmp_path)


def test_sizes_that_the_file_leaves_free(tmp_path: Path) -> None:
    """They are what the caller says, as NCHW; others can't be changed."""
    made = one_operator("RELU", [IMAGE], [IMAGE])
    made.tensors[0][7] = np.int32([-1, -1, -1, 3])
    graph, _ = opened(made, tmp_path, input_shapes={"x0": (2, 3, 10, 12)})
    assert graph.inputs[0].shape == (None, 3, None, None)
    assert graph.inputs[0].nominal == (2, 3, 10, 12)
    for wrong in ({"x0": (2, 4, 10, 12)}, {"x0": (2, 3)}, {"other": (1, 3, 6, 8)}):
        with pytest.raises(InputError, match="expected"):
            opened(made, tmp_path, input_shapes=wrong)


def test_the_end_of_an_ssd_is_left_to_the_task(tmp_path: Path) -> None:
    """Boxes and scores come out, anchors and options are in the metadata."""
    made, anchors = Network(), random(4, 4)
    offsets, scores = made.input("offsets", (1, 4, 4)), made.input("scores", (1, 4, 3))
    made.outputs = [made.tensor(f"TFLite_Detection_PostProcess:{i}", (1, 10, 4)) for i in range(4)]
    options = flexible({"max_detections": 10, "nms_iou_threshold": 0.5, "y_scale": 10.0, "num_classes": 2})
    inputs = offsets, scores, made.constant("anchors", anchors)
    made.apply("TFLite_Detection_PostProcess", inputs, made.outputs, custom=options)
    graph, meta = opened(made, tmp_path)
    assert graph.outputs == ["offsets", "scores"]
    found = meta["detection"]
    assert (found["max_detections"], found["nms_iou_threshold"], found["y_scale"]) == (10, 0.5, 10.0)
    np.testing.assert_array_equal(np.float32(found["anchors"]), anchors)
