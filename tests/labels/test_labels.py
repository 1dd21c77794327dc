"""Class names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyinfer.errors import InputError
from tinyinfer.labels import label_sets


def test_imagenet_names() -> None:
    names = label_sets.get("imagenet")
    assert len(names) == 1000
    assert names[0] == "tench, Tinca tinca"
    assert names[207] == "golden retriever"
    assert names[999].startswith("toilet tissue")
    assert all(name.strip() == name and name for name in names)
    assert label_sets.get("ImageNet-1k") == names


def test_wnids_are_sorted_and_unique() -> None:
    wnids = label_sets.imagenet_wnids()
    assert list(wnids) == sorted(set(wnids))
    assert len(wnids) == 1000
    assert wnids[207] == "n02099601"


def test_imagenet_names_are_the_reference_ones(shared: Path) -> None:
    reference = (shared / "realdata" / "imagenet_labels.txt").read_text().splitlines()
    assert list(label_sets.get("imagenet")) == reference


def test_cifar10_names() -> None:
    assert label_sets.get("cifar-10") == label_sets.CIFAR10
    assert label_sets.CIFAR10[8] == "ship"
    assert len(label_sets.CIFAR10) == 10


def test_every_listed_name_is_known() -> None:
    assert all(label_sets.get(name) for name in label_sets.names())


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="one of cifar10, coco, coco80, imagenet, imagenet1001, voc, found 'kinetics'"):
        label_sets.get("kinetics")


def test_coco_has_91_slots_of_which_ten_name_nothing() -> None:
    slots = label_sets.get("coco")
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
    slots = label_sets.get("VOC")
    assert len(set(slots)) == 21
    assert (slots[0], slots[1], slots[15], slots[20]) == ("background", "aeroplane", "person", "tv monitor")
