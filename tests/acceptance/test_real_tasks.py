"""Real detectors and segmenters of other engines, from their files to what they find in the reference pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.published.registry import Entry, entries
from tinyinfer.tasks.detection import choose, detect
from tinyinfer.tasks.heads import Mask, read_head

# registered networks, the folder of their copies and the outputs of the reference
DETECTORS = {
    "yunet": ("yunet_n_320", None),
    "ultraface_rfb_320": ("ultraface_rfb_320", ("scores", "boxes")),
    "ultraface_rfb_320_tflite": ("ultraface_rfb_320", ("scores", "boxes")),
    "ultraface_rfb_320_ncnn": ("ultraface_rfb_320", ("scores", "boxes")),
    "fastestdet": ("fastestdet_shufflenetv2_0.5x_coco", ("out",)),
}


def opened(shared: Path, folder: str, entry: Entry) -> tuple[ti.Model, Any]:
    """The copy of a registered file with what the registry says of it, and the original runtime's reference."""
    copies = shared / "realdata" / "weights" / folder
    if not (copies / entry.file_name).is_file():
        pytest.skip(f"no {copies / entry.file_name}")
    model = ti.load(copies / entry.file_name, kernels="reference")
    entry.describe(model.meta)
    return model, np.load(copies / "ref.npz")


@pytest.mark.parametrize("name", DETECTORS)
def test_boxes_are_those_of_the_original_runtime(name: str, shared: Path) -> None:
    folder, outputs = DETECTORS[name]
    model, stored = opened(shared, folder, entries()[name])
    head = read_head({key: value for key, value in dict(model.meta["task"]).items() if key != "outputs"})
    assert not isinstance(head, Mask)
    for picture in range(2):
        pixels = stored["x_u8"][picture]
        size = pixels.shape[:2]
        keys = outputs or [key for key in stored if key.partition("_")[0] in ("cls", "obj", "bbox", "kps")]
        theirs = head.decode({key: stored[key][picture : picture + 1] for key in keys}, size)
        expected = choose(theirs.boxes, theirs.scores, 0.5, head.overlap, first=int(head.background))
        found = detect(model, pixels)
        assert [one.index for one in found] == [one.category for one in expected]
        assert len(found) > 0
        for one, other in zip(found, expected, strict=True):
            assert one.score == pytest.approx(other.score, abs=2e-3)
            high, wide = size
            box = np.clip(theirs.boxes[other.row], 0, (wide, high, wide, high))
            np.testing.assert_allclose(one.box, box, atol=0.1)


def test_a_portrait_is_that_of_the_quantised_network(shared: Path) -> None:
    """And so, but for 2.8 % of these pixels, that of the float network."""
    model, stored = opened(
        shared, "mobilenetv3_minimalistic_portrait_seg", entries()["portrait_segmentation_mobilenet_v3"]
    )
    found = model.segment(stored["x_u8"][0])
    assert (found == stored["mask_int8"][0]).mean() > 0.99
    assert (found == stored["mask"][0]).mean() > 0.97
