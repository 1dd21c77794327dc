"""The most probable classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyinfer.errors import InputError
from tinyinfer.tasks.classification import most_probable


def test_top_by_hand() -> None:
    logits = np.log(np.array([0.2, 0.7, 0.1]))
    best = most_probable(logits, 2, ["a", "b", "c"])
    assert [(i, label) for i, label, _ in best] == [(1, "b"), (0, "a")]
    assert [p for _, _, p in best] == pytest.approx([0.7, 0.2])


def test_top_of_large_logits_does_not_overflow() -> None:
    best = most_probable(np.array([1e30, 1e30 - 1, -1e30], np.float32), 3)
    assert [p for _, _, p in best] == pytest.approx([0.5, 0.5, 0.0])
    assert most_probable(np.array([1000.0, 1001.0]))[0][2] == pytest.approx(1 / (1 + math.exp(-1)))


@given(hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-1e6, 1e6, width=32)), st.integers(1, 40))
def test_top_is_ordered_and_sums_to_one(logits: np.ndarray, k: int) -> None:
    best = most_probable(logits[None], k)
    assert len(best) == min(k, logits.size)
    probabilities = [p for _, _, p in best]
    assert probabilities == sorted(probabilities, reverse=True)
    assert best[0][0] == int(logits.argmax())
    assert sum(p for _, _, p in most_probable(logits, logits.size)) == pytest.approx(1)


def test_equal_logits_come_in_order() -> None:
    assert [i for i, _, _ in most_probable(np.zeros(7), 3)] == [0, 1, 2]


def test_without_names_the_index_is_the_label() -> None:
    assert most_probable(np.array([0.0, 1.0]), 1)[0][:2] == (1, "1")


@pytest.mark.parametrize(
    ("logits", "k", "names", "message"),
    [
        (np.zeros((2, 3)), 1, None, r"expected shape \(classes,\) or \(1, classes\), found \(2, 3\)"),
        (np.zeros(0), 1, None, r"found \(0,\)"),
        (np.array([0, np.nan, np.inf]), 1, None, "expected finite values, found 2 of 3"),
        (np.zeros(3), 0, None, "top: expected at least 1, found 0"),
        (np.zeros(3), 1, ["a"], "labels: expected 3, one a class, found 1"),
    ],
)
def test_bad_arguments(logits: np.ndarray, k: int, names: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        most_probable(logits, k, names)
