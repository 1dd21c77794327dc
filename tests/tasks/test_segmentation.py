"""A class for every pixel, at the picture's own size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_networks import PREPROCESS, SIDE, detector, segmenter, striped

import tinyinfer as ti
from tinyinfer.errors import InputError
from tinyinfer.tasks.segmentation import largest, shares


@pytest.mark.parametrize("size", [(32, 96), (64, 48), (33, 100), (100, 333), (7, 31)])
def test_classes_are_where_the_colours_are(size: tuple[int, int]) -> None:
    classes = segmenter().segment(striped(*size))
    assert classes.shape == size
    assert classes.dtype == np.uint8
    stripes = np.array_split(np.arange(size[1]), 3)
    for index, stripe in enumerate(stripes):
        inner = stripe[len(stripe) // 4 : -(len(stripe) // 4)]  # borders between stripes are blurred by resizing
        assert (classes[:, inner] == index).all()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_at_its_own_size_the_largest_is_argmax(height: int, width: int, classes: int, seed: int) -> None:
    logits = np.random.default_rng(seed).integers(-3, 3, (classes, height, width)).astype(np.float32)
    np.testing.assert_array_equal(largest(logits, (width, height)), logits.argmax(axis=0))


def test_enlarged_maps_are_those_of_the_textbook_interpolation() -> None:
    logits = np.random.default_rng(0).standard_normal((4, 5, 7)).astype(np.float32)
    enlarged = ti.ops.reference("interpolate")(logits[None], size=(23, 31), mode="bilinear", align_corners=False)[0]
    np.testing.assert_array_equal(largest(logits, (31, 23)), enlarged.argmax(axis=0))


def test_many_classes() -> None:
    logits = np.eye(300, dtype=np.float32).reshape(300, 300, 1)
    classes = largest(logits, (1, 300))
    assert classes.dtype == np.int32
    np.testing.assert_array_equal(classes[:, 0], np.arange(300))


def test_shares() -> None:
    found = shares(np.array([[2, 2, 2], [0, 2, 0]], np.uint8), ["a", "b", "c"])
    assert [(s.index, s.label) for s in found] == [(2, "c"), (0, "a")]
    assert [s.share for s in found] == pytest.approx([4 / 6, 2 / 6])
    assert [s.label for s in shares(np.array([[1]], np.uint8), None)] == ["1"]
    with pytest.raises(InputError, match="labels: expected at least 3, one a class, found 2"):
        shares(np.array([[2]], np.uint8), ["a", "b"])


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_shares_add_up(classes: list[int]) -> None:
    found = shares(np.array([classes]), None)
    assert sum(s.share for s in found) == pytest.approx(1)
    assert {s.index for s in found} == set(classes)
    assert [s.share for s in found] == sorted((s.share for s in found), reverse=True)


def test_not_finite() -> None:
    model = segmenter()
    model.graph.weights["colours.weight"] = np.full((3, 3, 1, 1), np.nan, np.float32)
    with pytest.raises(InputError, match="output: expected finite logits"):
        ti.Model(model.graph, model.meta, kernels="reference").segment(striped(20, 30))


def test_models_that_can_not_segment_say_why() -> None:
    with pytest.raises(InputError, match="crop: expected none"):
        segmenter(preprocess={**PREPROCESS, "crop": SIDE}).segment(striped(20, 30))
    with pytest.raises(InputError, match="segment: expected a network that labels pixels"):
        detector(np.zeros((4, 3))).segment(striped(20, 30))
    with pytest.raises(InputError, match="predict: expected a network that labels pictures"):
        segmenter().predict(striped(20, 30))
    graph = ti.models.create("resnet20").graph
    flat = ti.Model(graph, {"task": "segment", "preprocess": PREPROCESS}, kernels="reference")
    with pytest.raises(InputError, match=r"output: expected shape \(1, classes, height, width\), found \(1, 10\)"):
        flat.segment(striped(9, 9))
