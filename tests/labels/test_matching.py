"""Classes of data sets whose models have background in front, or name nothing."""

from __future__ import annotations

import pytest

from tinyinfer.errors import InputError
from tinyinfer.labels import label_sets
from tinyinfer.labels.matching import match_labels

BACKGROUND = label_sets.get("imagenet1001")
WNIDS = label_sets.imagenet_wnids()


@pytest.mark.parametrize("known", [BACKGROUND, None])
def test_imagenet_with_background(known: tuple[str, ...] | None) -> None:
    assert match_labels(["n01440764", "n15075141"], known, "set", 1001) == ([1, 1000], "name")
    assert match_labels(["tench", "toilet tissue"], known, "set", 1001) == ([1, 1000], "name")
    assert match_labels(WNIDS, known, "set", 1001)[0] == list(range(1, 1001))


def test_numbers_behind_background() -> None:
    assert match_labels(["0", "999"], BACKGROUND, "set", 1001) == ([1, 1000], "index")
    assert match_labels(["1", "1000"], BACKGROUND, "set", 1001) == ([1, 1000], "index")


def test_order_behind_background() -> None:
    names, known = ["x", "y"], ["background", "cat", "dog"]
    assert match_labels(names, known, "set", 3) == ([1, 2], "order behind background")


def test_imagenet_without_labels() -> None:
    assert match_labels(WNIDS[5:9], None, "set", 1000) == ([5, 6, 7, 8], "name")


def test_numbers_without_labels() -> None:
    names = [str(i) for i in range(11)]
    assert match_labels(sorted(names), None, "set", 11)[0] == [int(name) for name in sorted(names)]
    assert match_labels(sorted(names[1:]), None, "set", 10)[0] == [int(name) - 1 for name in sorted(names[1:])]
    assert match_labels(names[:5], None, "set", 10) == ([0, 1, 2, 3, 4], "index")


@pytest.mark.parametrize("count", [4, 6, 1])
def test_more_or_fewer_classes_than_outputs(count: int) -> None:
    names = [f"class {chr(97 + i)}" for i in range(count)]
    with pytest.raises(InputError, match=f"set: expected 5 classes, as many as the model has outputs, found {count}"):
        match_labels(names, None, "set", 5)
    assert match_labels(names, None, "set", count) == (list(range(count)), "order")


def test_labels_and_outputs_differ() -> None:
    with pytest.raises(InputError, match="the model has 5 outputs, but its metadata names 2 labels"):
        match_labels(["a"], ["a", "b"], "set", 5)
