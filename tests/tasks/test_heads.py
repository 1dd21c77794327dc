"""Every head's decoder against its formula written out with loops, on outputs made for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from tinyinfer.errors import InputError, ModelFormatError
from tinyinfer.tasks import DETECT, SEGMENT, task_of
from tinyinfer.tasks.heads import KINDS, Candidates, Mask, read_head
from tinyinfer.tasks.heads.ssd import SSD_MOBILENET, Ssd, object_detection_sizes

SIZE = (48, 80)  # height, width
STRIDES = (8, 16)
Rng = np.random.Generator


def decode(task: Mapping[str, Any], outputs: Mapping[str, np.ndarray], size: tuple[int, int] = SIZE) -> Candidates:
    head = read_head(task)
    assert not isinstance(head, Mask)
    return head.decode(outputs, size)


def cells(strides: tuple[int, ...] = STRIDES, size: tuple[int, int] = SIZE) -> Iterator[tuple[int, int, int]]:
    """Stride, row and column of every cell."""
    for stride in strides:
        for row in range(math.ceil(size[0] / stride)):
            for column in range(math.ceil(size[1] / stride)):
                yield stride, row, column


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def around(x: float, y: float, wide: float, high: float) -> list[float]:
    return [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]


def maps(rows: np.ndarray, strides: tuple[int, ...] = STRIDES) -> dict[str, np.ndarray]:
    """Rows (cells, C) as one map (1, C, H, W) a stride."""
    found, start = {}, 0
    for stride in strides:
        high, wide = SIZE[0] // stride, SIZE[1] // stride
        part = rows[start : start + high * wide]
        found[f"map{stride}"] = part.T.reshape(1, -1, high, wide).astype(np.float32)
        start += high * wide
    return found


PLACES = list(cells())


def test_ssd_of_tensorflow(rng: Rng) -> None:
    """The object detection API's FasterRcnnBoxCoder: ty, tx, th, tw, divided by 10, 10, 5, 5."""
    anchors = [[0.3, 0.4, 0.2, 0.1], [0.5, 0.5, 0.6, 0.3], [0.9, 0.1, 0.1, 0.2]]
    raw, logits = rng.normal(size=(3, 4)), rng.normal(size=(3, 5))
    outputs = {"raw": raw[None], "class": logits[None]}
    found = decode({"kind": "ssd", "anchors": anchors, "order": "yxhw", "background": True}, outputs)
    for (cx, cy, w, h), (ty, tx, th, tw), box in zip(anchors, raw, found.boxes, strict=True):
        x, y = (cx + tx / 10 * w) * SIZE[1], (cy + ty / 10 * h) * SIZE[0]
        wide, high = w * math.exp(tw / 5) * SIZE[1], h * math.exp(th / 5) * SIZE[0]
        np.testing.assert_allclose(box, around(x, y, wide, high))
    np.testing.assert_allclose(found.scores, [[sigmoid(v) for v in row] for row in logits])


def test_anchors_of_tensorflows_ssd_at_300_pixels() -> None:
    """1917 of them, of MobileNet's maps of 19, 10, 5, 3, 2 and 1; figures of ssd_anchors_generator's documentation."""
    head = read_head({"kind": "ssd_mobilenet"})
    assert isinstance(head, Ssd)
    anchors = head.places((300, 300)) / 300
    assert len(anchors) == 3 * 19**2 + 6 * (10**2 + 5**2 + 3**2 + 2**2 + 1)
    np.testing.assert_allclose(anchors[0], [0.5 / 19, 0.5 / 19, 0.1, 0.1])
    np.testing.assert_allclose(anchors[1], [0.5 / 19, 0.5 / 19, 0.2 * 2**0.5, 0.2 / 2**0.5])
    np.testing.assert_allclose(anchors[3], [1.5 / 19, 0.5 / 19, 0.1, 0.1])
    np.testing.assert_allclose(anchors[-1], [0.5, 0.5, 0.95**0.5, 0.95**0.5])
    assert len(object_detection_sizes()[1]) == 6
    assert SSD_MOBILENET["background"]


