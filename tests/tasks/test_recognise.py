"""Tasks that names and sizes of outputs show, from networks made with such outputs, and from real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flexbuffer_writer import flexible
from made_networks import striped
from PIL import Image
from tflite_writer import Network

import tinyinfer as ti
from tinyinfer.builder import Builder
from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.npz.meta import check_meta
from tinyinfer.graph import Graph
from tinyinfer.model import Model
from tinyinfer.tasks.detection import choose, detect
from tinyinfer.tasks.heads import Mask, read_head
from tinyinfer.tasks.heads.cell_boxes import yunet_names
from tinyinfer.tasks.recognise import recognised
from tinyinfer.vision.preprocess import Preprocess


def network(size: tuple[int, int], **outputs: tuple[int, int]) -> Graph:
    """Outputs (1, rows, numbers) of these names that are constant, whatever the picture."""
    b = Builder()
    x = b.input(3, size)
    nothing = b.mul(b.adaptive_avg_pool2d(x, name="pool"), b.constant(np.float32(0), name="no"), name="nothing")
    zero = b.reshape(nothing, (1, 3, 1), name="flat")
    (first, *_) = b.split(zero, 1, name="part", dim=1)
    for name, shape in outputs.items():
        b.add(first, b.constant(np.zeros((1, *shape), np.float32), name=f"{name}.values"), name=name)
    return b.finish(list(outputs))


def check(meta: dict[str, Any]) -> None:
    """It can be kept in a file."""
    check_meta(meta, "meta")
    read_head(meta["task"])
    Preprocess.from_meta(meta["preprocess"])


def test_yunet_by_its_names() -> None:
    counts = {8: 64, 16: 16, 32: 4}
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    outputs = {name: (counts[int(name.split("_")[1])], widths[name.split("_")[0]]) for name in sorted(yunet_names())}
    meta = recognised(network((64, 64), **outputs), {"name": "a"})
    check(meta)
    assert meta["task"] == {"kind": "yunet"}
    assert (meta["preprocess"]["channels"], meta["preprocess"]["resize"], meta["name"]) == ("bgr", [64, 64], "a")
    outputs.pop("kps_8")
    assert "task" not in recognised(network((64, 64), **outputs), {})


def test_ultraface_by_its_sizes() -> None:
    """Of any names: what a converter calls its outputs says nothing."""
    graph = network((240, 320), Identity=(4420, 4), Identity_1=(4420, 2))
    meta = recognised(graph, {})
    check(meta)
    assert meta["task"] == {"kind": "ultraface", "outputs": {"boxes": "Identity", "scores": "Identity_1"}}
    assert meta["preprocess"]["resize"] == [240, 320]
    for other in ({"a": (4419, 4), "b": (4419, 2)}, {"a": (4420, 4), "b": (4420, 21)}):
        assert "task" not in recognised(network((240, 320), **other), {})


@pytest.mark.parametrize(
    ("side", "count", "width", "label"),
    [(128, 896, 16, "face"), (192, 2304, 16, "face"), (192, 2016, 18, "palm"), (224, 2254, 12, "person")],
)
def test_mediapipe_by_its_sizes(side: int, count: int, width: int, label: str) -> None:
    meta = recognised(network((side, side), a=(count, width), b=(count, 1)), {})
    check(meta)
    assert (meta["task"], meta["labels"]) == ({"kind": "mediapipe"}, [label])
    assert "task" not in recognised(network((side, side), a=(count - 1, width), b=(count - 1, 1)), {})


@pytest.mark.parametrize(("shape", "kind"), [((7, 100), "yolov8"), ((100, 8), "yolo_rows"), ((100, 9), None)])
def test_ultralytics_by_what_its_exporter_says(shape: tuple[int, int], kind: str | None) -> None:
    properties = {"task": "detect", "stride": "32", "names": "{0: 'a', 1: 'b', 2: 'c'}"}
    meta = {"labels": ["a", "b", "c"], "onnx": {"properties": properties}}
    found = recognised(network((64, 96), output0=shape), meta)
    assert (found.get("task") or {}).get("kind") == kind
    if kind:
        check(found)
        assert (found["preprocess"]["fit"], found["preprocess"]["resize"]) == ("letterbox", [64, 96])
    properties["task"] = "pose"
    assert "task" not in recognised(network((64, 96), output0=shape), meta)


def test_the_end_of_an_ssd_in_its_own_numbers() -> None:
    """The operator's anchors stand as centre y, centre x, height, width; the task's as x, y, width, height."""
    detection = {
        "boxes": "raw", "scores": "class", "anchors": [[0.1, 0.2, 0.3, 0.4]], "y_scale": 11.0, "x_scale": 12.0,
        "h_scale": 6.0, "w_scale": 7.0, "nms_iou_threshold": 0.55, "max_detections": 10,
    }  # fmt: skip
    meta = recognised(network((64, 64), raw=(1, 4)), {"detection": detection})
    assert "detection" not in meta
    task = meta["task"]
    read_head(task)
    assert task["anchors"] == [[0.2, 0.1, 0.4, 0.3]]
    assert (task["scale"], task["overlap"], task["order"]) == ([12.0, 11.0, 7.0, 6.0], 0.55, "yxhw")
    assert task["outputs"] == {"boxes": "raw", "scores": "class"}


def ssd_file(anchors: np.ndarray, options: dict[str, Any]) -> bytes:
    """A file whose offsets and scores are the picture's own pixels, nine anchors of four."""
    made = Network()
    image = made.input("image", (1, 3, 4, 3))
    ends = []
    for name in ("offsets", "scores"):
        ends.append(made.tensor(name, (1, 9, 4)))
        made.apply("RESHAPE", (image, made.constant(f"{name} shape", np.int32([1, 9, 4]))), (ends[-1],))
    made.outputs = [made.tensor(f"TFLite_Detection_PostProcess:{i}", (1, 10, 4)) for i in range(4)]
    inputs = (*ends, made.constant("anchors", anchors))
    made.apply("TFLite_Detection_PostProcess", inputs, made.outputs, custom=flexible(options))
    return made.write()


