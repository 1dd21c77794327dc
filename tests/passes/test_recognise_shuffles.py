"""Shuffles and halves of channels in all spellings: one operator each, of the same values; near misses stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import textbook

from tinyinfer import ops
from tinyinfer.dim import Dim
from tinyinfer.graph import Graph, Input, Node
from tinyinfer.passes.portable.recognise.patterns.rearrangement import Rearrangement
from tinyinfer.passes.portable.recognise.pipeline import recognise

Shape = tuple[int, ...]
Step = tuple[str, dict[str, object]]


class Writer:
    """Writes a network of nodes that move the elements of its input, whose sizes ``free`` may be any."""

    def __init__(self, shape: Shape, free: Sequence[int] = ()) -> None:
        self.x, self.nodes = "input", list[Node]()
        self.given = Input(self.x, tuple(None if i in free else size for i, size in enumerate(shape)), shape)

    def __call__(self, op: str, value: str, **attrs: object) -> str:
        return self.apply(op, value, 1, **attrs)[0]

    def apply(self, op: str, value: str, count: int, **attrs: object) -> tuple[str, ...]:
        name = f"{op} {len(self.nodes)}"
        values = tuple(f"{name}.{i}" for i in range(count))
        self.nodes.append(Node(name, ops.create(op, attrs), (value,), values))
        return values

    def chain(self, value: str, *steps: Step) -> str:
        for op, attrs in steps:
            value = self(op, value, **attrs)
        return value

    def finish(self, *outputs: str) -> Graph:
        return Graph([self.given], self.nodes, list(outputs))


def view(*shape: int, kept: Sequence[int] | None = None) -> Step:
    return "reshape", {"shape": shape, "kept": kept}


def permute(*dims: int) -> Step:
    return "permute", {"dims": dims}


def entry(dim: int, i: int) -> Step:
    return "slice", {"dim": dim, "start": i, "end": i + 1}


def squeeze(dim: int) -> Step:
    return "squeeze", {"dim": (dim,)}


def kinds(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes]


def check(graph: Graph, *expected: str) -> Graph:
    """The network has these operators, and its values are the same."""
    found = recognise(graph)
    found.verify()
    x = np.arange(np.prod(graph.inputs[0].nominal), dtype=np.float32).reshape(graph.inputs[0].nominal)
    for a, b in zip(outputs(found, x), outputs(graph, x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert kinds(found) == [*expected]
    assert [found.symbolic_types()[v] for v in found.outputs] == [graph.symbolic_types()[v] for v in graph.outputs]
    return found


def outputs(graph: Graph, x: np.ndarray) -> list[np.ndarray]:
    y = textbook(graph, x)
    return list(y.values()) if isinstance(y, dict) else list(y) if isinstance(y, list | tuple) else [y]


# -- halves ------------------------------------------------------------------------------------

N, C, H, W = 2, 12, 4, 6
IMAGE, FREE = (N, C, H, W), (0, 2, 3)


def pieces(w: Writer, trunk: Sequence[Step], each: Callable[[int], Sequence[Step]], count: int = 2) -> list[str]:
    value = w.chain(w.x, *trunk)
    return [w.chain(value, *each(i)) for i in range(count)]


def megvii(w: Writer) -> list[str]:
    trunk = view(N * C // 2, 2, H * W), permute(1, 0, 2), view(2, -1, C // 2, H, W)
    return pieces(w, trunk, lambda i: (entry(0, i), squeeze(0)))


def megvii_split(w: Writer) -> list[str]:
    value = w.chain(w.x, view(N * C // 2, 2, H * W), permute(1, 0, 2), view(2, -1, C // 2, H, W))
    parts = w.apply("split", value, 2, split_size_or_sections=1, dim=0)
    return [w.chain(part, squeeze(0)) for part in parts]


def megvii_reshaped(w: Writer) -> list[str]:
    trunk = view(N * C // 2, 2, H * W), permute(1, 0, 2), view(2, -1, C // 2, H, W)
    return pieces(w, trunk, lambda i: (entry(0, i), view(N, C // 2, H, W)))


def picked_first(w: Writer) -> list[str]:
    trunk = (view(N, C // 2, 2, H, W),)
    return pieces(w, trunk, lambda i: (entry(2, i), squeeze(2)))


def picked_of_rows(w: Writer) -> list[str]:
    trunk = view(N, C // 2, 2, -1), permute(0, 2, 1, 3)
    return pieces(w, trunk, lambda i: (("index_select", {"dim": 1, "index": (i,)}), view(N, C // 2, H, W)))


def channels_last(w: Writer) -> list[str]:
    trunk = permute(0, 2, 3, 1), view(N, H, W, C // 2, 2), permute(4, 0, 1, 2, 3)
    return pieces(w, trunk, lambda i: (entry(0, i), squeeze(0), permute(0, 3, 1, 2)))


def every_second(w: Writer) -> list[str]:
    return [w("slice", w.x, dim=1, start=i, step=2) for i in (0, 1)]


def listed(w: Writer) -> list[str]:
    return [w("index_select", w.x, dim=1, index=tuple(range(i, C, 2))) for i in (0, 1)]


def free_megvii(w: Writer) -> list[str]:
    trunk = view(-1, 2, 0, 0, kept=(2, 3)), permute(1, 0, 2, 3), view(2, -1, C // 2, 0, 0, kept=(2, 3))
    return pieces(w, trunk, lambda i: (entry(0, i), squeeze(0)))


DEALT: dict[str, tuple[Callable[[Writer], list[str]], tuple[int, ...]]] = {
    "Megvii's": (megvii, ()),
    "Megvii's, split": (megvii_split, ()),
    "Megvii's, reshaped": (megvii_reshaped, ()),
    "of pairs": (picked_first, ()),
    "of rows": (picked_of_rows, ()),
    "channels last": (channels_last, ()),
    "every second channel": (every_second, FREE),
    "lists of channels": (listed, FREE),
    "of any size": (free_megvii, FREE),
}


@pytest.mark.parametrize(("write", "free"), DEALT.values(), ids=list(DEALT))
def test_channels_dealt_into_halves_are_a_shuffle_and_a_split(
    write: Callable[[Writer], list[str]], free: tuple[int, ...]
) -> None:
    w = Writer(IMAGE, free)
    found = check(w.finish(*write(w)), "channel_shuffle", "split")
    assert [node.op.attrs for node in found.nodes] == [
        {"groups": C // 2},
        {"split_size_or_sections": (C // 2, C // 2), "dim": 1},
    ]


def test_first_and_second_half_are_a_split() -> None:
    w = Writer(IMAGE)
    check(w.finish(*pieces(w, (view(N, 2, C // 2, H, W),), lambda i: (entry(1, i), squeeze(1)))), "split")


def test_one_of_several_entries_is_a_slice() -> None:
    w = Writer(IMAGE)
    found = check(w.finish(w.chain(w.x, view(N, C // 3, 3, H, W), entry(2, 1), squeeze(2))), "slice")
    assert found.nodes[0].op.slices(4)[1] == slice(1, None, 3)  # type: ignore[attr-defined]


NEAR: dict[str, Callable[[Writer], list[str]]] = {
    "of the batch": lambda w: pieces(w, (view(2, N // 2, C, H, W),), lambda i: (entry(0, i), squeeze(0))),
    "pairs of rows": lambda w: pieces(w, (view(N, C, H // 2, 2, W),), lambda i: (entry(3, i), squeeze(3))),
    "another order": lambda w: pieces(
        w, (view(N, C // 2, 2, H, W), permute(0, 2, 1, 4, 3)), lambda i: (entry(1, i), squeeze(1))
    ),
    "from the middle": lambda w: pieces(w, (view(N, 2, 2, 3, H, W),), lambda i: (entry(2, i), view(N, 6, H, W))),
    "across samples": lambda w: pieces(w, (view(3, 8, H, W),), lambda i: (entry(0, i), view(1, 8, H, W)), 3),
    "across rows": lambda w: pieces(w, (view(N, C // 2, W, 2, H),), lambda i: (entry(3, i), view(N, C // 2, H, W))),
}


@pytest.mark.parametrize("write", NEAR.values(), ids=list(NEAR))
def test_other_entries_are_no_halves_of_channels(write: Callable[[Writer], list[str]]) -> None:
    w = Writer(IMAGE)
    graph = w.finish(*write(w))
    found = recognise(graph)
    assert "channel_shuffle" not in kinds(found)
    x = np.random.default_rng(0).standard_normal(IMAGE).astype(np.float32)
    for a, b in zip(outputs(found, x), outputs(graph, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_trunk_that_others_read_stays() -> None:
    w = Writer(IMAGE)
    value = w.chain(w.x, view(N, C // 2, 2, H, W))
    halves = [w.chain(value, entry(2, i), squeeze(2)) for i in (0, 1)]
    graph = w.finish(*halves, w("relu", value))
    found = recognise(graph)
    assert sorted(kinds(found)) == ["relu", "reshape", "split", "squeeze", "squeeze"]
    assert [node.inputs for node in found.nodes if node.op.name == "split"] == [("reshape 0.0",)]


# -- whole shuffles ----------------------------------------------------------------------------


def groups_last(w: Writer) -> str:
    steps = permute(0, 2, 3, 1), view(N, H, W, 3, C // 3), permute(0, 1, 2, 4, 3), view(N, H, W, C), permute(0, 3, 1, 2)
    return w.chain(w.x, *steps)


SHUFFLES: dict[str, tuple[Callable[[Writer], str], tuple[str, ...]]] = {
    "channels last": (groups_last, ("channel_shuffle",)),
    "of rows": (
        lambda w: w.chain(w.x, view(N, 3, C // 3, H * W), permute(0, 2, 1, 3), view(N, C, H, W)),
        ("channel_shuffle",),
    ),
    "in two reshapes": (
        lambda w: w.chain(
            w.x, view(N, C, H * W), view(N, 3, 4, H * W), permute(0, 2, 1, 3), view(N, C, -1), view(N, C, H, W)
        ),
        ("channel_shuffle",),
    ),
    "TensorFlow's depth to space": (
        lambda w: w.chain(
            w.x, permute(0, 2, 3, 1), view(N, H, W, 2, 2, 3), permute(0, 1, 3, 2, 4, 5), view(N, 2 * H, 2 * W, 3),
            permute(0, 3, 1, 2),
        ),
        ("channel_shuffle", "pixel_shuffle"),
    ),
    "TensorFlow's space to depth": (
        lambda w: w.chain(
            w.x, permute(0, 2, 3, 1), view(N, H // 2, 2, W // 2, 2, C), permute(0, 1, 3, 2, 4, 5),
            view(N, H // 2, W // 2, 4 * C), permute(0, 3, 1, 2),
        ),
        ("pixel_unshuffle", "channel_shuffle"),
    ),
    "to a single channel": (
        lambda w: w.chain(w("slice", w.x, dim=1, end=4), view(N, 2, 2, H, W), permute(0, 3, 1, 4, 2),
                          view(N, 1, 2 * H, 2 * W)),
        ("slice", "pixel_shuffle"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("write", "expected"), SHUFFLES.values(), ids=list(SHUFFLES))
def test_shuffles_in_all_spellings(write: Callable[[Writer], str], expected: tuple[str, ...]) -> None:
    w = Writer(IMAGE)
    check(w.finish(write(w)), *expected)


@given(data=st.data())
def test_any_chain_keeps_its_values(data: st.DataObject) -> None:
    """Random reshapes, permutes and picked entries: whatever is recognised in them is the same."""
    sizes = st.sampled_from([1, 2, 3, 4, 6])
    shape = data.draw(st.tuples(sizes, st.sampled_from([4, 6, 8, 12]), sizes, sizes))
    w = Writer(shape)
    value, now = w.x, shape
    for _ in range(data.draw(st.integers(1, 6))):
        kind = data.draw(st.sampled_from(["permute", "cut", "join", "pick", "back"]))
        if kind == "permute":
            order = data.draw(st.permutations(range(len(now))))
            value, now = w.chain(value, permute(*order)), tuple(now[i] for i in order)
            continue
        at = data.draw(st.integers(0, len(now) - 1))
        if kind == "pick" and len(now) > 1:
            i = data.draw(st.integers(0, now[at] - 1))
            value, now = w.chain(value, entry(at, i), squeeze(at)), (*now[:at], *now[at + 1 :])
        elif kind == "cut":
            parts = [(d, now[at] // d) for d in range(1, now[at] + 1) if now[at] % d == 0]
            now = (*now[:at], *data.draw(st.sampled_from(parts)), *now[at + 1 :])
            value = w.chain(value, view(*now))
        elif kind == "join" and at + 1 < len(now):
            now = (*now[:at], now[at] * now[at + 1], *now[at + 2 :])
            value = w.chain(value, view(*now))
        elif np.prod(now) == np.prod(shape):
            now = shape
            value = w.chain(value, view(*now))
    if value == w.x:
        return
    graph = w.finish(w("relu", value))
    found = recognise(graph)
    x = np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(textbook(found, x), textbook(graph, x))
    assert len(found.nodes) <= len(graph.nodes)


@given(
    batch=st.integers(1, 3), groups=st.integers(2, 6), each=st.integers(2, 6), height=st.integers(1, 4),
    width=st.integers(1, 4), flat=st.booleans(), last=st.booleans(), free=st.booleans(),
)  # fmt: skip
def test_shuffles_of_any_groups(
    batch: int, groups: int, each: int, height: int, width: int, flat: bool, last: bool, free: bool
) -> None:
    shape = (batch, groups * each, height, width)
    w = Writer(shape, (0,) if free else ())
    n, image = (-1 if free else batch), ((height * width,) if flat else (height, width))
    if last:
        rest = (*range(1, 1 + len(image)),)
        k = len(rest)
        steps = (
            view(n, groups * each, *image),
            permute(0, *(2 + i for i in range(k)), 1),
            view(n, *image, groups, each),
            permute(0, *rest, k + 2, k + 1),
            view(n, *image, groups * each),
            permute(0, k + 1, *rest),
            view(n, *shape[1:]),
        )
    else:
        order = (0, 2, 1, *range(3, 3 + len(image)))
        steps = view(n, groups, each, *image), permute(*order), view(n, *shape[1:])
    graph = w.finish(w.chain(w.x, *steps))
    found = check(graph, "channel_shuffle")
    assert found.nodes[0].op.attrs == {"groups": groups}


# -- rearrangements ----------------------------------------------------------------------------


def test_an_expression_names_sizes() -> None:
    w = Writer((1, 48, 44, 5), (0, 2))
    table, whole = view(0, 2, 24, 0, 5, kept=(0, 2)), view(0, 48, 0, 5, kept=(0, 3))
    graph = w.finish(w.chain(w.x, table, permute(0, 2, 1, 3, 4), whole))
    types = graph.symbolic_types()
    moved = Rearrangement(types["input"].shape)
    assert all(moved.follow(node, node.outputs[0], types) for node in graph.nodes)
    sizes = moved.sizes("n (g c) ... -> n (c g) ...")
    assert sizes is not None
    assert (sizes["g"], sizes["c"]) == (2, 24)
    assert isinstance(sizes["n"], Dim)
    others = "n (c g) ... -> n (g c)", "n g c ... -> n c g ...", "n c h w -> n c h w", "n (a b c) ... -> n (b c a) ..."
    assert [moved.sizes(text) for text in others] == [None] * len(others)
