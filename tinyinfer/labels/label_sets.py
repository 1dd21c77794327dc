"""Class names of the data sets that published networks were trained on."""

from __future__ import annotations

from functools import cache
from importlib import resources

from tinyinfer.errors import InputError

BACKGROUND = "background"  # what belongs to no class

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


# the 20 of PASCAL VOC 2012 behind what belongs to none of them, in the order of its segmentation challenge
VOC = (
    BACKGROUND, "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip

# the 80 of COCO in the order of their numbers from 1, which leave some out
_COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
_COCO_UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def names() -> list[str]:
    """Names that `get` knows."""
    return ["cifar10", "coco", "coco80", "imagenet", "imagenet1001", "voc"]


def get(name: str) -> tuple[str, ...]:
    """Class names in the order of a network's outputs: "imagenet" (the 1000 of ILSVRC 2012), "cifar10", "voc", "coco".

    "coco" are 91: "background", then its 80 classes by their numbers, where ten that name nothing are "N/A".
    "coco80" are the 80 alone, as most detectors but SSDs have them.
    "imagenet1001" has "background" in front, as networks that TensorFlow trained often do.  An ImageNet name is its
    WordNet synset's words, the usual one first; two classes are called "crane".  Raises InputError for another name.
    """
    key = name.lower().replace("-", "").replace("_", "")
    if key in ("imagenet", "imagenet1k"):
        return tuple(label for _, label in _imagenet())
    if key == "imagenet1001":
        return (BACKGROUND, *get("imagenet"))
    if key == "cifar10":
        return CIFAR10
    if key == "voc":
        return VOC
    if key == "coco":
        return _coco()
    if key == "coco80":
        return _COCO
    raise InputError(f"labels: expected one of {', '.join(names())}, found {name!r}")


def fitting(name: str, classes: int | None) -> tuple[str, ...] | None:
    """The names of a data set's classes for a network with so many outputs; None where their number does not fit.

    A network for ImageNet with 1001 outputs is taken for one of TensorFlow's, with "background" in front.
    """
    found = get(name)
    if found == get("imagenet") and classes == len(found) + 1:
        found = get("imagenet1001")
    return found if len(found) == classes else None


def of_outputs(classes: int | None) -> tuple[str, ...] | None:
    """What a network that does not name its classes is likely to mean by so many: ImageNet's, or None."""
    return fitting("imagenet", classes)


def imagenet_wnids() -> tuple[str, ...]:
    """WordNet identifiers ("n01440764") of the ImageNet classes: the folder names of its validation set."""
    return tuple(wnid for wnid, _ in _imagenet())


@cache
def _coco() -> tuple[str, ...]:
    named = iter(_COCO)
    return (BACKGROUND, *("N/A" if number in _COCO_UNUSED else next(named) for number in range(1, 91)))


@cache
def _imagenet() -> tuple[tuple[str, str], ...]:
    text = resources.files("tinyinfer").joinpath("data", "imagenet.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return tuple((wnid, label) for wnid, label in rows)
