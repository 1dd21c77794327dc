"""Drawn answers, pixel by pixel where it matters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from tinyinfer.labels.label_sets import get
from tinyinfer.tasks.detection import Detection
from tinyinfer.tasks.drawing import PAPER, colour, draw_detections, draw_labels, draw_segments
from tinyinfer.tasks.segmentation import Segment, shares

GREY = (90, 100, 110)


def plain(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), GREY)


def count(image: Image.Image, wanted: tuple[int, int, int]) -> int:
    """Pixels of exactly this colour."""
    return int((np.asarray(image) == wanted).all(axis=2).sum())


def test_colours_of_neighbouring_classes_differ() -> None:
    colours = np.array([colour(i) for i in range(91)], float)
    assert len({tuple(c) for c in colours}) == 91
    for near in (1, 2, 3):
        assert np.abs(colours[near:] - colours[:-near]).max(axis=1).min() > 40


def test_a_box_has_its_colour_on_its_border_and_the_picture_inside() -> None:
    image = draw_detections(plain(640, 480), [Detection(3, "car", 0.9, (100.0, 120.0, 300.0, 400.0))])
    assert image.size == (640, 480)
    for at in ((100, 250), (300, 250), (200, 120), (200, 400)):
        assert image.getpixel(at) == colour(3)
    for at in ((200, 250), (95, 250), (305, 250), (200, 405)):
        assert image.getpixel(at) == GREY
    plate = np.asarray(image)[90:119, 100:180]
    assert (plate == colour(3)).all(axis=2).mean() > 0.3  # the label's plate, above
    assert len({tuple(pixel) for row in plate for pixel in row}) > 3  # and letters on it


def test_the_most_probable_box_is_on_top() -> None:
    here = (50.0, 50.0, 250.0, 250.0)
    found = [Detection(1, "a", 0.9, here), Detection(2, "a", 0.8, here)]
    assert draw_detections(plain(500, 500), found).getpixel((150, 50)) == colour(1)


def test_labels_stay_inside_the_picture() -> None:
    """In each corner, a plate of the box's colour is there, whole or not."""
    for box in (
        (0.0, 0.0, 30.0, 30.0),
        (470.0, 0.0, 500.0, 30.0),
        (470.0, 370.0, 500.0, 400.0),
        (0.0, 399.9, 0.1, 400.0),
    ):
        image = draw_detections(plain(500, 400), [Detection(5, "traffic light", 0.99, box)])
        assert image.size == (500, 400)
        assert count(image, colour(5)) > 600


def test_boxes_of_enlarged_pictures_are_enlarged() -> None:
    image = draw_detections(plain(40, 20), [Detection(1, "a", 0.5, (10.0, 12.0, 30.0, 16.0))])
    assert image.size == (400, 200)
    assert image.getpixel((300, 140)) == colour(1)
    assert image.getpixel((390, 190)) == GREY


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (640, 480)])
def test_pictures_of_any_form(size: tuple[int, int]) -> None:
    box = (0.0, 0.0, float(size[0]), float(size[1]))
    classes = np.zeros(size[::-1], np.uint8)
    drawn = [
        draw_detections(plain(*size), [Detection(1, "a long label " * 20, 0.5, box)]),
        draw_segments(plain(*size), classes, shares(classes, ["a long label " * 20])),
        draw_labels(plain(*size), [(1, "a long label " * 20, 0.5)]),
    ]
    assert all(min(image.size) >= min(size) and image.mode == "RGB" for image in drawn)


def test_segments_colour_the_picture_but_not_its_background() -> None:
    classes = np.zeros((400, 600), np.uint8)
    classes[:, 300:] = 15
    picture = plain(600, 400)
    image = draw_segments(picture, classes, shares(classes, get("voc")))
    assert image.getpixel((100, 100)) == GREY
    mixed = [round(0.4 * grey + 0.6 * over) for grey, over in zip(GREY, colour(15), strict=True)]
    assert np.abs(np.array(image.getpixel((450, 100))) - mixed).max() <= 2
    assert image.height > 400  # the legend
    assert image.crop((0, 400, 600, image.height)).getpixel((599, 10)) == PAPER
    assert count(image, colour(15)) > 100  # its swatch and its bar, unmixed
    assert picture.getpixel((450, 100)) == GREY  # what was given is as it was


def test_the_legend_has_the_largest_classes() -> None:
    found = [Segment(i, f"class {i}", 1 / 20) for i in range(20)]
    classes = np.arange(20, dtype=np.uint8).repeat(20).reshape(20, 20)
    image = draw_segments(plain(20, 20), classes, found)
    legend = image.crop((0, 400, image.width, image.height))
    assert [i for i in range(20) if count(legend, colour(i))] == list(range(12))


def test_only_background_is_the_picture_itself() -> None:
    classes = np.zeros((400, 500), np.uint8)
    image = draw_segments(plain(500, 400), classes, shares(classes, get("voc")))
    assert (image.size, count(image, GREY)) == ((500, 400), 500 * 400)


def test_bars_are_as_long_as_the_probabilities() -> None:
    found = [(0, "cat", 0.8), (1, "dog", 0.4), (2, "eel", 0.0)]
    image = draw_labels(plain(500, 400), found)
    panel = image.crop((100, 400, 500, image.height))  # right of the swatches
    lengths = [count(panel, colour(index)) for index, _, _ in found]
    assert lengths[0] == pytest.approx(2 * lengths[1], rel=0.05)
    assert lengths[2] < lengths[1] / 20
    for (_, one, _), (_, other, _) in itertools.pairwise(found):
        renamed = draw_labels(plain(500, 400), [(0, other if label == one else label, p) for _, label, p in found])
        assert renamed.tobytes() != image.tobytes()  # names are drawn too
