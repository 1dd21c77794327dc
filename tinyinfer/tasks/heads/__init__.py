"""Heads of networks that others have trained: how outputs are read, said by a description in the metadata.

``meta["task"]`` may be an object such as ``{"kind": "yunet"}``; what else it may hold are the fields of the kind's
class, with the convention's own numbers as defaults.

| kind | file | outputs |
| --- | --- | --- |
| ``ssd``, ``ssd_mobilenet``, ``ultraface`` | ``ssd`` | scores, and offsets from anchors |
| ``mediapipe`` | ``mediapipe`` | the same of MediaPipe's faces, palms and poses |
| ``yolo``, ``yolov3`` to ``yolov5`` | ``yolo`` | raw grids of anchors |
| ``yolo_rows``, ``yolov8``, ``yolox`` | ``yolo`` | rows of boxes and scores |
| ``nanodet``, ``nanodet_plus``, ``yolov8_raw`` | ``distribution`` | distances as distributions |
| ``fastestdet``, ``yunet`` | ``cell_boxes`` | boxes in cells |
| ``boxes`` | ``finished`` | boxes, classes and scores that the network has finished |
| ``mask`` | ``mask`` | one map of the foreground, or one a class |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from tinyinfer.errors import ModelFormatError
from tinyinfer.tasks.heads.candidates import Candidates as Candidates
from tinyinfer.tasks.heads.candidates import DetectionHead as DetectionHead
from tinyinfer.tasks.heads.cell_boxes import FastestDet, YuNet
from tinyinfer.tasks.heads.distribution import NANODET, NANODET_PLUS, YOLOV8_RAW, Distribution
from tinyinfer.tasks.heads.finished import Finished
from tinyinfer.tasks.heads.mask import Mask as Mask
from tinyinfer.tasks.heads.mediapipe import MediaPipe
from tinyinfer.tasks.heads.options import read_options
from tinyinfer.tasks.heads.ssd import SSD_MOBILENET, ULTRAFACE, Ssd
from tinyinfer.tasks.heads.yolo import YOLOV3, YOLOV4, YOLOV5, YoloGrid, YoloRows, Yolox

# what each kind is: a class, and the options that differ from the class's own defaults
KINDS: Mapping[str, tuple[type, Mapping[str, Any]]] = {
    "ssd": (Ssd, {}),
    "ssd_mobilenet": (Ssd, SSD_MOBILENET),
    "ultraface": (Ssd, ULTRAFACE),
    "mediapipe": (MediaPipe, {}),
    "yolo": (YoloGrid, {}),
    "yolov3": (YoloGrid, YOLOV3),
    "yolov4": (YoloGrid, YOLOV4),
    "yolov5": (YoloGrid, YOLOV5),
    "yolo_rows": (YoloRows, {}),
    "yolov8": (YoloRows, {"objectness": False, "overlap": 0.7}),
    "yolov8_raw": (Distribution, YOLOV8_RAW),
    "yolox": (Yolox, {}),
    "nanodet": (Distribution, NANODET),
    "nanodet_plus": (Distribution, NANODET_PLUS),
    "fastestdet": (FastestDet, {}),
    "yunet": (YuNet, {}),
    "boxes": (Finished, {}),
    "mask": (Mask, {}),
}


def read_head(task: Any, where: str = "task") -> DetectionHead | Mask:
    """The head that a description is of.  Raises ModelFormatError for an unknown kind or option."""
    kind = task.get("kind") if isinstance(task, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ModelFormatError(f"{where}: kind: expected one of {', '.join(KINDS)}, found {repr(kind)[:60]}")
    head, defaults = KINDS[kind]
    given = {key: value for key, value in task.items() if key != "kind"}
    return cast(DetectionHead | Mask, read_options(head, {**defaults, **given}, where))
