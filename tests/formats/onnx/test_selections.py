"""The ends of detectors as exporters write them: of each class what is sure enough, the best of it, the best of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.errors import UnsupportedOpError
from tinyinfer.formats.onnx.load import load
from tinyinfer.model import Model

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import parser  # noqa: E402

PLACES, CLASSES, MOST, SHOWN = 24, 3, 7, 9
NUMBERS = """
    zero = Constant<value_ints = [0]>() one = Constant<value_ints = [1]>() two = Constant<value_ints = [2]>()
    i0 = Constant<value_int = 0>() sure = Constant<value_float = 0.5>()
    end = Constant<value_ints = [9223372036854775807]>()
    most = Constant<value_ints = [7]>() shown = Constant<value_ints = [9]>() left = Constant<value_ints = [-1]>()
"""

CLASS = """
    label{c} = Constant<value_int = {c}>() s{c} = Gather<axis = 1>(scores, label{c}) keep{c} = Greater(s{c}, sure)
    at{c} = NonZero(keep{c}) t{c} = Transpose<perm = [1, 0]>(at{c}) some{c} = GatherND(s{c}, t{c})
    again{c} = NonZero(keep{c}) u{c} = Transpose<perm = [1, 0]>(again{c}) theirs{c} = GatherND(boxes, u{c})
    shape{c} = Shape(some{c}) n{c} = Gather(shape{c}, i0) n1{c} = Unsqueeze(n{c}, zero)
    both{c} = Concat<axis = 0>(most, n1{c}) k0{c} = ReduceMin<keepdims = 0>(both{c}) k{c} = Reshape(k0{c}, left)
    best{c}, place{c} = TopK<axis = -1>(some{c}, k{c}) box{c} = Gather<axis = 0>(theirs{c}, place{c})
    size{c} = Shape(best{c}) class{c} = ConstantOfShape<value = int64[1] {{{c}}}>(size{c})
"""

ALL = """
    found = Concat<axis = 0>(box0, box1, box2) sures = Concat<axis = 0>(best0, best1, best2)
    labels = Concat<axis = 0>(class0, class1, class2)
    whole = Shape(found) many = ReduceProd<keepdims = 0>(whole) none = Equal(many, i0) bits = Cast<to = 2>(none)
    no = Cast<to = 9>(bits)
"""

KEPT = """
    kept = If (no) <then_branch = nothing () => (int64[M] a) { a = Constant<value = int64[0] {}>() },
                    else_branch = some () => (int64[M] b) {
        high = ReduceMax<keepdims = 0>(found) f = Cast<to = 1>(labels) unit = Constant<value_float = 1.0>()
        step = Add(high, unit) by = Mul(f, step) cut = Slice(by, zero, end, zero, one) row = Unsqueeze(cut, one)
        apart = Add(found, row) apart1 = Unsqueeze(apart, zero) sure1 = Unsqueeze(sures, zero)
        sure2 = Unsqueeze(sure1, zero) overlap = Constant<value_floats = [0.4]>()
        rows = NonMaxSuppression(apart1, sure2, end, overlap) column = Gather<axis = 1>(rows, two)
        b = Squeeze(column, one) }>
    first = Slice(kept, zero, shown, zero, one)
"""

SHOW = """
    b0 = Gather<axis = 0>(found, first) y1 = Gather<axis = 0>(sures, first) y2 = Gather<axis = 0>(labels, first)
    wide = Constant<value_float = 2.0>() b00, b01, b02, b03 = Split<axis = 1, num_outputs = 4>(b0)
    c00 = Mul(b00, wide) c02 = Mul(b02, wide) y0 = Concat<axis = 1>(c00, b01, c02, b03)
