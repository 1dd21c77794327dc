"""Tasks that networks of others show unmistakably: by the names and sizes of their outputs, or as their files say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinyinfer.graph import Graph
from tinyinfer.tasks.heads import read_head
from tinyinfer.tasks.heads.cell_boxes import yunet_names
from tinyinfer.tasks.heads.mediapipe import LAYOUTS
from tinyinfer.tasks.heads.ssd import ULTRAFACE

Meta = dict[str, Any]
Size = tuple[int, int]  # height, width

ULTRAFACE_SIDES = (240, 320)  # of pictures, where the network takes any
PLAIN = {"scale": 1.0, "mean": [0.0], "std": [1.0]}
UNIT = {"scale": 1 / 255, "mean": [0.0], "std": [1.0]}
SIGNED = {"scale": 1.0, "mean": [127.5], "std": [127.5]}

# MediaPipe's detectors by the numbers of their outputs for each anchor: labels, and how pixels are prepared
MEDIAPIPE = {(16, 1): (["face"], SIGNED), (18, 1): (["palm"], UNIT), (12, 1): (["person"], SIGNED)}


def recognised(graph: Graph, meta: Mapping[str, Any]) -> Meta:
    """The metadata of a network that was read from a file, with the task and what belongs to it if it is known.

    Raises ModelFormatError where the file says a task in numbers that no such task can have.
    """
    known = dict(meta)
    post_process = known.pop("detection", None)
    if known.get("task"):
        return known
    if post_process is not None:
        return {**known, "task": _post_processed(post_process)}
    found = _by_outputs(graph, known)
    return known if found is None else {**found, **known}


def _by_outputs(graph: Graph, meta: Mapping[str, Any]) -> Meta | None:
    names = set(graph.outputs)
    shape = graph.inputs[0].nominal
    if len(graph.inputs) != 1 or len(shape) != 4 or shape[1] != 3:
        return None
    size = (shape[2], shape[3])
    if names == yunet_names():
        return {"task": {"kind": "yunet"}, "labels": ["face"], "preprocess": _prepared(size, PLAIN, channels="bgr")}
    if len(names) == 1:
        return _ultralytics(graph, meta, size)
    if len(names) != 2:
        return None
    types = graph.infer_types()
    rows = {name: types[name].shape[1:] for name in graph.outputs if len(types[name].shape) == 3}
    if len(rows) != 2 or len({count for count, _ in rows.values()}) != 1:
        return None
    boxes, scores = sorted(rows, key=lambda name: -rows[name][1])
    count, widths = rows[boxes][0], (rows[boxes][1], rows[scores][1])
    roles = {"boxes": boxes, "scores": scores}
    if widths == (4, 2) and count == _ultraface_anchors(size):
        return _ultraface(graph, roles, size)
    if widths in MEDIAPIPE and any(count == _layers(size, *layout) for layout in LAYOUTS):
        labels, pixels = MEDIAPIPE[widths]
        return {
            "task": {"kind": "mediapipe"},
            "labels": labels,
            "preprocess": _prepared(size, pixels, fit="letterbox", fill=0),
        }
    return None


def _ultraface(graph: Graph, roles: Mapping[str, str], size: Size) -> Meta:
    """Whose boxes are offsets, or decoded already: those take an exponential."""
    task: Meta = {"kind": "ultraface", "outputs": dict(roles)}
    if any(node.op.name == "exp" for node in graph.nodes):
        task = {"kind": "boxes", "order": "ltrb", "background": True, "overlap": 0.3, "outputs": dict(roles)}
    sides = ULTRAFACE_SIDES if None in graph.inputs[0].shape[2:] else size
    pixels = {"scale": 1.0, "mean": [127.0], "std": [128.0]}
    return {"task": task, "labels": ["background", "face"], "preprocess": _prepared(sides, pixels)}


def _ultralytics(graph: Graph, meta: Mapping[str, Any], size: Size) -> Meta | None:
    """Their exporter says the task, and the names of the classes show which of two layouts the rows have."""
    properties = (meta.get("onnx") or {}).get("properties", {})
    if properties.get("task") != "detect" or "stride" not in properties or not meta.get("labels"):
        return None
    shape, classes = graph.infer_types()[graph.outputs[0]].shape, len(meta["labels"])
    kind = {(1, 4 + classes): "yolov8", (2, 5 + classes): "yolo_rows"}
    for (axis, width), name in kind.items():
        if len(shape) == 3 and shape[axis] == width:
            return {"task": {"kind": name}, "preprocess": _prepared(size, UNIT, fit="letterbox")}
    return None


def _post_processed(found: Mapping[str, Any]) -> Meta:
    """The task of an SSD whose file ends with TFLite_Detection_PostProcess, in that operator's own numbers."""
    task = {
        "kind": "ssd",
        "anchors": [[x, y, wide, high] for y, x, high, wide in found["anchors"]],
        "scale": [
            found.get(f"{side}_scale", usual) for side, usual in (("x", 10.0), ("y", 10.0), ("w", 5.0), ("h", 5.0))
        ],
        "order": "yxhw",
        "activation": "none",
        "background": True,
        "overlap": found.get("nms_iou_threshold", 0.6),
        "outputs": {"boxes": found["boxes"], "scores": found["scores"]},
    }
    read_head(task, "TFLite_Detection_PostProcess")
    return task


def _prepared(size: Size, pixels: Mapping[str, Any], **more: Any) -> Meta:
    """How pictures are prepared for an input of this size."""
    return {"resize": list(size), **pixels, **more}


def _ultraface_anchors(size: Size) -> int:
    squares = dict(zip(ULTRAFACE["strides"], ULTRAFACE["pixels"], strict=True))
    return sum(len(own) * _pixels(size, stride) for stride, own in squares.items())


def _layers(size: Size, strides: tuple[int, ...], per_layer: int) -> int:
    return sum(per_layer * _pixels(size, stride) for stride in strides)


def _pixels(size: Size, stride: int) -> int:
    return -(-size[0] // stride) * -(-size[1] // stride)
