"""The verb "run" with networks that label pixels or find boxes, and what it draws."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_networks import detector, segmenter, striped
from PIL import Image

import tinyinfer
from tinyinfer.tasks.drawing import colour

USAGE, IMAGE = 2, 4
PLAIN = ("--kernel", "reference")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Red, green and blue stripes, 600 x 400."""
    path = tmp_path / "photo.png"
    Image.fromarray(striped(400, 600)).save(path)
    return path


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """A network that sees a cat on the upper left and, less surely, a dog on the lower right."""
    path = tmp_path / "boxes.npz"
    detector(np.array([(0, 5.0, 0), (9, 0, 0), (9, 0, 0), (0, 0, 3.0)])).save(path)
    return path


@pytest.fixture
def pixels(tmp_path: Path) -> Path:
    """A network that sees background in red, cats in green, dogs in blue."""
    path = tmp_path / "pixels.npz"
    segmenter().save(path)
    return path


def left_over(folder: Path) -> list[str]:
    """Names of files that a writer should not have left."""
    return [name for name in os.listdir(folder) if name.startswith(".") or "part" in name]


def test_boxes_are_listed(ti, boxes, photo):
    code, out, err = ti("run", boxes, photo, *PLAIN)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        str(photo),
        "  cat   98.7%  from 0, 0 to 300, 200",
        "  dog   90.9%  from 300, 200 to 600, 400",
    ]
    assert len(ti("run", boxes, photo, "--top", 1, *PLAIN).out.splitlines()) == 2
    assert len(ti("run", boxes, photo, "--threshold", 0.95, *PLAIN).out.splitlines()) == 2
    nothing = ti("run", boxes, photo, "--threshold", 0.99, *PLAIN)
    assert (nothing.code, nothing.out.splitlines()[1]) == (0, "  nothing of a probability above 99%")


def test_boxes_as_json(ti, boxes, photo):
    (row,) = json.loads(ti("run", boxes, photo, "--json", *PLAIN).out)
    assert row["image"] == str(photo)
    assert [(d["index"], d["label"]) for d in row["detections"]] == [(1, "cat"), (2, "dog")]
    np.testing.assert_allclose(row["detections"][1]["box"], [300, 200, 600, 400])
    assert row["detections"][0]["score"] == pytest.approx(0.9867, abs=1e-4)


def test_boxes_are_drawn(ti, boxes, photo, tmp_path):
    target = tmp_path / "out.png"
    assert ti("run", boxes, photo, "--draw", target, *PLAIN).code == 0
    image = Image.open(target)
    assert (image.format, image.size) == ("PNG", (600, 400))
    assert image.getpixel((300, 100)) == colour(1)
    assert image.getpixel((300, 300)) == colour(2)
    assert image.getpixel((150, 100)) == (255, 0, 0)
    assert not left_over(tmp_path)


def test_pixels_are_shared_out(ti, pixels, photo):
    code, out, err = ti("run", pixels, photo, *PLAIN)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == str(photo)
    assert {line.split()[0] for line in lines[1:]} == {"background", "cat", "dog"}
    assert all(line.endswith("%  of the pixels") for line in lines[1:])
    (row,) = json.loads(ti("run", pixels, photo, "--json", *PLAIN).out)
    assert {s["label"]: s["share"] for s in row["segments"]} == pytest.approx(
        {"background": 1 / 3, "cat": 1 / 3, "dog": 1 / 3}, abs=0.02
    )
    assert len(json.loads(ti("run", pixels, photo, "--json", "--top", 2, *PLAIN).out)[0]["segments"]) == 2


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "webp"])
def test_pixels_are_coloured_in_any_format(ti, pixels, photo, tmp_path, ending):
    target = tmp_path / f"out.{ending}"
    assert ti("run", pixels, photo, "--draw", target, *PLAIN).code == 0
    image = Image.open(target).convert("RGB")
    assert image.width == 600
    assert image.height > 400
    mixed = [round(0.4 * channel + 0.6 * over) for channel, over in zip((0, 255, 0), colour(1), strict=True)]
    assert np.abs(np.array(image.getpixel((300, 200))) - mixed).max() <= (2 if ending == "png" else 12)
    assert np.abs(np.array(image.getpixel((100, 200))) - (255, 0, 0)).max() <= (0 if ending == "png" else 12)


def test_labels_are_drawn_below(ti, model_file, photo, tmp_path):
    target = tmp_path / "out.png"
    assert ti("run", model_file, photo, "--draw", target, *PLAIN).code == 0
    image = Image.open(target)
    assert image.height > 400
    assert np.array_equal(np.asarray(image)[:400], striped(400, 600))
    top = tinyinfer.load(model_file, kernels="reference").predict_indices(photo)[0][0]
    assert (np.asarray(image)[400:] == colour(top)).all(axis=2).any()


