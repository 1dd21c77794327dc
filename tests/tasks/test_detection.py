"""From a detector's outputs to boxes in the picture's pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_networks import LABELS, PREPROCESS, SIDE, detector, segmenter, striped
from PIL import Image

import tinyinfer as ti
from tinyinfer.errors import ImageError, InputError, ModelFormatError
from tinyinfer.logits import softmax
from tinyinfer.tasks.detection import CANDIDATES, MOST, choose, detect

NOTHING = (9.0, 0.0, 0.0)
PICTURE = striped(40, 60)  # 60 wide, 40 high: a pixel of the network's input is 1.875 x 1.25 of it


def logits(*rows: tuple[float, ...]) -> np.ndarray:
    """Scores of the four anchors; those not given see nothing."""
    return np.array([*rows, *[NOTHING] * (4 - len(rows))])


def test_boxes_are_in_the_pictures_pixels_best_first() -> None:
    model = detector(logits((0, 3, 0), NOTHING, NOTHING, (0, 0, 5)))
    found = model.detect(PICTURE)
    assert [label for label, _, _ in found] == ["dog", "cat"]
    np.testing.assert_allclose(
        [p for _, p, _ in found], [softmax(np.array([0, 0, 5.0]))[2], softmax(np.array([0, 3.0, 0]))[1]]
    )
    np.testing.assert_allclose([box for _, _, box in found], [(30, 20, 60, 40), (0, 0, 30, 20)])


def test_offsets_move_boxes_and_the_picture_ends_them() -> None:
    """Ten tenths of its width to the left: the box is half outside."""
    offsets = np.zeros((4, 4))
    offsets[0] = (-5, 0, 0, 0)
    ((_, _, box),) = detector(logits((0, 3, 0)), offsets).detect(PICTURE)
    np.testing.assert_allclose(box, (0, 0, 15, 20))


def test_threshold() -> None:
    model = detector(logits((0, 3, 0), (0, 1, 0)))
    probabilities = [softmax(np.array(row))[1] for row in ((0, 3.0, 0), (0, 1.0, 0))]
    assert [p for _, p, _ in model.detect(PICTURE, 0)[:2]] == pytest.approx(probabilities)
    assert len(model.detect(PICTURE, probabilities[1] - 1e-6)) == 2
    assert len(model.detect(PICTURE, probabilities[1] + 1e-6)) == 1
    assert model.detect(PICTURE, 1) == []
    with pytest.raises(InputError, match="threshold: expected 0 to 1, found -1"):
        model.detect(PICTURE, -1)


def test_the_same_thing_is_found_once_and_another_class_too() -> None:
    offsets = np.zeros((4, 4))
    offsets[1] = (-9, 0, 0, 0)  # onto the first anchor but for a tenth of its width
    twice = detector(logits((0, 3, 0), (0, 2, 0)), offsets)
    assert len(twice.detect(PICTURE)) == 1
    other = detector(logits((0, 3, 0), (0, 0, 2)), offsets)
    assert len(other.detect(PICTURE)) == 2


def test_suppression_looks_at_so_many_of_a_class_and_gives_so_many() -> None:
    count = CANDIDATES + 20
    corners = np.arange(count) * 10.0
    boxes = np.stack([corners, corners * 0, corners + 5, corners * 0 + 5], axis=1)
    scores = np.zeros((count, 4))
    scores[:, 1] = np.linspace(0.9, 0.6, count)
    assert len(choose(boxes, scores, 0.5, 0.5)) == CANDIDATES
    scores[:, 2] = 0.95
    found = choose(boxes, scores, 0.5, 0.5)
    assert len(found) == MOST
    assert {index for index, _, _ in found} == {2}  # the more probable ones


def test_without_labels_a_class_is_called_by_its_index() -> None:
    ((label, _, _),) = detector(logits((0, 3, 0)), labels=None).detect(PICTURE)
    assert label == "1"


def test_details_have_the_index() -> None:
    (found,) = detect(detector(logits((0, 0, 3))), PICTURE)
    assert (found.index, found.label) == (2, "dog")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (detector(logits(), labels=["a"]), "labels: expected 3, one a class, found 1"),
        (detector(logits((np.nan, 0, 0))), "finite"),
        (detector(logits(), preprocess={**PREPROCESS, "crop": SIDE}), "crop: expected none"),
        (
            detector(logits(), preprocess={**PREPROCESS, "resize": [SIDE, 2 * SIDE]}),
            r"outputs: expected .* \(1, 8, classes\)",
        ),
        (detector(logits(), np.zeros((4, 5))), r"\(1, 4, 4\), found .*\(1, 4, 5\)"),
        (detector(logits(), anchors=None), "anchors: expected the keys"),
        (detector(logits(), task="guess"), "task: expected one of classify, segment, detect, found 'guess'"),
        (segmenter(), r"detect: expected a network that finds boxes \(detect\), but made labels pixels \(segment\)"),
        (ti.models.create("resnet20"), r"but resnet20 labels pictures \(predict\)"),
    ],
)
def test_models_that_can_not_detect_say_why(model: ti.Model, words: str) -> None:
    with pytest.raises(ti.TinyInferError, match=words):
        model.detect(PICTURE)


def test_detectors_refuse_other_questions() -> None:
    for ask in (ti.Model.predict, ti.Model.segment):
        with pytest.raises(InputError, match="but made finds boxes"):
            ask(detector(logits()), PICTURE)


@pytest.mark.parametrize("source", [b"not a picture", "no-such.jpg", np.zeros((2, 2), float)])
def test_pictures_that_are_none(source: Any) -> None:
    with pytest.raises(ImageError):
        detector(logits()).detect(source)


def test_a_saved_detector_finds_the_same(tmp_path: Path) -> None:
    model = detector(logits((0, 3, 0)))
    model.save(tmp_path / "net.npz")
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    again = ti.load(tmp_path / "net.npz", kernels="reference")
    assert again.task == "detect"
    assert again.meta["labels"] == LABELS
    assert again.detect(tmp_path / "a.png") == model.detect(PICTURE)


@pytest.mark.parametrize("task", ["guess", 3, ["detect"]])
def test_unknown_tasks_are_not_saved(tmp_path: Path, task: Any) -> None:
    model = detector(logits(), task=task)
    with pytest.raises(ModelFormatError, match="task: expected one of classify, segment, detect"):
        model.save(tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())
