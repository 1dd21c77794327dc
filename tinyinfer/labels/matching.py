"""Which of a model's outputs each class of a data set is, by its name, its number or its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tinyinfer.errors import InputError
from tinyinfer.labels.label_sets import BACKGROUND, get, imagenet_wnids, of_outputs


def match_labels(
    names: Sequence[str], labels: Sequence[str] | None, where: str, classes: int | None = None
) -> tuple[list[int], str]:
    """For each class name of a data set the index of the model's output, and by what it was found.

    By name: the label, or one of its words between commas that no other label has, in any case, with _ for spaces;
    for an ImageNet model also the WordNet number.  By index: every name is one ("207").  In order: the names match
    nothing, but there are as many as labels, or as the model's ``classes`` if labels are not known.  An output for
    background, in front, is passed over where the data set counts from 0 without it.  Raises InputError when only some
    match, and when there are more or fewer than there should be.
    """
    if labels is None:
        return _match_unnamed(names, where, classes)
    if classes is not None and len(labels) != classes:
        raise InputError(f"the model has {classes} outputs, but its metadata names {len(labels)} labels")
    known = _label_index(labels)
    found = [known.get(_plain(name)) for name in names]
    if all(index is not None for index in found):
        return [index for index in found if index is not None], "name"
    skipped = int(labels[0] == BACKGROUND)
    if (numbers := _numbers(names, len(labels), skipped)) is not None:
        return numbers, "index"
    if not any(index is not None for index in found) and len(names) in (len(labels), len(labels) - skipped):
        first = len(labels) - len(names)
        return list(range(first, len(labels))), "order behind background" if first else "order"
    strangers = [name for name, index in zip(names, found, strict=True) if index is None]
    more = "" if len(strangers) <= 5 else f" and {len(strangers) - 5} more"
    raise InputError(
        f"{where}: expected classes named as the model's {len(labels)} labels, but {len(strangers)} of {len(names)} "
        f"are not: found {', '.join(strangers[:5])}{more}"
    )


def _match_unnamed(names: Sequence[str], where: str, classes: int | None) -> tuple[list[int], str]:
    """What is left where the model does not name its classes: ImageNet's names, indices, or one class an output."""
    if (guess := of_outputs(classes)) is not None:
        known = _label_index(guess)
        found = [known.get(_plain(name)) for name in names]
        if all(index is not None for index in found):
            return [index for index in found if index is not None], "name"
    if (numbers := _numbers(names, len(names) if classes is None else classes)) is not None:
        return numbers, "index"
    if classes in (None, len(names)):
        return list(range(len(names))), "order"
    raise InputError(
        f"{where}: expected {classes} classes, as many as the model has outputs, found {len(names)}; "
        "only a model with labels can tell which of its classes these are (tinyinfer convert --labels)"
    )


def _numbers(names: Sequence[str], classes: int, skipped: int = 0) -> list[int] | None:
    """The outputs that the names are numbers of; None where they are other names, or count beyond the outputs.

    Numbers are those of outputs, but for two cases: a class 0 can't be one of ``skipped`` outputs in front, and 1 to
    the number of outputs counts from 1.
    """
    if not all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return None
    numbers = [int(name) for name in names]
    if sorted(numbers) == list(range(1, classes + 1)):
        return [number - 1 for number in numbers]
    first = skipped if min(numbers) == 0 else 0
    return [first + number for number in numbers] if first + max(numbers) < classes else None


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _label_index(labels: Sequence[str]) -> dict[str, int]:
    """Every spelling of a label that no other label shares, whole labels before their parts."""
    spellings: dict[str, set[int]] = {}
    for index, label in enumerate(labels):
        for part in label.split(","):
            spellings.setdefault(_plain(part), set()).add(index)
    known = {spelling: min(owners) for spelling, owners in spellings.items() if len(owners) == 1}
    whole = [_plain(label) for label in labels]
    times = Counter(whole)
    known.update({label: index for index, label in enumerate(whole) if times[label] == 1})
    for name in ("imagenet", "imagenet1001"):
        if tuple(labels) == get(name):
            first = len(labels) - len(imagenet_wnids())
            known.update({wnid: first + index for index, wnid in enumerate(imagenet_wnids())})
    return known