"""

OUT = {"y0": "float[A, 4]", "y1": "float[B]", "y2": "int64[C]"}


def saved(path: Path, body: str, outputs: dict[str, str]) -> Path:
    given = f"float[{PLACES}, 4] boxes, float[{PLACES}, {CLASSES}] scores"
    out = ", ".join(f"{kind} {name}" for name, kind in outputs.items())
    text = f'<ir_version: 8, opset_import: ["" : 18]> net ({given}) => ({out}) {{ {NUMBERS + body} }}'
    path.write_bytes(parser.parse_model(text).SerializeToString())
    return path


def feeds(seed: int, share: float) -> dict[str, np.ndarray]:
    """Boxes of which some overlap, and scores that all differ, about this share of them above one half."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 6, (PLACES, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 4, corner.shape)], 1)
    scores = rng.permutation(np.linspace(0, 1, PLACES * CLASSES)).reshape(PLACES, CLASSES) + share - 0.5
    return {"boxes": boxes.astype(np.float32), "scores": scores.astype(np.float32)}


def assert_same(path: Path, found: dict[str, np.ndarray], given: dict[str, np.ndarray]) -> None:
    """What is there comes first, as ONNX Runtime has it; then there are zeros."""
    for name, expected in zip(found, ort.InferenceSession(str(path)).run([*found], given), strict=True):
        y, count = found[name], len(expected)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y[:count], expected, rtol=1e-5)
        assert not y[count:].any()


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    body = "".join(CLASS.format(c=c) for c in range(CLASSES)) + ALL + KEPT + SHOW
    path = saved(tmp_path_factory.mktemp("detector") / "net.onnx", body, OUT)
    return path, Model(*load(path), kernels="reference")


@given(seed=st.integers(0, 999), share=st.sampled_from([0.0, 0.05, 0.3, 0.7, 1.0]))
def test_a_detector_finds_what_onnx_runtime_finds(detector: tuple[Path, Model], seed: int, share: float) -> None:
    path, model = detector
    given = feeds(seed, share)
    found = model.run(given)
    assert [len(y) for y in found.values()] == [SHOWN] * 3
    assert_same(path, found, given)


def test_outputs_of_which_a_run_shows_how_many_are_told_of(detector: tuple[Path, Model]) -> None:
    notes = detector[1].meta["notes"]
    assert [note.split(" has ")[0] for note in notes] == ["output 'y0'", "output 'y1'", "output 'y2'"]
    assert all("those beyond what is found hold 0" in note for note in notes)