def test_an_ssd_from_its_file_to_a_box(tmp_path: Path) -> None:
    """One pixel is bright."""
    anchors = np.full((9, 4), 0.25, np.float32)
    anchors[4] = (0.5, 0.25, 0.5, 0.2)  # centre y, x, height, width
    options = {"num_classes": 3, "nms_iou_threshold": 0.6, "y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0}
    (tmp_path / "ssd.tflite").write_bytes(ssd_file(anchors, {**options, "w_scale": 5.0}))
    model = ti.load(tmp_path / "ssd.tflite", kernels="reference")
    model.meta |= {"labels": ["ant", "bee", "cat"], "preprocess": {"resize": [3, 4]}}
    picture = np.zeros((3, 4, 3), np.uint8)
    picture.reshape(-1)[4 * 4 + 1] = 204  # the fifth anchor's second number: 0.8
    ((label, score, box),) = model.detect(picture)
    assert (label, score) == ("ant", pytest.approx(0.8))  # whose score stands behind the background's
    x, y = (0.25 + 0.8 / 10 * 0.2) * 4, 0.5 * 3  # offsets are y, x, height, width, of which x alone is not 0
    np.testing.assert_allclose(box, (x - 0.1 * 4, y - 0.25 * 3, x + 0.1 * 4, y + 0.25 * 3), rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "side", "says"),
    [
        ({"x_scale": [1, 2]}, 0.5, "scale.0.: expected a number"),
        ({"y_scale": 0}, 0.5, "scale.1.: expected a number above 0"),
        ({"nms_iou_threshold": [1]}, 0.5, "overlap: expected a number"),
        ({"nms_iou_threshold": 9.0}, 0.5, "overlap: expected a number of 0 to 1"),
        ({}, np.nan, "anchors.0..0.: expected a number"),
        ({}, -1.0, "anchors.0..2.: expected a number above 0"),
    ],
)
def test_numbers_of_no_ssd_are_refused_as_it_is_read(
    options: dict[str, Any], side: float, says: str, tmp_path: Path
) -> None:
    """In one line that names the file."""
    (tmp_path / "ssd.tflite").write_bytes(ssd_file(np.full((9, 4), side, np.float32), {"num_classes": 3, **options}))
    with pytest.raises(ModelFormatError, match=rf"^\S+ssd\.tflite: TFLite_Detection_PostProcess: {says}"):
        ti.load(tmp_path / "ssd.tflite")


