"""The verb "explain": what it writes, says and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

PLAIN = ("--kernel", "reference")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)).save(path)
    return path


def test_a_page_is_written(ti, model_file, photo, tmp_path):
    out = tmp_path / "page.html"
    code, text, err = ti("explain", model_file, photo, "-o", out, *PLAIN)
    assert (code, text) == (0, "")
    assert f"written to {out}" in err
    page = out.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "sees photo.png" in page


def test_json_says_what_was_written(ti, model_file, photo, tmp_path):
    out = tmp_path / "page.html"
    code, text, err = ti("explain", model_file, photo, "-o", out, "--json", *PLAIN)
    assert (code, err) == (0, "")
    assert json.loads(text)["bytes"] == out.stat().st_size
    assert json.loads(text)["output"] == str(out)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{photo}",), 2, "--output"),
        (("{photo}", "-o", "{folder}/page.pdf"), 2, "ends in .html"),
        (("{photo}", "-o", "{folder}/page.html", "--megabytes", "0.1"), 2, "megabytes"),
        (("{folder}/none.png", "-o", "{folder}/page.html"), 4, "no such file"),
        (("{photo}", "-o", "{folder}/none/page.html"), 4, "none/page.html"),
    ],
)
def test_what_is_refused(ti, model_file, photo, tmp_path, arguments, code, message):
    given = [argument.format(photo=photo, folder=tmp_path) for argument in arguments]
    answer = ti("explain", model_file, *given, *PLAIN)
    assert answer.code == code
    assert message in answer.err
    assert not list(tmp_path.glob("page*"))


def test_a_name_without_weights_is_refused(ti, photo, tmp_path):
    answer = ti("explain", "vgg11", photo, "-o", tmp_path / "page.html")
    assert answer.code == 5
    assert "no trained weights" in answer.err
