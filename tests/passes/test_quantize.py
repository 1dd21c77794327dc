"""From real numbers to codes: what is quantised, how finely, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from small_networks import randomize, residual_network

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.calibration import METHODS, Calibration, Histogram
from tinyinfer.errors import GraphError, InputError, WeightsError
from tinyinfer.evaluation.noise import decibels
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.ops.quantized.weights import QuantizedLayer
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.scales import quantize_weights, unsigned
from tinyinfer.quantization import calibrate

STEPS = ("quantize_linear", "dequantize_linear")


def pictures(graph: Graph, count: int = 4, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    shape = graph.input_shapes()[graph.inputs[0].name]
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(count)]


def calibrated(graph: Graph) -> Calibration:
    return calibrate(Model(graph, kernels="reference"), pictures(graph))


def outputs(graph: Graph, seen: Sequence[np.ndarray]) -> list[np.ndarray]:
    model = Model(graph, kernels="reference")
    return [model(x) for x in seen]


def noise(graph: Graph, quantized: Graph) -> float:
    """Signal-to-noise on pictures that the calibration has not seen, in dB."""
    unseen = pictures(graph, seed=2)
    found = decibels(outputs(graph, unseen), outputs(quantized, unseen))
    assert found is not None
    return found


def kinds(graph: Graph) -> Counter[str]:
    return Counter(node.op.name for node in graph.nodes)


def network(*layers: str, channels: int = 8, size: int = 12) -> Graph:
    """Convolutions with what is named between them, all of one size."""
    b = Builder()
    x = b.conv2d(b.input(3, size), channels, 3, name="first", padding=1)
    for i, name in enumerate(layers):
        attrs = {"max_pool2d": {"kernel_size": 3, "stride": 1, "padding": 1}, "channel_shuffle": {"groups": 2}}
        attrs |= {"avg_pool2d": {"kernel_size": 2}, "adaptive_avg_pool2d": {"output_size": (3, 3)}}
        attrs["interpolate"] = {"scale_factor": (2.0, 2.0), "mode": "bilinear"}
        x = b.apply(name, x, name=f"{name}{i}", **attrs.get(name, {}))
    return randomize(b.finish(b.conv2d(x, 6, 3, name="last", padding=1)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("per_tensor", [False, True])
def test_a_network_of_codes_computes_nearly_the_same(method: str, per_tensor: bool) -> None:
    graph = residual_network()
    quantized = passes.quantize(graph, calibrated(graph), method=method, per_tensor=per_tensor)
    quantized.verify()
    assert kinds(quantized) == {
        "quantize_linear": 1, "quantized_conv2d": 4, "quantized_add": 2, "quantized_adaptive_avg_pool2d": 1,
        "flatten": 1, "quantized_linear": 1,
    }  # fmt: skip
    assert noise(graph, quantized) > 25
    assert quantized.infer_types()[quantized.outputs[0]].dtype == "float32"
    assert quantized.outputs == graph.outputs
    assert kinds(graph)["conv2d"] == 4, "the given graph is untouched"


def test_weights_are_int8_by_channel_and_activations_part_of_layers() -> None:
    graph = residual_network()
    quantized = passes.quantize(graph, calibrated(graph), method="minmax")
    for node in quantized.nodes:
        if isinstance(node.op, QuantizedLayer):
            params = quantized.param_arrays(node)
            weight, scale = params["weight"], params["weight_scale"]
            assert (weight.dtype, params["bias"].dtype, scale.shape) == (np.int8, np.int32, (len(weight),))
            np.testing.assert_array_equal(np.abs(weight.reshape(len(weight), -1).astype(int)).max(axis=1), 127)
            assert node.op.weight_zero_point == 0
    stem, last = quantized.node("stem").op, quantized.node("fc").op
    assert isinstance(stem, QuantizedLayer)
    assert isinstance(last, QuantizedLayer)
    assert (stem.activation, stem.dtype, stem.zero_point) == ("relu6", "uint8", 0)
    assert last.dtype == "float32"
    assert quantized.node("add").op.activation == "relu"  # type: ignore[attr-defined]


@pytest.mark.parametrize("groups", [1, 2])
def test_slopes_and_transposed_convolutions(groups: int) -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 12), 8, 3, name="first", padding=1)
    x = b.apply("prelu", x, name="slopes", params={"weight": (8,)})
    weight = {"weight": (8, 6 // groups, 4, 4), "bias": (6,)}
    x = b.apply("conv_transpose2d", x, name="up", params=weight, stride=2, padding=1, groups=groups)
    graph = randomize(b.finish(b.conv2d(x, 6, 3, name="last", padding=1)))
    quantized = passes.quantize(graph, calibrated(graph), method="minmax")
    assert kinds(quantized) == {
        "quantize_linear": 1, "quantized_conv2d": 2, "quantized_prelu": 1, "quantized_conv_transpose2d": 1,
    }  # fmt: skip
    node = quantized.node("up")
    params = quantized.param_arrays(node)
    assert isinstance(node.op, QuantizedLayer)
    assert params["weight"].shape == (8, 6 // groups, 4, 4)
    np.testing.assert_array_equal(np.abs(node.op.by_output(params["weight"]).astype(int)).max(axis=1), 127)
    assert noise(graph, quantized) > 30


def test_one_scale_for_all_weights_is_worse_where_channels_differ() -> None:
    graph = network("relu")
    key = graph.node("first").params["weight"]
    graph.weights[key] = graph.weights[key] * np.geomspace(1, 300, 8).astype(np.float32).reshape(-1, 1, 1, 1)
    second = graph.node("last").params["weight"]
    graph.weights[second] = graph.weights[second] / np.geomspace(1, 300, 8).astype(np.float32).reshape(1, -1, 1, 1)
    graph.weights[second][:3] *= 1e-3
    seen = calibrated(graph)
    fine, coarse = (passes.quantize(graph, seen, per_tensor=each) for each in (False, True))
    assert np.ptp(coarse.weights[coarse.node("last").params["weight_scale"]]) == 0
    unseen = pictures(graph, seed=2)
    truth = [y[:, :3] for y in outputs(graph, unseen)]  # channels of small weights
    by_channel, by_tensor = (decibels(truth, [y[:, :3] for y in outputs(g, unseen)]) for g in (fine, coarse))
    assert by_channel is not None
    assert by_tensor is not None
    assert by_channel > by_tensor + 5


@pytest.mark.parametrize("movement", ["channel_shuffle", "max_pool2d", "interpolate"])
def test_what_only_moves_shares_its_scale(movement: str) -> None:
    graph = network("relu", movement, "relu")
    quantized = passes.quantize(graph, calibrated(graph))
    types = quantized.infer_types()
    first, last = quantized.node("first").op, quantized.node("last").op
    assert isinstance(first, QuantizedLayer)
    assert isinstance(last, QuantizedLayer)
    assert kinds(quantized)["dequantize_linear"] == 0
    assert all(t.dtype == "uint8" for name, t in types.items() if name not in ("input", *quantized.outputs))
    assert noise(graph, quantized) > 25


def test_a_concat_covers_all_that_is_joined() -> None:
    b = Builder()
    x = b.input(3, 8)
    small, large = b.conv2d(x, 4, 1, name="small"), b.conv2d(x, 5, 3, name="large", padding=1)
    y = b.conv2d(b.concat(small, large, name="both"), 3, 1, name="last")
    graph = randomize(b.finish(y))
    graph.weights[graph.node("large").params["weight"]] *= 20
    quantized = passes.quantize(graph, calibrated(graph), method="minmax")
    types = quantized.infer_types()
    assert types["small"].quant == types["large"].quant == types["both"].quant
    assert noise(graph, quantized) > 25


@pytest.mark.parametrize("function", ["gelu", "leaky_relu", "hardtanh", "tanh"])
def test_functions_that_no_layer_has_are_tables(function: str) -> None:
    graph = network(function)
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized)["lookup"] == 1
    assert noise(graph, quantized) > 25


@pytest.mark.parametrize("function", ["hardswish", "silu", "sigmoid", "hardsigmoid", "relu", "relu6"])
def test_functions_of_layers_come_before_rounding(function: str) -> None:
    graph = network(function, channels=3)  # narrower than a register, where kernels of real numbers would not take it
    quantized = passes.quantize(graph, calibrated(graph))
    assert quantized.node("first").op.activation == function  # type: ignore[attr-defined]
    assert kinds(quantized) == {"quantize_linear": 1, "quantized_conv2d": 2}


@pytest.mark.parametrize("mean", ["avg_pool2d", "adaptive_avg_pool2d"])
def test_means_have_scales_of_their_own(mean: str) -> None:
    graph = network("relu", mean)
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized) == {"quantize_linear": 1, "quantized_conv2d": 2, f"quantized_{mean}": 1}
    op = quantized.node(f"{mean}1").op
    assert op.scale < op.input_scale  # type: ignore[attr-defined]
    assert noise(graph, quantized) > 25


def test_padding_by_a_number_is_padding_by_its_code() -> None:
    b = Builder()
    x = b.apply("pad", b.conv2d(b.input(3, 8), 4, 1, name="first"), name="pad", pad=(1, 2, 0, 1), value=-1.5)
    graph = randomize(b.finish(b.conv2d(x, 3, 3, name="last")))
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized)["dequantize_linear"] == 0
    assert noise(graph, quantized) > 25


def test_constants_become_codes_once() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 4, 1, name="first")
    gate = b.constant(np.linspace(-2, 3, 4, dtype=np.float32).reshape(1, 4, 1, 1), name="gate")
    x = b.apply("mul", x, gate, name="scaled")
    graph = randomize(b.finish(b.conv2d(b.add(x, gate, name="shifted"), 3, 3, name="last")))
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized)["quantize_linear"] == 1  # of the input
    assert {
        quantized.infer_types()[v].dtype for n in quantized.nodes if n.op.name == "constant" for v in n.outputs
    } == {"uint8"}
    assert noise(graph, quantized) > 25


def test_norms_behind_no_layer_are_convolutions_of_one_tap() -> None:
    """As in DenseNet, where they read joined values."""
    b = Builder()
    x = b.input(3, 8)
    x = b.concat(b.conv2d(x, 4, 1, name="a"), b.conv2d(x, 4, 3, name="b", padding=1), name="both")
    x = b.relu(b.batch_norm(x, name="norm"), name="act")
    graph = randomize(b.finish(b.conv2d(x, 3, 1, name="last")))
    quantized = passes.quantize(graph, calibrated(graph))
    norm = quantized.node("norm")
    assert (norm.op.name, norm.op.groups, norm.op.activation) == ("quantized_conv2d", 8, "relu")  # type: ignore[attr-defined]
    assert set(np.abs(quantized.param_arrays(norm)["weight"]).reshape(-1)) == {127}
    assert kinds(quantized)["dequantize_linear"] == 0
    assert noise(graph, quantized) > 25


def test_what_comes_behind_the_last_layer_stays_real() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 4, 3, name="first")
    boxes = b.conv2d(x, 4, 1, name="boxes")
    decoded = b.apply("mul", b.apply("sigmoid", boxes, name="sigmoid"), boxes, name="decoded")
    graph = randomize(b.finish([b.add(decoded, boxes, name="moved"), x]))
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized) == {
        "quantize_linear": 1, "quantized_conv2d": 2, "dequantize_linear": 1, "sigmoid": 1, "mul": 1, "add": 1,
    }  # fmt: skip
    assert quantized.outputs == graph.outputs
    types = quantized.infer_types()
    assert {types[name].dtype for name in quantized.outputs} == {"float32"}


def test_operators_without_a_quantised_form_stay_real() -> None:
    graph = network("softmax")
    quantized = passes.quantize(graph, calibrated(graph))
    assert kinds(quantized) == {"quantize_linear": 2, "quantized_conv2d": 2, "softmax": 1}


def test_kept_nodes_stay_real() -> None:
    graph = residual_network()
    seen = calibrated(graph)
    by_name = passes.quantize(graph, seen, keep=["one.norm", "j*"])  # a norm names the layer that it is part of
    assert [n.name for n in by_name.nodes if n.op.name in ("conv2d", "add")] == ["one", "join"]
    assert noise(graph, by_name) > 25
    everything = passes.quantize(graph, seen, keep=["*"])
    assert not any(t.quant for t in everything.infer_types().values())
    with pytest.raises(InputError, match="keep: no node is called 'two'"):
        passes.quantize(graph, seen, keep=["stem", "two"])


def test_preparing_twice_changes_nothing() -> None:
    once = prepare(residual_network())
    twice = prepare(once)
    assert [(n.name, n.op, n.inputs, n.outputs) for n in once.nodes] == [
        (n.name, n.op, n.inputs, n.outputs) for n in twice.nodes
    ]


def test_a_quantised_network_is_refused() -> None:
    graph = residual_network()
    seen = calibrated(graph)
    quantized = passes.quantize(graph, seen)
    for again in (lambda: passes.quantize(quantized, seen), lambda: passes.equalize(quantized)):
        with pytest.raises(GraphError, match=r"expected a network of real numbers, found node .* quantised already"):
            again()


def test_another_network_s_calibration_is_refused() -> None:
    with pytest.raises(InputError, match="it has not seen the value"):
        passes.quantize(residual_network(), calibrated(network("relu")))


def test_dead_channels_and_large_biases_fit() -> None:
    """A channel without weights, and one whose bias is far beyond what its weights could make."""
    weight = np.float32([[0, 0], [1e-9, 1e-9], [1, -3], [0, 0]])
    bias = np.float32([0, 50, 0.3, 7])
    found = quantize_weights({"weight": weight, "bias": bias}, input_scale=1e-3)
    scale = found["weight_scale"].astype(np.float64)
    np.testing.assert_allclose(found["bias"] * scale * 1e-3, bias, rtol=1e-4, atol=1e-5)
    assert np.all(scale > 0)
    np.testing.assert_allclose(found["weight"][2] * scale[2], weight[2], atol=scale[2] / 2)


def test_weights_that_8_bits_can_not_hold_are_refused() -> None:
    with pytest.raises(WeightsError, match="weight: expected finite numbers, found NaN or infinity"):
        quantize_weights({"weight": np.float32([[np.nan]])}, 1.0)
    b = Builder()
    graph = b.finish(b.linear(b.flatten(b.input(1, 300), name="flat"), 1, name="sum"))
    graph.weights["sum.weight"], graph.weights["sum.bias"] = np.ones((1, 90_000), np.float32), np.zeros(1, np.float32)
    seen = calibrate(Model(graph, kernels="reference"), pictures(graph, 1))
    with pytest.raises(WeightsError, match=r"node 'sum': weight: sums of output channel 0 can leave 32 bits .*keep"):
        passes.quantize(graph, seen)
    passes.quantize(graph, seen, keep=["sum"])


@pytest.mark.parametrize("ends", [(-np.inf, 1), (0, np.inf), (-3e38, 3e38)])
def test_ranges_that_no_scale_fits_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="expected a range of finite numbers"):
        unsigned(*ends)


@pytest.mark.parametrize("ends", [(0, 0), (0, 1e-45), (-1e-44, 0)])
def test_values_that_are_always_zero_have_a_scale(ends: tuple[float, float]) -> None:
    quant = unsigned(*ends)
    assert quant.scale == (1.0,)
    assert quant.zero_point == (0,)


def test_zero_has_a_code_of_its_own() -> None:
    for low, high in ((0.3, 5), (-4, -1), (-1, 3)):
        quant = unsigned(low, high)
        zero, scale = quant.zero_point[0], quant.scale[0]
        assert 0 <= zero <= 255
        assert (0 - zero) * scale <= min(low, 0) + scale
        assert (255 - zero) * scale >= max(high, 0) - scale


def test_a_value_beyond_float32_is_named() -> None:
    histogram = Histogram()
    histogram.add(np.float32([-3e38, 3e38]))
    graph = network("relu")
    seen = calibrated(graph)
    wide = Calibration({**seen.histograms, "input": histogram}, 1)
    with pytest.raises(InputError, match="value 'input': expected a range of finite numbers"):
        passes.quantize(graph, wide, method="minmax")