def test_options_do_not_stand_in_for_outputs(tmp_path: Path) -> None:
    """Whatever they are called."""
    options = {"num_classes": 3, "boxes": 7, "scores": 8, "anchors": 9}
    (tmp_path / "ssd.tflite").write_bytes(ssd_file(np.full((9, 4), 0.5, np.float32), options))
    assert ti.load(tmp_path / "ssd.tflite").meta["task"]["outputs"] == {"boxes": "offsets", "scores": "scores"}


def test_what_is_said_is_left_alone() -> None:
    graph = network((128, 128), a=(896, 16), b=(896, 1))
    assert recognised(graph, {"task": "detect"}) == {"task": "detect"}
    assert recognised(graph, {"labels": ["head"]})["labels"] == ["head"]


# -- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["stretch", "letterbox", "corner"])
def test_boxes_are_found_again_in_the_picture(fit: str) -> None:
    """A box of the whole input is the whole picture; one of the picture's upper left quarter is there."""
    picture = striped(60, 120)
    preprocess = {"resize": [64, 64], "fit": fit, "fill": 0}
    place = Preprocess.from_meta(preprocess).place(120, 60)
    assert place == {"stretch": (0, 0, 64, 64), "letterbox": (0, 16, 64, 32), "corner": (0, 0, 64, 32)}[fit]
    graph = network((64, 64), output=(2, 6))
    rows = np.array([[32, 32, 64, 64, 1, 0.9], [0, 0, 0, 0, 1, 0.8]], np.float32)
    rows[1, :4] = (place.width / 4 + place.left, place.height / 4 + place.top, place.width / 2, place.height / 2)
    graph.weights[next(k for k in graph.weights if k.startswith("output.values"))] = rows[None]
    model = Model(graph, {"task": {"kind": "yolo_rows"}, "preprocess": preprocess}, kernels="reference")
    whole, quarter = detect(model, picture)
    np.testing.assert_allclose(whole.box, (0, 0, 120, 60))
    np.testing.assert_allclose(quarter.box, (0, 0, 60, 30))


@pytest.mark.parametrize("fit", ["letterbox", "corner"])
@pytest.mark.parametrize("size", [(120, 60), (60, 120), (1, 300), (7, 7)])
def test_pictures_in_a_box(fit: str, size: tuple[int, int]) -> None:
    steps = Preprocess(resize=(64, 48), fit=fit, fill=7, scale=1.0)
    x = steps.apply(Image.new("RGB", size, (200, 100, 50)))
    place = steps.place(*size)
    inside = np.zeros((64, 48), bool)
    inside[place.top : place.top + place.height, place.left : place.left + place.width] = True
    assert x.shape == (3, 64, 48)
    for channel, level in zip(x, (200, 100, 50), strict=True):
        assert (channel[inside] == level).all()
        assert (channel[~inside] == 7).all()
    assert place.width == 48 or place.height == 64


def test_masks_of_pictures_in_a_box() -> None:
    """What stands beside the picture has no say in it."""
    b = Builder()
    graph = b.finish(b.conv2d(b.input(3, 32), 1, 1, name="red", bias=False))
    graph.weights["red.weight"] = np.float32([1, 0, 0]).reshape(1, 3, 1, 1)
    preprocess = {"resize": [32, 32], "fit": "letterbox", "fill": 255}
    model = Model(graph, {"task": {"kind": "mask"}, "preprocess": preprocess}, kernels="reference")
    found = model.segment(striped(32, 96))
    assert found.shape == (32, 96)
    assert found[:, :30].all()
    assert not found[:, 34:].any()