@pytest.mark.parametrize(
    ("name", "key"), [("lraspp_mobilenet_v3_large", "segments"), ("ssdlite320_mobilenet_v3_large", "detections")]
)
def test_whole_networks_from_a_picture_to_a_drawing(ti, name, key, photo, tmp_path):
    """With random weights, so what they find means nothing, but it is found and drawn."""
    tinyinfer.models.create(name, resolution=64).save(tmp_path / "net.npz")
    options = ("--threshold", "0.02") if key == "detections" else ()
    target = tmp_path / "out.png"
    code, out, err = ti("run", tmp_path / "net.npz", photo, "--json", "--draw", target, *options, *PLAIN)
    assert (code, err) == (0, "")
    found = json.loads(out)[0][key]
    assert found
    image = np.asarray(Image.open(target))
    wanted = colour(found[0]["index"])
    assert (image == wanted).all(axis=2).sum() > 50
    assert not np.array_equal(image[:400], striped(400, 600))


def test_drawings_of_converted_goldens(ti, shared, photo, tmp_path):
    """The record's checkpoint, as published, through convert and run."""
    from golden_files import golden_fill, write_checkpoint

    fill = golden_fill(shared)
    (record,) = (record for record in fill.records() if record["name"] == "lraspp_mobilenet_v3_large")
    checkpoint = write_checkpoint(tmp_path / "checkpoint.pth", fill.state_dict(record))
    assert ti("convert", checkpoint, "-o", tmp_path / "net.npz").code == 0
    code, out, _ = ti("run", tmp_path / "net.npz", photo, "--draw", tmp_path / "out.png", *PLAIN)
    assert code == 0
    assert out.splitlines()[1].endswith("of the pixels")
    assert Image.open(tmp_path / "out.png").width == 600


def test_wrong_command_lines(ti, pixels, boxes, photo, tmp_path):
    for arguments, words in (
        ((pixels, photo, "--threshold", 0.5), "--threshold is for networks that find boxes, and made does not"),
        ((boxes, photo, "--threshold", 2), "--threshold"),
        ((boxes, photo, "--draw", tmp_path / "out.svg"), ".png, .jpg, .jpeg, .webp"),
        ((boxes, photo, "--draw", tmp_path / "out"), "expected a name that ends in"),
        ((boxes, photo, photo, "--draw", tmp_path / "out.png"), "--draw takes one picture, found 2"),
        ((boxes, photo, "--draw", photo), "would overwrite the picture"),
    ):
        code, out, err = ti("run", *arguments, *PLAIN)
        assert (code, out) == (USAGE, ""), err
        assert words in err
    assert Image.open(photo).getpixel((0, 0)) == (255, 0, 0)
    assert sorted(os.listdir(tmp_path)) == ["boxes.npz", "photo.png", "pixels.npz"]


@pytest.mark.parametrize("network", ["boxes", "pixels"])
def test_what_is_no_picture_is_not_drawn(ti, network, request, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "out.png").write_bytes(b"what stood here")
    model = request.getfixturevalue(network)
    for name in ("bad.jpg", "none.jpg"):
        code, out, err = ti("run", model, tmp_path / name, "--draw", tmp_path / "out.png", *PLAIN)
        assert (code, out) == (IMAGE, "")
        assert len(err.splitlines()) == 1
        assert name in err
    assert (tmp_path / "out.png").read_bytes() == b"what stood here"


def test_places_that_can_not_be_written(ti, boxes, photo, tmp_path):
    (tmp_path / "folder.png").mkdir()
    for target in (tmp_path / "none" / "out.png", tmp_path / "folder.png"):
        code, _, err = ti("run", boxes, photo, "--draw", target, *PLAIN)
        assert code == IMAGE
        assert len(err.splitlines()) == 1
        assert str(target) in err
    assert not left_over(tmp_path)


def test_a_drawing_that_fails_leaves_what_stood_there(ti, boxes, photo, tmp_path, monkeypatch):
    target = tmp_path / "out.png"
    target.write_bytes(b"what stood here")

    def half(self, file, *_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    code, _, err = ti("run", boxes, photo, "--draw", target, *PLAIN)
    assert code == IMAGE
    assert "No space left" in err
    assert target.read_bytes() == b"what stood here"
    assert not left_over(tmp_path)


def test_eval_refuses_what_does_not_label_pictures(ti, boxes, tmp_path):
    code, out, err = ti("eval", boxes, tmp_path, *PLAIN)
    assert (code, out) == (IMAGE, "")
    assert "eval: expected a network that labels pictures (predict), but made finds boxes (detect)" in err


def test_networks_that_were_not_pulled_have_nothing_to_say(ti, photo):
    code, out, err = ti("run", "ssdlite320_mobilenet_v3_large", photo)
    assert (code, out) == (5, "")
    assert "no trained weights" in err