def test_ultraface(rng: Rng) -> None:
    """Its generate_priors and convert_locations_to_boxes, clipped to 0..1, variances 0.1 and 0.2."""
    size, squares = (240, 320), {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
    priors = []
    for stride, row, column in cells(tuple(squares), size):
        for side in squares[stride]:
            x, y = (column + 0.5) / (320 / stride), (row + 0.5) / (240 / stride)
            priors.append([min(max(v, 0), 1) for v in (x, y, side / 320, side / 240)])
    assert len(priors) == 4420
    boxes, scores = rng.normal(size=(1, 4420, 4)), rng.random((1, 4420, 2))
    found = decode({"kind": "ultraface"}, {"scores": scores, "boxes": boxes}, size)
    for i in range(0, 4420, 61):
        cx, cy, w, h = priors[i]
        a, b, c, d = boxes[0, i]
        x, y = (cx + a * 0.1 * w) * 320, (cy + b * 0.1 * h) * 240
        np.testing.assert_allclose(
            found.boxes[i], around(x, y, w * math.exp(c * 0.2) * 320, h * math.exp(d * 0.2) * 240)
        )
    np.testing.assert_array_equal(found.scores, scores[0])


@pytest.mark.parametrize(
    ("side", "strides", "per_layer", "points"),
    [(128, (8, 16, 16, 16), 2, 6), (192, (4,), 1, 6), (192, (8, 16, 16, 16), 2, 7), (224, (8, 16, 32, 32, 32), 2, 4)],
)
def test_mediapipe(side: int, strides: tuple[int, ...], per_layer: int, points: int, rng: Rng) -> None:
    """SsdAnchorsCalculator with fixed sizes, and TensorsToDetectionsCalculator with scales of the input's side."""
    centres = []
    for stride in dict.fromkeys(strides):
        for _, row, column in cells((stride,), (side, side)):
            centres += [((column + 0.5) * stride, (row + 0.5) * stride)] * (per_layer * strides.count(stride))
    raw = rng.normal(size=(1, len(centres), 4 + 2 * points)) * 20
    logits = rng.normal(size=(1, len(centres), 1))
    outputs = {"regressors": raw, "classificators": logits}
    for task in ({"kind": "mediapipe"}, {"kind": "mediapipe", "strides": list(strides), "per_layer": per_layer}):
        found = decode(task, outputs, (side, side))
        assert found.points is not None
        for i in range(0, len(centres), 37):
            (x, y), row = centres[i], raw[0, i]
            np.testing.assert_allclose(found.boxes[i], around(x + row[0], y + row[1], row[2], row[3]))
            np.testing.assert_allclose(found.points[i], [(x + a, y + b) for a, b in row[4:].reshape(-1, 2)])
            assert found.scores[i, 0] == pytest.approx(sigmoid(logits[0, i, 0]))


ANCHORS = [[[10, 13], [16, 30]], [[30, 61], [62, 45]]]


@pytest.mark.parametrize("form", ["maps", "five dimensions", "rows"])
@pytest.mark.parametrize("formula", ["v3", "v4", "v5"])
def test_grids_of_anchors(formula: str, form: str, rng: Rng) -> None:
    task: dict[str, Any] = {"kind": "yolo", "strides": list(STRIDES), "anchors": ANCHORS}
    task |= {"v4": {"scale_xy": [1.2, 1.05]}, "v5": {"formula": "square"}}.get(formula, {})
    raw = {stride: rng.normal(size=(1, 2, 8, SIZE[0] // stride, SIZE[1] // stride)) for stride in STRIDES}
    boxes, scores = [], []
    for stride, anchors, scale in zip(STRIDES, ANCHORS, (1.2, 1.05), strict=True):
        for index, (wide, high) in enumerate(anchors):
            for _, row, column in cells((stride,)):
                t = raw[stride][0, index, :, row, column]
                x, y = sigmoid(t[0]), sigmoid(t[1])
                w, h = wide * math.exp(t[2]), high * math.exp(t[3])
                if formula == "v4":
                    x, y = (v * scale - (scale - 1) / 2 for v in (x, y))
                elif formula == "v5":
                    x, y = 2 * x - 0.5, 2 * y - 0.5
                    w, h = wide * (2 * sigmoid(t[2])) ** 2, high * (2 * sigmoid(t[3])) ** 2
                boxes.append(around((column + x) * stride, (row + y) * stride, w, h))
                scores.append([sigmoid(t[4]) * sigmoid(v) for v in t[5:]])
    if form == "maps":
        outputs = {f"y{s}": y.reshape(1, 16, *y.shape[3:]) for s, y in reversed(raw.items())}
    elif form == "five dimensions":
        outputs = {f"y{s}": y.transpose(0, 1, 3, 4, 2) for s, y in raw.items()}
    else:
        outputs = {"y": np.concatenate([y.transpose(0, 1, 3, 4, 2).reshape(1, -1, 8) for y in raw.values()], axis=1)}
    found = decode(task, outputs)
    np.testing.assert_allclose(found.boxes, boxes)
    np.testing.assert_allclose(found.scores, scores)


def test_conventions_of_yolo_have_anchors_for_each_stride() -> None:
    for kind in ("yolov3", "yolov4", "yolov5"):
        head = read_head({"kind": kind})
        assert len(head.anchors) == len(head.strides) == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["yolo_rows", "yolov8", "yolov8 lying"])
def test_rows_that_are_decoded(kind: str, rng: Rng) -> None:
    rows = rng.random((1, 40, 8)) * 50
    y = rows.swapaxes(1, 2) if kind == "yolov8" else rows
    found = decode({"kind": kind.split()[0]}, {"output0": y})
    np.testing.assert_allclose(found.boxes, [around(*row[:4]) for row in rows[0]])
    scores = rows[0, :, 4:5] * rows[0, :, 5:] if kind == "yolo_rows" else rows[0, :, 4:]
    np.testing.assert_allclose(found.scores, scores)


@pytest.mark.parametrize("form", ["rows", "maps"])
def test_yolox(form: str, rng: Rng) -> None:
    """YOLOX's demo_postprocess: (t + grid) * stride and e^t * stride."""
    rows = rng.normal(size=(len(PLACES), 8))
    outputs = {"output": rows[None]} if form == "rows" else maps(rows)
    found = decode({"kind": "yolox", "strides": list(STRIDES)}, outputs)
    for (stride, row, column), t, box, score in zip(PLACES, rows, found.boxes, found.scores, strict=True):
        x, y = (column + t[0]) * stride, (row + t[1]) * stride
        np.testing.assert_allclose(box, around(x, y, math.exp(t[2]) * stride, math.exp(t[3]) * stride), rtol=1e-4)
        np.testing.assert_allclose(score, t[4] * t[5:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["rows", "maps", "pairs of rows", "pairs of maps"])
@pytest.mark.parametrize(
    ("kind", "bins", "offset"), [("nanodet", 8, 0.5), ("nanodet_plus", 8, 0), ("yolov8_raw", 16, 0.5)]
)
def test_distributions(kind: str, bins: int, offset: float, form: str, rng: Rng) -> None:
    """The mean of a softmax, in strides, from a point of each cell (GFL, equation 4)."""
    scores, raw = rng.random((len(PLACES), 3)), rng.normal(size=(len(PLACES), 4 * bins))
    joined = np.concatenate([raw, scores] if kind == "yolov8_raw" else [scores, raw], axis=1)
    if form == "rows":
        outputs = {"y": joined[None]}
    elif form == "maps":
        outputs = maps(joined)
    else:
        parts = {f"cls {key}": y for key, y in maps(scores).items()} | {f"dis {key}": y for key, y in maps(raw).items()}
        outputs = parts
        if form == "pairs of rows":
            outputs = {key: y.reshape(1, y.shape[1], -1).swapaxes(1, 2) for key, y in parts.items()}
    found = decode({"kind": kind, "strides": list(STRIDES)}, outputs)
    for i, (stride, row, column) in enumerate(PLACES):
        away = []
        for side in raw[i].reshape(4, bins):
            powers = [math.exp(v) for v in side]
            away.append(sum(j * p for j, p in enumerate(powers)) / sum(powers) * stride)
        x, y = (column + offset) * stride, (row + offset) * stride
        np.testing.assert_allclose(
            found.boxes[i], [x - away[0], y - away[1], x + away[2], y + away[3]], rtol=1e-4, atol=1e-4
        )
    expected = scores if kind != "yolov8_raw" else 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)


def test_fastestdet(rng: Rng) -> None:
    """Its handle_preds: object^0.6 * class^0.4, tanh for centres, sigmoid for sides."""
    y = rng.random((1, 8, 3, 5))
    found = decode({"kind": "fastestdet"}, {"out": y})
    for i, (row, column) in enumerate((r, c) for r in range(3) for c in range(5)):
        t = y[0, :, row, column]
        x, down = (column + math.tanh(t[1])) / 5 * SIZE[1], (row + math.tanh(t[2])) / 3 * SIZE[0]
        np.testing.assert_allclose(found.boxes[i], around(x, down, sigmoid(t[3]) * SIZE[1], sigmoid(t[4]) * SIZE[0]))
        np.testing.assert_allclose(found.scores[i], t[0] ** 0.6 * t[5:] ** 0.4)


def test_yunet(rng: Rng) -> None:
    """OpenCV's FaceDetectorYN: sqrt(cls * obj), offsets from a cell's corner in strides."""
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    outputs = {}
    for part, width in widths.items():
        for stride in STRIDES:
            count = len(list(cells((stride,))))
            outputs[f"{part}_{stride}"] = rng.random((1, count, width)) * 1.5
    found = decode({"kind": "yunet", "strides": list(STRIDES)}, outputs)
    assert found.points is not None
    each = {part: np.concatenate([outputs[f"{part}_{s}"][0] for s in STRIDES]) for part in widths}
    for i, (stride, row, column) in enumerate(PLACES):
        dx, dy, dw, dh = each["bbox"][i]
        box = around((column + dx) * stride, (row + dy) * stride, math.exp(dw) * stride, math.exp(dh) * stride)
        np.testing.assert_allclose(found.boxes[i], box)
        score = math.sqrt(min(each["cls"][i, 0], 1) * min(each["obj"][i, 0], 1))
        assert found.scores[i, 0] == pytest.approx(score)
        points = [((column + x) * stride, (row + y) * stride) for x, y in each["kps"][i].reshape(5, 2)]
        np.testing.assert_allclose(found.points[i], points)


def test_finished_boxes(rng: Rng) -> None:
    """TFLite_Detection_PostProcess: top, left, bottom, right as shares, a class and a score each, and their number."""
    boxes, scores = rng.random((1, 3, 4)), rng.random((1, 3))
    outputs = {"boxes": boxes, "classes": np.array([[2.0, 0, 1]]), "scores": scores, "count": np.array([3.0])}
    found = decode({"kind": "boxes"}, outputs)
    for (top, left, bottom, right), box in zip(boxes[0], found.boxes, strict=True):
        np.testing.assert_allclose(box, [left * 80, top * 48, right * 80, bottom * 48])
    expected = np.zeros((3, 3))
    expected[[0, 1, 2], [2, 0, 1]] = scores[0]
    np.testing.assert_array_equal(found.scores, expected)
    others = {"a": scores, "b": boxes * 40, "c": np.array([[2, 0, 1]])}
    named = {"boxes": "b", "scores": "a", "classes": "c"}
    found = decode({"kind": "boxes", "order": "ltrb", "units": "pixels", "outputs": named}, others)
    np.testing.assert_allclose(found.boxes, boxes[0] * 40)
    found = decode({"kind": "boxes", "order": "xywh"}, {"b": boxes, "s": rng.random((1, 3, 7))})
    assert found.scores.shape == (3, 7)
    x, y, wide, high = boxes[0, 0] * (80, 48, 80, 48)
    np.testing.assert_allclose(found.boxes[0], around(x, y, wide, high))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_masks(layout: str, rng: Rng) -> None:
    y = rng.normal(size=(1, 1, 4, 6))
    given = y if layout == "nchw" else y.transpose(0, 2, 3, 1)
    for activation, threshold in (("none", 0.3), ("sigmoid", 0.7)):
        head = read_head({"kind": "mask", "activation": activation, "threshold": threshold, "layout": layout})
        assert isinstance(head, Mask)
        sure = y[0, 0] if activation == "none" else 1 / (1 + np.exp(-y[0, 0]))
        np.testing.assert_array_equal(head.logits(given).argmax(axis=0), sure > threshold)
    two = rng.normal(size=(1, 2, 4, 6)).astype(np.float32)
    head = Mask(layout=layout)
    np.testing.assert_array_equal(head.logits(two if layout == "nchw" else two.transpose(0, 2, 3, 1)), two[0])
    np.testing.assert_array_equal(Mask().logits(y[:, 0]), Mask().logits(y))


def test_large_numbers_do_not_overflow() -> None:
    """Raw outputs of a picture of noise may be anything finite."""
    big = np.full((1, len(PLACES), 8), 1e30)
    with np.errstate(over="raise", invalid="raise"):
        found = decode({"kind": "yolox", "strides": list(STRIDES), "activation": "sigmoid"}, {"y": big})
        assert np.isfinite(found.scores).all()
        decode({"kind": "nanodet", "strides": list(STRIDES), "bins": 2}, {"y": np.full((1, len(PLACES), 9), 1e30)})
        decode({"kind": "fastestdet"}, {"y": np.full((1, 8, 3, 5), -1e30)})


# -- descriptions ----------------------------------------------------------------------------------

WRONG: list[tuple[Any, str]] = [
    ({}, "kind: expected one of ssd"),
    ({"kind": "guess"}, "found 'guess'"),
    ({"kind": ["ssd"]}, "kind: expected one of"),
    ({"kind": "yunet", "stride": [8]}, "expected the keys strides, overlap, found 'stride'"),
    ({"kind": "yunet", "strides": []}, "strides: expected a list of at least one"),
    ({"kind": "yunet", "strides": [0]}, r"strides\[0\]: expected a whole number of 1 to"),
    ({"kind": "yunet", "strides": [True]}, r"strides\[0\]: expected a whole number"),
    ({"kind": "ssd", "anchors": [[0.5, 0.5, 1]]}, r"anchors\[0\]: expected a list of 4"),
    ({"kind": "ssd", "anchors": [[0.5, 0.5, 1, 0]]}, r"anchors\[0\]\[3\]: expected a number above 0"),
    ({"kind": "ssd", "scale": [10, 10, 5, float("nan")]}, r"scale\[3\]: expected a number"),
    ({"kind": "ssd", "scale": [10, 10, 5, 10**400]}, r"scale\[3\]: expected a number"),
    ({"kind": "ssd", "order": "wh"}, "order: expected one of xywh, yxhw"),
    ({"kind": "ssd", "background": 1}, "background: expected true or false"),
    ({"kind": "ssd", "outputs": {"score": "a"}}, "outputs: expected an object with the keys scores, boxes"),
    ({"kind": "ssd", "outputs": {"scores": ""}}, "outputs: scores: expected a name"),
    ({"kind": "mask", "threshold": 1.5}, "threshold: expected a number of 0 to 1"),
    ({"kind": "nanodet", "bins": 1}, "bins: expected a whole number of 2 to"),
]


@pytest.mark.parametrize(("task", "words"), WRONG)
def test_wrong_descriptions(task: Any, words: str) -> None:
    with pytest.raises(ModelFormatError, match=words):
        read_head(task)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_default_and_a_purpose(kind: str) -> None:
    read_head({"kind": kind})
    assert task_of({"task": {"kind": kind}}) == (SEGMENT if kind == "mask" else DETECT)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mask"])
@pytest.mark.parametrize(
    "outputs",
    [
        {"a": np.zeros((1, 7, 3))},
        {"a": np.zeros((2, 7, 85))},
        {"a": np.zeros(())},
        {"a": np.zeros((1, 4)), "b": np.zeros((1, 5, 4))},
        {"a": np.full((1, 85, 6, 10), np.nan)},
        {"a": np.zeros((1, 3, 4, 4)), "b": np.zeros((1, 3, 2, 2)), "c": np.zeros((1, 3, 1, 1))},
    ],
    ids=["few", "batch", "scalar", "pair", "nan", "maps"],
)
def test_other_outputs_are_refused(kind: str, outputs: dict[str, np.ndarray]) -> None:
    if kind == "yolov8" and list(outputs) == ["a"] and outputs["a"].shape == (1, 7, 3):
        pytest.skip("upright rows of 7 numbers")
    with pytest.raises(InputError):
        decode({"kind": kind}, outputs)
