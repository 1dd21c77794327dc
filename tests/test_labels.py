"""Class names and the most probable of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyinfer import labels
from tinyinfer.errors import InputError


def test_imagenet_names() -> None:
    names = labels.get("imagenet")
    assert len(names) == 1000
    assert names[0] == "tench, Tinca tinca"
    assert names[207] == "golden retriever"
    assert names[999].startswith("toilet tissue")
    assert all(name.strip() == name and name for name in names)
    assert labels.get("ImageNet-1k") == names


def test_wnids_are_sorted_and_unique() -> None:
    wnids = labels.imagenet_wnids()
    assert list(wnids) == sorted(set(wnids))
    assert len(wnids) == 1000
    assert wnids[207] == "n02099601"


def test_imagenet_names_are_the_reference_ones(shared: Path) -> None:
    reference = (shared / "realdata" / "imagenet_labels.txt").read_text().splitlines()
    assert list(labels.get("imagenet")) == reference


def test_cifar10_names() -> None:
    assert labels.get("cifar-10") == labels.CIFAR10
    assert labels.CIFAR10[8] == "ship"
    assert len(labels.CIFAR10) == 10


def test_every_listed_name_is_known() -> None:
    assert all(labels.get(name) for name in labels.names())


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="one of cifar10, coco, imagenet, imagenet1001, voc, found 'kinetics'"):
        labels.get("kinetics")


def test_coco_has_91_slots_of_which_ten_name_nothing() -> None:
    slots = labels.get("coco")
    assert len(slots) == 91
    assert [i for i, name in enumerate(slots) if name == "N/A"] == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    assert len(set(slots)) == 1 + 80 + 1
    numbers = {
        0: "background",
        1: "person",
        13: "stop sign",
        17: "cat",
        44: "bottle",
        67: "dining table",
        90: "toothbrush",
    }
    assert {number: slots[number] for number in numbers} == numbers


def test_voc_has_20_classes_and_the_background() -> None:
    slots = labels.get("VOC")
    assert len(set(slots)) == 21
    assert (slots[0], slots[1], slots[15], slots[20]) == ("background", "aeroplane", "person", "tv monitor")


def test_top_by_hand() -> None:
    logits = np.log(np.array([0.2, 0.7, 0.1]))
    best = labels.top(logits, 2, ["a", "b", "c"])
    assert [(i, label) for i, label, _ in best] == [(1, "b"), (0, "a")]
    assert [p for _, _, p in best] == pytest.approx([0.7, 0.2])


def test_top_of_large_logits_does_not_overflow() -> None:
    best = labels.top(np.array([1e30, 1e30 - 1, -1e30], np.float32), 3)
    assert [p for _, _, p in best] == pytest.approx([0.5, 0.5, 0.0])
    assert labels.top(np.array([1000.0, 1001.0]))[0][2] == pytest.approx(1 / (1 + math.exp(-1)))


@given(hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-1e6, 1e6, width=32)), st.integers(1, 40))
def test_top_is_ordered_and_sums_to_one(logits: np.ndarray, k: int) -> None:
    best = labels.top(logits[None], k)
    assert len(best) == min(k, logits.size)
    probabilities = [p for _, _, p in best]
    assert probabilities == sorted(probabilities, reverse=True)
    assert best[0][0] == int(logits.argmax())
    assert sum(p for _, _, p in labels.top(logits, logits.size)) == pytest.approx(1)


def test_equal_logits_come_in_order() -> None:
    assert [i for i, _, _ in labels.top(np.zeros(7), 3)] == [0, 1, 2]


def test_without_names_the_index_is_the_label() -> None:
    assert labels.top(np.array([0.0, 1.0]), 1)[0][:2] == (1, "1")


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
        labels.top(logits, k, names)
