"""A pixel sees what is said and nothing else: found out by changing the photo pixel by pixel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyinfer.builder import Builder
from tinyinfer.model import Model
from tinyinfer.pages.explain.receptive_field import receptive_fields

SIZE = 17


@st.composite
def chains(draw):
    """Convolutions of weights 1, poolings, shortcuts, cuts and borders."""
    b = Builder()
    x = b.input(channels=1, size=SIZE)
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv2d", "dilated", "pool", "add", "slice", "pad"]))
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        if kind == "conv2d":
            x = b.conv2d(x, 1, kernel, name=f"c{i}", stride=stride, padding=kernel // 2)
        elif kind == "dilated":
            x = b.conv2d(x, 1, 3, name=f"d{i}", dilation=2, padding=2)
        elif kind == "pool":
            x = b.avg_pool2d(x, kernel, stride=stride, name=f"p{i}")
        elif kind == "add":
            x = b.add(x, b.conv2d(x, 1, 3, name=f"a{i}", padding=1), name=f"s{i}")
        elif kind == "slice":
            x = b.slice(x, 2, name=f"l{i}", start=1, step=2)
        else:
            x = b.pad(x, (1, 0, 2, 1), name=f"b{i}")
    return b.finish([x])


@given(chains(), st.data())
@settings(max_examples=25)
def test_changing_what_lies_outside_changes_nothing(graph, data):
    graph.weights.update({key: np.ones(graph.weights.shape(key), np.float32) for key in graph.weights})
    types = graph.infer_types()
    out = graph.outputs[0]
    field = receptive_fields(graph, types)[out]
    assert field is not None
    y, x = (data.draw(st.integers(0, n - 1)) for n in types[out].shape[2:])
    model = Model(graph, kernels="reference")
    photos = np.eye(SIZE * SIZE, dtype=np.float32).reshape(-1, 1, SIZE, SIZE)  # each lights one pixel
    dark = model(np.zeros((1, 1, SIZE, SIZE), np.float32))[0, 0, y, x]
    seen = np.argwhere((model(photos)[:, 0, y, x] != dark).reshape(SIZE, SIZE))
    for axis, at, places in zip(field, (y, x), seen.T, strict=True):
        low, high = max(axis.step * at + axis.low, 0), min(axis.step * at + axis.high, SIZE)
        assert ((low <= places) & (places < high)).all()


def test_windows_are_as_large_as_known():
    b = Builder()
    x = b.input(channels=1, size=32)
    x = b.conv2d(x, 1, 7, name="conv1", stride=2, padding=3)
    x = b.max_pool2d(x, 3, stride=2, padding=1, name="pool")
    x = b.conv2d(x, 1, 3, name="conv2", padding=1)
    field = receptive_fields(graph := b.finish([x]), graph.infer_types())
    down, _ = field[x]  # 7, then 2 * 2 more, then 2 * 4 more: ResNet's stem and first layer
    assert (down.step, down.high - down.low) == (4, 7 + 4 + 8)


def test_gates_are_left_out_and_averages_see_all():
    b = Builder()
    x = b.conv2d(b.input(channels=2, size=8), 4, 3, name="conv", padding=1)
    gate = b.conv2d(b.adaptive_avg_pool2d(x, name="pool"), 4, 1, name="fc")
    y = b.mul(x, gate, name="gated")
    field = receptive_fields(graph := b.finish([y]), graph.infer_types())
    assert field["pool"] is None
    assert field["fc"] is None
    assert field["gated"] == field["conv"]