@pytest.mark.parametrize("share", [0.0, 0.4])
@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("y0 = Gather<axis = 0>(theirs0, place0)", {"y0": "float[A, 4]"}),
        ("y0 = Identity(theirs0) y1 = Sigmoid(some0)", {"y0": "float[A, 4]", "y1": "float[B]"}),
        ("a = Mul(some0, some0) y1 = Add(a, sure)", {"y1": "float[B]"}),
        ("y0 = ReduceMin<keepdims = 1>(some0) p = Squeeze(zero, zero) y1 = Add(best0, y0)", {"y1": "float[B]"}),
        (
            """a = Unsqueeze(theirs0, zero) b = Unsqueeze(some0, zero) b1 = Unsqueeze(b, zero)
            rows = NonMaxSuppression(a, b1, most) y1 = Gather<axis = 1>(rows, one) at = Gather<axis = 1>(rows, two)
            place = Squeeze(at, one) y0 = Gather<axis = 0>(theirs0, place)""",
            {"y0": "float[A, 4]", "y1": "int64[B, 1]"},
        ),
    ],
)
def test_parts_of_a_detector(body: str, outputs: dict[str, str], share: float, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", CLASS.format(c=0) + body, outputs)
    given = feeds(1, share)
    assert_same(path, Model(*load(path), kernels="reference").run(given), given)


BEST_OF_ALL_CLASSES = """
    flat = Reshape(scores, left) keep = Greater(flat, sure) at = NonZero(keep) t = Transpose<perm = [1, 0]>(at)
    some = GatherND(flat, t) again = NonZero(keep) u = Transpose<perm = [1, 0]>(again) numbers = Squeeze(u, one)
    shape = Shape(numbers) n = Gather(shape, i0) n1 = Unsqueeze(n, zero) limit = Constant<value_ints = [{limit}]>()
    both = Concat<axis = 0>(limit, n1) k0 = ReduceMin<keepdims = 0>(both) k = Reshape(k0, left)
    y1, place = TopK<axis = -1>(some, k) number = Gather<axis = 0>(numbers, place)
    three = Constant<value_int = 3>() whole = Div(number, three) rest = Mod(number, three)
    below = Less(rest, i0) other = Less(three, i0) mixed = Xor(below, other) none = Equal(rest, i0) some1 = Not(none)
    apart = And(mixed, some1) down = Cast<to = 7>(apart) anchor = Sub(whole, down)
    box = Gather<axis = 0>(boxes, anchor) pairs = Constant<value_ints = [-1, 2, 2]>()
    corners = Reshape(box, pairs) y0 = Flatten(corners) y2 = Identity(rest)
"""


@pytest.mark.parametrize("limit", [5, 1000])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.6, 1.0])
def test_the_best_of_all_classes_and_whose_they_are(limit: int, share: float, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.onnx", BEST_OF_ALL_CLASSES.format(limit=limit), OUT)
    given = feeds(2, share)
    found = Model(*load(path), kernels="reference").run(given)
    assert len(found["y1"]) == min(limit, PLACES * CLASSES)
    assert_same(path, found, given)


REGIONS = """
    map_sizes = Constant<value_ints = [1, 4, 4, 6]>() map = Reshape(boxes, map_sizes) i2 = Constant<value_int = 2>()
    x0 = Gather<axis = 1>(theirs0, i0) x2 = Gather<axis = 1>(theirs0, i2) wide = Sub(x2, x0)
    limit = Constant<value_float = 2.5>() large = GreaterOrEqual(wide, limit) small = Not(large)
    all = Shape<start = 0, end = 1>(theirs0) own = Constant<value_ints = [4, 2, 2]>() full = Concat<axis = 0>(all, own)
    into0 = ConstantOfShape<value = float[1] {{0}}>(full) column = Constant<value_ints = [-1, 1, 1, 1]>()
"""

LEVEL = """
    in{i} = NonZero({kind}) it{i} = Transpose<perm = [1, 0]>(in{i}) of{i} = Squeeze(it{i}, one)
    part{i} = Gather<axis = 0>(theirs0, of{i}) many{i} = Shape<start = 0, end = 1>(part{i})
    images{i} = ConstantOfShape<value = int64[1] {{0}}>(many{i})
    region{i} = RoiAlign<output_height = 2, output_width = 2, sampling_ratio = 2>(map, part{i}, images{i})
    to{i} = Reshape(of{i}, column) extent{i} = Shape(region{i}) spread{i} = Expand(to{i}, extent{i})
    into{next} = ScatterElements<axis = 0>(into{i}, spread{i}, region{i})
"""

HEAD = """
    flat = Flatten(into2) weight0 = Constant<value_floats = [{weight}]>() three = Constant<value_ints = [3, 16]>()
    weight = Reshape(weight0, three) logits = Gemm<transB = 1>(flat, weight) share = Softmax<axis = -1>(logits)
    shape = Shape(share) names0 = Constant<value_ints = [5, 6, 7]>() names = Expand(names0, shape)
    tall = Unsqueeze(theirs0, one) sizes0 = Constant<value_ints = [3, 4]>() sizes = Concat<axis = 0>(all, sizes0)
    each = Expand(tall, sizes) rows = Constant<value_ints = [-1, 4]>() each_box = Reshape(each, rows)
    each_share = Reshape(share, left) each_name = Reshape(names, left)
    third = Constant<value_float = 0.3>() good = Greater(each_share, third) at = NonZero(good)
    t = Transpose<perm = [1, 0]>(at) number = Squeeze(t, one)
    y0 = Gather<axis = 0>(each_box, number) y1 = Gather<axis = 0>(each_share, number)
    y2 = Gather<axis = 0>(each_name, number)
"""


@pytest.mark.parametrize("kernels", ["reference", None])
def test_a_second_stage_sees_regions_of_several_maps(kernels: str | None, tmp_path: Path) -> None:
    """As torchvision's Faster R-CNN: each region from the map of its size, put together, classified, chosen again."""
    weight = ", ".join(f"{number:.3f}" for number in np.random.default_rng(3).standard_normal(48))
    levels = [LEVEL.format(i=i, next=i + 1, kind=kind) for i, kind in enumerate(("large", "small"))]
    body = "".join([CLASS.format(c=0), REGIONS.replace("{{", "{").replace("}}", "}"), *levels])
    path = saved(tmp_path / "net.onnx", body + HEAD.format(weight=weight), OUT)
    model = Model(*load(path), kernels=kernels)
    for seed, share in enumerate((0.0, 0.3, 0.7, 1.0)):
        given = feeds(seed, share)
        assert_same(path, model.run(given), given)


REFUSED: dict[str, Any] = {
    "other rows": ("y1 = Add(some0, some1)", "float[B]"),
    "places shown": ("y1 = Identity(place0)", "int64[B]"),
    "places computed with": ("y1 = Add(place0, i0)", "int64[B]"),
    "places among others": ("y1 = Gather<axis = 0>(some1, place0)", "float[B]"),
    "places among all": ("y1 = Gather<axis = 0>(boxes, place0)", "float[A, 4]"),
    "parts of places": ("rows = Constant<value_ints = [-1, 3]>() y1 = Reshape(theirs0, rows)", "float[A, 3]"),
    "shares among places": ("y1 = Softmax<axis = 0>(theirs0)", "float[A, 4]"),
    "places times places": ("y0 = Transpose(theirs1) y1 = MatMul(theirs0, y0)", "float[A, B]"),
    "a sum over places": ("y1 = Gemm<transA = 1>(theirs0, boxes)", "float[4, 4]"),
    "put back elsewhere": ("y1 = ScatterElements<axis = 0>(some0, place1, best1)", "float[B]"),
    "what is there flattened": ("y1 = Flatten<axis = 0>(theirs0)", "float[A, B]"),
    "places joined": ("y1 = Concat<axis = 0>(place0, place1)", "int64[B]"),
    "rows of what is kept": (
        """a = Unsqueeze(theirs0, zero) b = Unsqueeze(some0, zero) b1 = Unsqueeze(b, zero)
        rows = NonMaxSuppression(a, b1, most) c = Cast<to = 1>(rows) y1 = ReduceMax<keepdims = 0>(c)""",
        "float",
    ),
    "more than there are": ("y1, i = TopK<axis = -1>(some0, most)", "float[B]"),
    "a mean of what is there": ("y1 = ReduceMean<keepdims = 1>(some0)", "float[B]"),
    "the first in no order": ("y1 = Slice(some0, zero, two, zero, one)", "float[B]"),
    "how many there are": ("f = Cast<to = 1>(n10) y1 = Mul(f, sure)", "float[B]"),
    "something of nothing": (
        """z0 = Equal(n0, i0) y1 = If (z0) <then_branch = a () => (float[M] v) { v = Constant<value_floats = [7.0]>() },
        else_branch = b () => (float[M] w) { w = Identity(some0) }>""",
        "float[B]",
    ),
    "a truth of nothing": ("z0 = Equal(n0, i0) z1 = Not(z0) y1 = Cast<to = 1>(z1)", "float"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_said_of_places_is_refused(name: str, tmp_path: Path) -> None:
    body, kind = REFUSED[name]
    path = saved(tmp_path / "net.onnx", CLASS.format(c=0) + CLASS.format(c=1) + body, {"y1": kind})
    with pytest.raises(UnsupportedOpError):
        load(path)