@pytest.mark.parametrize(
    ("preprocess", "words"),
    [
        ({"resize": [8, 8], "fit": "box"}, "fit: expected one of stretch, letterbox, corner"),
        ({"resize": 8, "fit": "letterbox"}, r"resize: expected \(height, width\) for fit 'letterbox'"),
        ({"fill": 256}, "fill: expected a level of 0 to 255"),
        ({"fill": 1.5}, "fill: expected a level"),
    ],
)
def test_wrong_fits(preprocess: dict[str, Any], words: str) -> None:
    with pytest.raises(ti.ModelFormatError, match=words):
        Preprocess.from_meta(preprocess)


@pytest.mark.parametrize("ending", ["softmax", "softmax and views", "none"])
def test_probabilities_are_not_made_twice(ending: str, rng: np.random.Generator) -> None:
    b = Builder()
    x = b.linear(b.flatten(b.adaptive_avg_pool2d(b.input(3, 4), name="pool")), 5, name="fc")
    y = x if ending == "none" else b.apply("softmax", x, name="prob", dim=1)
    if ending == "softmax and views":
        y = b.reshape(y, (1, 5, 1, 1), name="map")
    graph = b.finish(y)
    graph.weights["fc.weight"] = rng.standard_normal((5, 3), np.float32)
    graph.weights["fc.bias"] = rng.standard_normal(5, np.float32)
    picture = striped(4, 4)
    model = Model(graph, {"preprocess": {}}, kernels="reference")
    found = {index: p for index, _, p in model.predict_indices(picture)}
    logits = graph.weights["fc.weight"] @ (picture / 255).mean(axis=(0, 1)) + graph.weights["fc.bias"]
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([found[i] for i in range(5)], expected, rtol=1e-4)


# -- real files ------------------------------------------------------------------------------------

REAL = {
    "ultraface_rfb_320": ("ultraface", (240, 320), ("scores", "boxes")),
    "yunet_n_320": ("yunet", (320, 320), tuple(sorted(yunet_names()))),
    "fastestdet_shufflenetv2_0.5x_coco": ("fastestdet", (352, 352), ("out",)),
}


def reference(shared: Path, name: str) -> Any:
    folder = shared / "realdata" / "weights" / name
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return np.load(folder / "ref.npz")


def found_in(shared: Path, name: str, threshold: float) -> list[list[tuple[int, float, np.ndarray]]]:
    """Class, score and box of what the original runtime's outputs say of each reference picture."""
    kind, size, outputs = REAL[name]
    head, stored = read_head({"kind": kind}), reference(shared, name)
    assert not isinstance(head, Mask)
    every = []
    for i in range(len(stored["files"])):
        found = head.decode({key: stored[key][i : i + 1] for key in outputs}, size)
        chosen = choose(found.boxes, found.scores, threshold, head.overlap, first=int(head.background))
        every.append([(c.category, c.score, found.boxes[c.row]) for c in chosen])
    return every


def test_real_detections_of_fastestdet(shared: Path) -> None:
    """The best of each picture as its authors' code finds it: zebra, person, person, traffic light, orange."""
    best = [found[0] for found in found_in(shared, "fastestdet_shufflenetv2_0.5x_coco", 0.5)]
    assert [(category, round(score, 3)) for category, score, _ in best] == [
        (22, 0.865), (0, 0.895), (0, 0.913), (9, 0.776), (49, 0.608),
    ]  # fmt: skip


def test_real_faces_of_two_networks_are_the_same_faces(shared: Path) -> None:
    """UltraFace's and YuNet's, who share no convention, on the same pictures."""
    ultraface, yunet = found_in(shared, "ultraface_rfb_320", 0.7), found_in(shared, "yunet_n_320", 0.6)
    assert [len(found) for found in ultraface] == [len(found) for found in yunet] == [1, 1, 1, 2, 0]
    for ours, theirs in zip(ultraface, yunet, strict=True):
        for _, _, box in ours:
            middle = (box[:2] + box[2:]) / 2 / (320, 240)
            assert any((other[:2] < middle * 320).all() and (middle * 320 < other[2:]).all() for _, _, other in theirs)
