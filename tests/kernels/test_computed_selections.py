"""Kernels whose places follow from values: the best numbers, boxes that do not overlap, computed indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import check_all

from tinyinfer import kernels, ops
from tinyinfer.errors import InputError

threads = st.sampled_from([1, 2, 3])
shapes = st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)
seeds = st.integers(0, 2**32 - 1)
EQUAL_AND_ODD = np.array([-np.inf, -2.0, -1e-45, -0.0, 0.0, 1e-45, 3.0, 3.0, np.inf, np.nan, -np.nan], np.float32)


@given(shape=shapes, seed=seeds, largest=st.booleans(), threads=threads, data=st.data())
def test_the_best_of_equal_and_odd_numbers(shape, seed, largest, threads, data):
    x = np.random.default_rng(seed).choice(EQUAL_AND_ODD, shape)
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    attrs = {"k": data.draw(st.integers(1, shape[dim])), "dim": dim, "largest": largest}
    expected, found = ops.reference("topk")(x, **attrs), kernels.call("topk/heap", x, threads=threads, **attrs)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert check_all(ops.create("topk", attrs), [shape], {}, threads) == 1


def some_boxes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Corners on a coarse grid, so that boxes touch, are equal or empty, and shares of unions are simple fractions."""
    boxes = rng.integers(0, 6, (*shape, 4)).astype(np.float32)
    odd = rng.random((*shape, 4)) < 0.01
    return np.where(odd, rng.choice([np.nan, np.inf, -np.inf], boxes.shape), boxes).astype(np.float32)


@given(
    pictures=st.integers(1, 2), classes=st.integers(1, 3), count=st.integers(1, 90), most=st.integers(1, 60),
    iou=st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), least=st.sampled_from([None, -1.0, 0.5]),
    center=st.booleans(), threads=threads, seed=seeds,
)  # fmt: skip
def test_boxes_that_stay(pictures, classes, count, most, iou, least, center, threads, seed):
    rng = np.random.default_rng(seed)
    boxes, scores = some_boxes(rng, (pictures, count)), rng.choice(EQUAL_AND_ODD, (pictures, classes, count))
    attrs: dict[str, Any] = {"max_output_boxes": most, "iou_threshold": iou, "score_threshold": least}
    attrs["center_point_box"] = center
    with np.errstate(invalid="ignore"):
        expected = ops.reference("non_max_suppression")(boxes, scores, **attrs)
    found = kernels.call("non_max_suppression/registers", boxes, scores, threads=threads, **attrs)
    np.testing.assert_array_equal(found, expected)


def test_many_boxes_that_stay() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (1, 900, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 4, corners.shape)], -1).astype(np.float32)
    scores = rng.random((1, 1, 900), np.float32)
    attrs = {"max_output_boxes": 900, "iou_threshold": 0.5}
    expected = ops.reference("non_max_suppression")(boxes, scores, **attrs)
    assert 300 < (expected[:, 2] >= 0).sum() < 900
    np.testing.assert_array_equal(kernels.call("non_max_suppression/registers", boxes, scores, **attrs), expected)


@given(
    shape=shapes, picked=st.lists(st.integers(1, 5), max_size=3).map(tuple),
    dtype=st.sampled_from(["float32", "int64", "uint8", "bool"]), index=st.sampled_from(["int32", "int64"]),
    threads=threads, data=st.data(),
)  # fmt: skip
def test_elements_at_computed_places(shape, picked, dtype, index, threads, data):
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    op = ops.create("index", {"dim": dim})
    assert check_all(op, [shape, picked], {}, threads, [dtype, index]) == 1


@given(shape=shapes, size=st.integers(1, 9), dtype=st.sampled_from(["float32", "int64", "uint8"]), data=st.data())
def test_gathered_elements(shape, size, dtype, data):
    dim = data.draw(st.integers(0, len(shape) - 1))
    op = ops.create("gather", {"dim": dim})
    assert check_all(op, [shape, (*shape[:dim], size, *shape[dim + 1 :])], {}, 2, [dtype, "int64"]) == 1


@pytest.mark.parametrize("name", ["index", "gather"])
@pytest.mark.parametrize("wrong", [3, -4])
def test_places_out_of_range_are_refused(name: str, wrong: int) -> None:
    x, index = np.arange(3, dtype=np.float32), np.array([0, wrong])
    with pytest.raises(InputError, match=f"index: expected -3 to 2, found {wrong}"):
        kernels.call(f"{name}/blocks", x, index, dim=0)
    run = kernels.prepare(f"{name}/blocks", x, index, dim=0)
    for _ in range(2):  # every time, and never what lies there
        with pytest.raises(InputError):
            run()
