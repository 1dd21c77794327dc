"""Passes for this machine: fusions, the choice of kernels, placement in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small_networks import randomize, residual_network, textbook

from tinyinfer import passes
from tinyinfer.builder import Builder
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph, TensorType
from tinyinfer.kernels.codegen import amx
from tinyinfer.model import Model
from tinyinfer.passes.machine.assign_layout import Placement, assign_layout
from tinyinfer.passes.machine.choose_kernels import choose_kernels
from tinyinfer.passes.machine.choose_layouts import choose_layouts
from tinyinfer.passes.machine.plan_memory import (
    ALIGNMENT,
    SMALL_GAPS,
    BufferLifetime,
    live_bound,
    plan_memory,
)

X = np.random.default_rng(1).standard_normal((2, 3, 16, 13)).astype(np.float32)


def test_lowering_leaves_only_layers() -> None:
    graph = residual_network()
    lowered = passes.lower(graph)
    assert sorted(n.op.name for n in lowered.nodes) == ["adaptive_avg_pool2d", *["conv2d"] * 4, "flatten", "linear"]
    np.testing.assert_allclose(textbook(lowered, X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_the_term_computed_last_takes_the_residual_and_the_activation_after_it() -> None:
    lowered = passes.lower(residual_network())
    join = lowered.node("right")
    assert join.inputs == ("add.act", "left")
    assert join.outputs == ("join.act",)
    assert join.op.activation == "relu"  # type: ignore[attr-defined]
    assert join.origin == ("right", "join", "join.act")


def test_a_transposed_convolution_takes_norm_and_activation() -> None:
    b = Builder()
    x = b.apply("conv_transpose2d", b.input(3, 16), name="up", params={"weight": (3, 6, 4, 4)}, stride=2, padding=1)
    graph = randomize(b.finish(b.relu(b.batch_norm(x, name="norm"), name="act")))
    (node,) = passes.lower(graph).nodes
    assert (node.op.name, node.op.activation) == ("conv_transpose2d", "relu")  # type: ignore[attr-defined]
    np.testing.assert_allclose(textbook(passes.lower(graph), X), textbook(graph, X), rtol=2e-5, atol=2e-6)


def test_residual_of_another_shape_is_not_fused() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 4, 1, name="conv")
    gate = b.adaptive_avg_pool2d(x, name="pool")
    graph = randomize(b.finish(b.add(b.conv2d(x, 4, 1, name="last"), gate, name="sum")))
    assert "add" in [n.op.name for n in passes.fuse_residual(graph).nodes]


def test_residual_that_broadcasts_at_another_size_is_not_fused() -> None:
    b = Builder()
    x = b.input(3, 1)
    gate = b.adaptive_avg_pool2d(x, name="pool")
    graph = randomize(b.finish(b.add(b.conv2d(x, 3, 1, name="last"), gate, name="sum")))
    x = X[:1, :, :4, :5]
    np.testing.assert_allclose(Model(graph, threads=1)(x), textbook(graph, x), rtol=2e-5, atol=2e-6)


def test_a_value_added_to_itself_is_not_fused() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 4, 1, name="conv")
    graph = randomize(b.finish(b.add(x, x, name="twice")))
    assert [n.op.name for n in passes.fuse_residual(graph).nodes] == ["conv2d", "add"]


def test_an_activation_of_a_shared_value_is_not_fused() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 4, 1, name="conv")
    graph = randomize(b.finish(b.concat(b.activation(x, "relu", name="act"), x, name="both")))
    assert "relu" in [n.op.name for n in passes.fuse_activation(graph).nodes]


@pytest.mark.parametrize(("channels", "activation", "apart"), [
    (1, "sigmoid", True), (7, "silu", True), (32, "sigmoid", False), (1, "hardswish", False), (1, "relu6", False),
])  # fmt: skip
def test_long_activations_stay_apart_from_narrow_layers(channels: int, activation: str, apart: bool) -> None:
    """Where a pixel is less than a register, to read it again would wait for its neighbours."""
    b = Builder()
    graph = randomize(
        b.finish(b.activation(b.conv2d(b.input(3, 8), channels, 1, name="layer"), activation, name="act"))
    )
    fused = passes.fuse_activation(graph)
    assert [n.op.name for n in fused.nodes] == (["conv2d", activation] if apart else ["conv2d"])


# -- choice ------------------------------------------------------------------------------------------------


def choose(forced: dict[str, str] | None = None) -> dict[str, str]:
    graph = passes.lower(residual_network(32))
    return {n.name: n.kernel for n in choose_kernels(graph, graph.infer_types(), forced).nodes}


@pytest.mark.usefixtures("no_tiles")
def test_choice_follows_the_table() -> None:
    found = choose()
    assert found["stem"] == "direct"
    assert found["one"] == "winograd4x4"
    assert found["fc"] == "gemm"


@pytest.mark.skipif(not amx.available(), reason="no AMX tiles here")
def test_tiles_go_before_what_they_are_faster_than() -> None:
    found = choose()
    assert found["stem"] == "direct"
    assert [found[name] for name in ("one", "left", "right")] == ["bf16x3"] * 3
    assert choose({"conv2d": "bf16x3"})["stem"] == "bf16x3"


@pytest.mark.skipif(not amx.available(), reason="no AMX tiles here")
@pytest.mark.parametrize(("depthwise", "kept", "kernel"), [
    (True, True, "pointwise"), (False, True, "bf16x3"), (True, False, "bf16x3"),
])  # fmt: skip
def test_small_networks_that_magnify_rounding_keep_off_tiles(
    monkeypatch: pytest.MonkeyPatch, depthwise: bool, kept: bool, kernel: str
) -> None:
    if not kept:
        monkeypatch.setattr("tinyinfer.passes.machine.choose_kernels.KEPT_WEIGHTS", 0)
    b = Builder()
    x = b.conv2d(b.input(32, 16), 32, 3, padding=1, groups=32 if depthwise else 1, name="first")
    graph = randomize(b.finish(b.conv2d(x, 64, 1, name="second")))
    chosen = {n.name: n.kernel for n in choose_kernels(graph, graph.infer_types()).nodes}
    assert chosen["second"] == kernel


@pytest.mark.usefixtures("no_tiles")
def test_forced_kernels_apply_where_they_can() -> None:
    found = choose({"conv2d": "winograd2x2", "left": "im2col"})
    assert found["one"] == "winograd2x2"
    assert found["left"] == "im2col", "a node's own name goes before its operator's"
    assert found["right"] in ("direct", "im2col"), "a strided 1x1 is no 3x3"
    assert choose({"one": "reference"})["one"] == "reference"


@pytest.mark.usefixtures("no_tiles")
@pytest.mark.parametrize(
    ("forced", "message"),
    [
        ({"conv2d": "fft"}, "no kernel 'fft' for conv2d; there are: .*direct"),
        ({"right": "winograd2x2"}, "'winograd2x2' does not apply to 'right'"),
        ({"right": "bf16x3"}, "'bf16x3' does not apply to 'right'"),
        ({"nonsense": "direct"}, "'nonsense' is neither a node"),
        ({"linear": "direct"}, "no kernel 'direct' for linear"),
        ({"max_pool2d": "fft"}, "no kernel 'fft' for max_pool2d"),
    ],
)
def test_forced_kernels_that_can_not_be_are_refused(forced: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(forced)


# -- placement ---------------------------------------------------------------------------------------------


def place(graph: Graph) -> tuple[Graph, dict[str, TensorType], dict[str, Placement]]:
    """What of a graph lies where."""
    types = graph.infer_types()
    return assign_layout(*choose_layouts(choose_kernels(graph, types), types))


def test_concat_inputs_lie_in_its_output() -> None:
    b = Builder()
    x = b.input(3, 8)
    parts = [b.conv2d(x, c, 1, name=f"conv{c}") for c in (5, 7)]
    graph = randomize(b.finish(b.relu(b.concat(*parts, name="joined"), name="act")))
    placed, _, places = place(graph)
    assert [n.op.name for n in placed.nodes] == ["conv2d", "conv2d", "relu"]
    assert [(places[p].root, places[p].offset, places[p].pixel_stride) for p in parts] == [
        ("joined", 0, 12),
        ("joined", 5, 12),
    ]
    x = X[:, :, :8, :8]
    np.testing.assert_allclose(Model(graph)(x), textbook(graph, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("channels", "stride"), [(255, 255), (256, 272), (512, 528), (384, 384)])
def test_pixels_do_not_lie_a_multiple_of_1_kib_apart(channels: int, stride: int) -> None:
    b = Builder()
    graph = randomize(b.finish(b.conv2d(b.input(3, 8), channels, 1, name="conv")))
    _, _, places = place(graph)
    assert places["conv"].pixel_stride == stride
    x = X[:, :, :8, :8]
    np.testing.assert_allclose(Model(graph)(x), textbook(graph, x), rtol=1e-5, atol=1e-6)


def test_nested_concats_and_splits_share_one_buffer() -> None:
    b = Builder()
    x = b.conv2d(b.input(3, 8), 8, 1, name="conv")
    left, right = b.split(x, 4, name="halves", dim=1)
    inner = b.concat(b.conv2d(right, 3, 1, name="a"), b.conv2d(right, 2, 1, name="b"), name="inner")
    graph = randomize(b.finish(b.relu(b.concat(inner, b.conv2d(left, 4, 1, name="c"), name="outer"), name="act")))
    placed, _, places = place(graph)
    assert "split" not in [n.op.name for n in placed.nodes]
    assert places["b"].root == "outer"
    assert places["b"].offset == 3
    assert places["halves:1"].root == "conv"
    x = X[:, :, :8, :8]
    np.testing.assert_allclose(Model(graph)(x), textbook(graph, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("twice", [True, False])
def test_what_of_a_concat_lies_elsewhere_is_copied_by_itself(twice: bool) -> None:
    b = Builder()
    x = b.input(3, 8)
    y = b.conv2d(x, 5, 1, name="conv")
    graph = randomize(b.finish(b.relu(b.concat(y, y if twice else x, name="joined"), name="act")))
    placed, types, places = place(graph)
    assert [n.op.name for n in placed.nodes] == ["conv2d", "concat", "relu"]
    copy = placed.node("joined[1]")
    assert (copy.inputs, copy.outputs, copy.originals) == ((y if twice else x,), ("joined[1]",), ("joined",))
    assert places["conv"].root == places["joined[1]"].root == "joined"
    assert (places["conv"].offset, places["joined[1]"].offset) == (0, 5)
    assert types["joined[1]"].shape == types[copy.inputs[0]].shape
    np.testing.assert_allclose(Model(graph)(X), textbook(graph, X), rtol=1e-5, atol=1e-6)


def test_copies_take_no_name_that_another_value_has() -> None:
    b = Builder()
    x = b.input(3, 8)
    y = b.conv2d(x, 5, 1, name="conv")
    other = b.conv2d(x, 64, 1, name="joined[1]")
    graph = randomize(b.finish([b.relu(b.concat(y, x, name="joined"), name="act"), b.relu(other, name="end")]))
    placed, types, _ = place(graph)
    assert {node.name for node in placed.nodes} >= {"joined[1]", "joined[1]'"}
    assert (types["joined[1]"].shape[1], types["joined[1]'"].shape[1]) == (64, 3)
    found, expected = Model(graph).run({"input": X}), Model(graph, kernels="reference").run({"input": X})
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_input_that_others_look_into_is_copied(threads: int) -> None:
    b = Builder()
    x = b.input(3, 16)
    ends = [b.relu(part, name=f"end {i}") for i, part in enumerate(b.split(x, [1, 2], name="parts"))]
    graph = randomize(b.finish([b.conv2d(x, 16, 3, name="conv", stride=2, padding=1), *ends]))
    found, expected = (
        Model(graph, threads=threads).run({"input": X}),
        Model(graph, kernels="reference").run({"input": X}),
    )
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def test_a_concat_that_needs_no_copy_comes_before_one_that_does() -> None:
    b = Builder()
    x = b.input(3, 8)
    first = b.conv2d(x, 5, 1, name="first")
    early = b.concat(first, x, name="early")
    second = b.conv2d(early, 4, 1, name="second")
    graph = randomize(b.finish(b.relu(b.concat(first, second, name="late"), name="act")))
    placed, _, places = place(graph)
    assert (places["first"].root, places["second"].root) == ("late", "late")
    assert [n.name for n in placed.nodes if n.op.name == "concat"] == ["early"]
    np.testing.assert_allclose(Model(graph)(X), textbook(graph, X), rtol=1e-5, atol=1e-6)


# -- memory ------------------------------------------------------------------------------------------------

lifetimes = st.lists(
    st.tuples(st.integers(1, 2000), st.integers(0, 20), st.integers(0, 8)), min_size=1, max_size=25
).map(lambda rows: [BufferLifetime(f"r{i}", size, first, first + life) for i, (size, first, life) in enumerate(rows)])


# where gaps differ: two that do not live together lie over each other, and only one of them keeps others apart
UNLIKE_GAPS = [(256, 4, 8), (1216, 7, 11), (2880, 3, 7), (3136, 10, 14), (2368, 1, 5), (3136, 1, 2)]


@example([BufferLifetime(f"r{i}", *numbers) for i, numbers in enumerate(UNLIKE_GAPS)], 256)
@given(lifetimes, st.sampled_from([0, 256, 256]))
def test_no_two_living_buffers_overlap(rows: list[BufferLifetime], apart: int) -> None:
    offsets, total = plan_memory(rows, apart)
    for i, a in enumerate(rows):
        assert offsets[a.name] % ALIGNMENT == 0
        assert offsets[a.name] + a.size <= total
        for b in rows[:i]:
            if a.first <= b.last and b.first <= a.last:
                gap = apart if max(a.size, b.size) <= SMALL_GAPS * apart else 0
                above, below = (offsets[x.name] - offsets[y.name] - y.size for x, y in ((a, b), (b, a)))
                assert max(above, below) >= gap


@given(lifetimes)
def test_memory_lies_between_the_bound_and_no_sharing(rows: list[BufferLifetime]) -> None:
    _, total = plan_memory(rows)
    assert live_bound(rows) <= total <= sum(-(-r.size // ALIGNMENT) * ALIGNMENT for r in rows)


def test_a_chain_needs_two_buffers() -> None:
    _, total = plan_memory([BufferLifetime(f"r{i}", 640, i, i + 1) for i in range(10)])
    assert total == 1280
