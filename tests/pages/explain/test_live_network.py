"""The network that runs in a page computes what Python computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from explained_page import PHOTO
from one_operator import one_operator

from tinyinfer import models, ops
from tinyinfer.builder import Builder
from tinyinfer.errors import GraphError
from tinyinfer.graph import Graph
from tinyinfer.initialize import initialize
from tinyinfer.loading import load
from tinyinfer.model import Model
from tinyinfer.pages.document import Page, asset, base64_bytes, document
from tinyinfer.pages.explain.live import MOST_WEIGHTS, program
from tinyinfer.pages.explain.page import network_worker
from tinyinfer.pages.explain.subject import look, shown_graph

WEIGHTS = PHOTO.parent
PACKAGE = "tinyinfer.pages.explain"
RUN = """
async (works) => {
  const outputs = [];
  for (const { program, input } of works) {
    const live = new LiveMaps([], program);
    outputs.push([...(await live.run(new Float32Array(bytesOf(input).buffer), [])).output]);
    live.worker.terminate();
  }
  return outputs;
}
"""
KNOWN = (
    *("conv2d", "linear", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "mean", "softmax", "log_softmax"),
    *("batch_norm", "scale_shift", "channel_shuffle", "slice", "pad", "flatten"),
    *("relu", "relu6", "hardswish", "silu", "tanh"),
)


def everything() -> Graph:
    """One of each operator that network.js knows, in odd sizes."""
    b = Builder()
    x = b.conv2d(b.input(channels=3, size=(19, 23)), 12, (3, 5), name="stem", stride=(2, 1), padding=(1, 2))
    x = b.activation(x, "hardswish", name="a1")
    x = b.conv2d(x, 12, 3, name="grouped", groups=3, padding=2, dilation=2)
    x = b.activation(x, "silu", name="a2")
    y = b.conv2d(x, 12, 5, name="depthwise", groups=12, padding=(0, 1, 2, 3))
    gate = b.conv2d(b.adaptive_avg_pool2d(x, name="squeeze"), 12, 1, name="excite")
    x = b.mul(x, b.activation(gate, "hardsigmoid", name="gate"), name="gated")
    x = b.channel_shuffle(x, 4, name="shuffle")
    left, right = b.split(x, (5, 7), name="split")
    x = b.concat(b.activation(right, "tanh", name="a3"), b.activation(left, "sigmoid", name="a4"), name="concat")
    x = b.max_pool2d(x, 3, stride=2, padding=1, name="max")
    y = b.max_pool2d(b.pad(y, (1, 2, 0, 3), name="pad"), 2, name="max2")
    x = b.avg_pool2d(x, (2, 3), stride=(1, 2), padding=(1, 1), name="avg")
    x = b.adaptive_avg_pool2d(x, (3, 4), name="bins")
    y = b.adaptive_avg_pool2d(b.slice(y, 2, start=1, step=2, name="slice"), (3, 4), name="bins2")
    x = b.relu(b.add(x, y, name="add"), name="a5")
    x = b.linear(b.flatten(x, name="flatten"), 9, name="fc")
    return b.finish([b.softmax(b.activation(x, "relu6", name="a6"), name="softmax")])


def network(name: str) -> Model:
    graph = everything() if name == "everything" else models.build(name, num_classes=10)
    return Model(initialize(graph, 1), kernels="reference")


@pytest.fixture(scope="module")
def runner() -> str:
    scripts = [asset(PACKAGE, name) for name in ("activations.js", "maps.js")]
    return document(Page("Run", "", scripts=scripts, workers={"network": network_worker()}))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("everything", (19, 23)), ("resnet20", (32, 32)), ("shufflenet_v2_x0_5", (65, 64))],
)
def test_logits_are_those_of_python(name, shape, runner, open_page) -> None:
    model = shown_graph(network(name))
    x = np.random.default_rng(0).standard_normal((1, 3, *shape)).astype(np.float32)
    types = model.graph.infer_types({model.graph.inputs[0].name: x.shape})
    made = program(model.graph, types, macs=0)
    assert made is not None
    (found,) = open_page(runner).evaluate(RUN, [{"program": made, "input": base64_bytes(x.tobytes())}])
    expected = model(x).reshape(-1)
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()), rtol=0)
    assert np.ptp(expected) > 0.01


def test_every_shipped_network_runs_in_a_page(runner, open_page) -> None:
    works, expected = [], []
    for path in sorted(WEIGHTS.glob("*.npz")):
        model, types, values, x, *_ = look(load(path, kernels="reference"), PHOTO)
        made = program(model.graph, types, model.cost().macs)
        assert made is not None, path.name
        works.append({"program": made, "input": base64_bytes(x.tobytes())})
        expected.append((path.name, values[model.graph.outputs[0]].reshape(-1)))
    assert len(works) > 10
    for (name, wanted), found in zip(expected, open_page(runner).evaluate(RUN, works), strict=True):
        atol = 1e-4 * max(1, np.abs(wanted).max())
        np.testing.assert_allclose(found, wanted, atol=atol, rtol=0, err_msg=name)


def examples(name: str) -> Iterator[tuple[dict, np.ndarray, np.ndarray]]:
    """Programs of one operator, an input and what the reference makes of it; those that network.js knows."""
    rng = np.random.default_rng(0)
    for case in ops.get(name).cases():
        if len(case.inputs) > 1 or case.dtypes:
            continue
        alone = dataclasses.replace(case, inputs=((1, *case.inputs[0][1:]),))
        try:
            graph = one_operator(name, alone, rng)
            types = graph.verify()
        except GraphError:  # an example that needs its batch
            continue
        if (made := program(graph, types, 0)) is not None:
            x = rng.standard_normal(alone.inputs[0]).astype(np.float32)
            yield made, x, Model(graph, kernels="reference").run({"x0": x})[graph.outputs[0]].reshape(-1)


def test_operators_compute_what_their_references_do(runner, open_page) -> None:
    found = {name: list(examples(name)) for name in KNOWN}
    assert [name for name, cases in found.items() if not cases] == []
    cases = [case for some in found.values() for case in some]
    works = [{"program": made, "input": base64_bytes(x.tobytes())} for made, x, _ in cases]
    for (made, _, expected), output in zip(cases, open_page(runner).evaluate(RUN, works), strict=True):
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(output, expected, atol=1e-5 * scale, rtol=0, err_msg=str(made["steps"]))


def test_large_and_unknown_networks_do_not_run_in_a_page() -> None:
    large = shown_graph(models.create("mobilenet_v2"))
    assert sum(array.size for array in large.graph.weights.values()) > MOST_WEIGHTS
    assert program(large.graph, large.graph.infer_types(), 0) is None
    b = Builder()
    graph = b.finish([b.activation(b.input(channels=1, size=4), "elu", name="elu")])
    assert program(graph, graph.infer_types(), 0) is None
    small = shown_graph(network("resnet20")).graph
    assert program(small, small.infer_types(), 10**9) is None
