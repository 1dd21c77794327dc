"""Overlap, offsets and suppression against brute force, and what must hold of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyinfer.tasks.boxes import LARGEST_GROWTH, clip, decode_offsets, overlaps, suppress

SIDE = 12


@st.composite
def integer_boxes(draw: st.DrawFn, most: int = 12) -> np.ndarray:
    """Boxes with whole corners inside SIDE x SIDE, some of them empty."""
    corners = st.tuples(*[st.integers(0, SIDE)] * 4)
    rows = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in draw(st.lists(corners, max_size=most))]
    return np.array(rows, float).reshape(-1, 4)


def pixels(box: np.ndarray) -> np.ndarray:
    """The pixels that a box of whole corners covers."""
    covered = np.zeros((SIDE, SIDE), bool)
    left, top, right, bottom = box.astype(int)
    covered[top:bottom, left:right] = True
    return covered


def counted_overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union by counting pixels."""
    union = (pixels(a) | pixels(b)).sum()
    return float((pixels(a) & pixels(b)).sum() / union) if union else 0.0


@given(integer_boxes())
def test_overlaps_are_counted_pixels(boxes: np.ndarray) -> None:
    for box in boxes:
        np.testing.assert_allclose(overlaps(box, boxes), [counted_overlap(box, other) for other in boxes], atol=1e-12)


def brute_force(boxes: np.ndarray, scores: list[float], overlap: float) -> list[int]:
    """A box stays unless a better one that stays overlaps it too much, decided one after the other."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(counted_overlap(boxes[i], boxes[j]) <= overlap for j in kept):
            kept.append(i)
    return kept


@given(integer_boxes(), st.data(), st.sampled_from([0.01, 0.3, 0.5, 0.55, 1.0]))
def test_suppression(boxes: np.ndarray, data: st.DataObject, overlap: float) -> None:
    scores = data.draw(st.lists(st.sampled_from([0.1, 0.2, 0.5, 0.9]), min_size=len(boxes), max_size=len(boxes)))
    kept = suppress(boxes, np.array(scores), overlap)
    assert list(kept) == brute_force(boxes, scores, overlap)
    if len(boxes):
        assert scores[kept[0]] == max(scores)  # the best always stays
    for i in kept:  # no two that stay overlap too much
        others = [j for j in kept if j != i]
        assert all(overlaps(boxes[i], boxes[others]) <= overlap)
    for i in set(range(len(boxes))) - set(kept.tolist()):  # whatever goes, goes for a better one that stays
        hits = overlaps(boxes[i], boxes[kept]) > overlap
        assert hits.any()
        assert max(scores[j] for j in kept[hits]) >= scores[i]
    again = suppress(boxes[kept], np.array(scores)[kept], overlap)
    assert list(again) == list(range(len(kept)))  # nothing more goes a second time


def test_suppression_of_nothing() -> None:
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.5).shape == (0,)


def test_offsets_by_hand() -> None:
    """Girshick et al. 2014, appendix C, with the variances of SSD."""
    anchor = np.array([[10.0, 20.0, 4.0, 8.0]])
    np.testing.assert_allclose(decode_offsets(np.zeros((1, 4)), anchor, (0.1, 0.2)), [[8, 16, 12, 24]])
    moved = decode_offsets(np.array([[10.0, -5.0, 0, 0]]), anchor, (0.1, 0.2))
    np.testing.assert_allclose(moved, [[12, 12, 16, 20]])
    grown = decode_offsets(np.array([[0, 0, 5 * math.log(2), 5 * math.log(0.5)]]), anchor, (0.1, 0.2))
    np.testing.assert_allclose(grown, [[6, 18, 14, 22]])


@given(st.lists(st.floats(-30, 12), min_size=4, max_size=4), st.lists(st.floats(0.5, 300), min_size=4, max_size=4))
def test_offsets_of_a_box_lead_back_to_it(offsets: list[float], anchor: list[float]) -> None:
    given, start = np.array([offsets]), np.array([anchor])
    left, top, right, bottom = decode_offsets(given, start, (0.1, 0.2))[0]
    cx, cy, w, h = anchor
    back = [
        ((left + right) / 2 - cx) / w / 0.1,
        ((top + bottom) / 2 - cy) / h / 0.1,
        math.log(max(right - left, 1e-9) / w) / 0.2,
        math.log(max(bottom - top, 1e-9) / h) / 0.2,
    ]
    np.testing.assert_allclose(back, offsets, rtol=1e-4, atol=1e-4)


def test_absurd_growth_is_cut() -> None:
    anchor = np.array([[0.0, 0.0, 2.0, 2.0]])
    left, _, right, _ = decode_offsets(np.array([[0, 0, 1e30, 0]]), anchor, (0.1, 0.2))[0]
    assert right - left == pytest.approx(2 * 1000 / 16) == pytest.approx(2 * math.exp(LARGEST_GROWTH))


def test_clip() -> None:
    boxes = clip(np.array([[-5.0, 3.0, 70.0, 9.0], [1.0, 2.0, 3.0, 4.0]]), height=8, width=60)
    np.testing.assert_array_equal(boxes, [[0, 3, 60, 8], [1, 2, 3, 4]])
