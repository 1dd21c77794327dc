"""Every operator, and whole networks, against torch.nn.functional, by the module that benchmarks and training use."""

from __future__ import annotations

import numpy as np
import pytest
from one_operator import one_operator

from tinyinfer import models, ops
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph, TensorType
from tinyinfer.model import Model
from tinyinfer.profiling.cost import cost

torch = pytest.importorskip("torch")
TorchGraph = pytest.importorskip("tinyinfer.bench.torch_peer.graph").TorchGraph

CASES = [(name, i) for name in ops.names() if not ops.get(name).composite for i in range(len(ops.get(name).cases()))]


@pytest.mark.parametrize(("name", "index"), CASES)
def test_operator(name: str, index: int, rng: np.random.Generator) -> None:
    case = ops.get(name).cases()[index]
    graph = one_operator(name, case, rng)
    node = graph.node("y")
    types = [TensorType(t.shape, t.dtype.replace("float32", "float64")) for t in case.input_types]
    x = node.op.example_inputs(types, rng)
    expected = node.op.reference(x, {role: v.astype(np.float64) for role, v in graph.param_arrays(node).items()})
    with torch.no_grad():
        found = TorchGraph(graph).double().eval()(*(torch.from_numpy(value.astype(np.float64)) for value in x))
    found = [found] if isinstance(found, torch.Tensor) else found
    for a, b in zip(expected, found, strict=True):
        assert (a.shape, str(a.dtype)) == (tuple(b.shape), str(b.dtype).removeprefix("torch."))
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v2_cifar", 32),
        ("resnet20", 32),
        ("squeezenet1_1", 64),
        ("mobilenetv2_035", 64),
        ("upsampler_bicubic", 37),
        ("upsampler_conv_transpose", 37),
        ("upsampler_max_unpool", 37),
    ],
)
def test_network(name: str, size: int, rng: np.random.Generator) -> None:
    graph = models.create(name, seed=1).graph
    x = rng.standard_normal((2, 3, size, size)).astype(np.float32)
    expected = Model(graph, kernels="reference")(x)
    with torch.no_grad():
        found = TorchGraph(graph).eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def smallest(family: str) -> str:
    """The network of a family with the fewest mult-adds at its nominal size."""
    return min(models.names(family), key=lambda name: cost(models.build(name)).macs)


def fitting_input(graph: Graph) -> tuple[int, ...]:
    """A small input that the network takes, odd and not square where it can be; its nominal size otherwise."""
    nominal = graph.inputs[0].nominal
    for height, width in ((33, 47), (75, 91), (107, 123)):
        try:
            graph.infer_types({graph.inputs[0].name: (2, nominal[1], height, width)})
        except GraphError:
            continue
        return (2, nominal[1], height, width)
    return nominal


@pytest.mark.parametrize("family", models.families())
def test_every_family_computes_what_torch_computes(family: str, rng: np.random.Generator) -> None:
    graph = models.create(smallest(family), seed=1).graph
    for key, array in graph.weights.items():  # smaller, lest deep residual networks explode and amplify rounding
        graph.weights[key] = 0.6 * array if array.ndim > 1 else array
    x = rng.standard_normal(fitting_input(graph)).astype(np.float32)
    expected = Model(graph, threads=1).run({graph.inputs[0].name: x})
    with torch.no_grad():
        found = TorchGraph(graph).eval()(torch.from_numpy(x))
    for y, name in zip([found] if isinstance(found, torch.Tensor) else found, graph.outputs, strict=True):
        np.testing.assert_allclose(y.numpy(), expected[name], rtol=0, atol=1e-4 * np.abs(expected[name]).max())


def test_training_normalises_by_the_batch_and_moves_the_statistics(rng: np.random.Generator) -> None:
    net = TorchGraph(one_operator("batch_norm", ops.get("batch_norm").cases()[0], rng)).train()
    before = net.weights()
    x = torch.from_numpy(rng.normal(3, 2, (8, 7, 5, 6)).astype(np.float32))
    y = net(x).detach().transpose(0, 1).flatten(1).numpy()
    np.testing.assert_allclose(y.mean(1), before["y.bias"], atol=1e-5)
    np.testing.assert_allclose(y.std(1), before["y.weight"], rtol=1e-4)
    assert all((before[key] == value).all() for key, value in net.weights().items())  # momentum 0
    net.momentum = 1.0
    net(x)
    np.testing.assert_allclose(net.weights()["y.running_mean"], x.mean((0, 2, 3)).numpy(), rtol=1e-5)


def test_writing_over_values_does_not_change_the_gradients(rng: np.random.Generator) -> None:
    x = torch.from_numpy(rng.standard_normal((4, 3, 32, 32)).astype(np.float32))
    gradients = []
    for overwrite in (True, False):
        torch.manual_seed(0)  # dropout's
        net = TorchGraph(models.create("mobilenet_v2_cifar", seed=2).graph).train()
        assert any(net.overwrites(node) for node in net.order)
        if not overwrite:
            net._overwrites = set()
        gradients.append(torch.autograd.grad(net(x)[:, 3].sum(), list(net.parameters())))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
