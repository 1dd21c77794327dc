"""Which feature maps and kernels are in a page, and as what they stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinyinfer.pages.document import base64_bytes
from tinyinfer.pages.explain.eight_bits import Packed, Rows, pack
from tinyinfer.pages.explain.nodes import Shown, kernels
from tinyinfer.pages.explain.subject import Subject

ELEMENT, NUMBER, BIAS = 80, 6, 6  # characters: of an element without what it holds, of a row's number and of its bias


def pack_maps(subject: Subject, cards: list[Shown], records: list[dict[str, Any]], size: int) -> dict[str, Any]:
    """Maps and kernels by the name of the element that holds them, in ``size`` characters.

    ``records`` of `describe` learn which channels are there, where not all are.
    """
    names: list[str] = []
    items: list[Rows] = []
    biases: dict[str, np.ndarray] = {}
    orders: dict[int, np.ndarray] = {}
    for at, card in enumerate(cards):
        if card.maps is None:
            continue
        order = _by_interest(subject, card)
        if (before := _filtered(records[at])) in orders and len(orders[before]) == len(order):
            order = orders[before]  # so that a kernel's map and the one it reads are both there
        orders[at] = order
        names.append(f"maps-{at}")
        items.append(Rows(card.maps, order))
        if (found := kernels(subject.graph, card)) is not None:
            names.append(f"kernels-{at}")
            items.append(Rows(found[0], order, signed=True))
            biases[names[-1]] = found[1]
    size -= sum(ELEMENT + len(item.data) * (NUMBER + BIAS * item.signed) for item in items)
    texts: dict[str, Any] = {}
    for name, item, packed in zip(names, items, pack(items, size), strict=True):
        kind, _, number = name.partition("-")
        records[int(number)][kind] = None if len(packed.kept) == len(item.data) else packed.kept.tolist()
        texts[name] = _text(packed, biases.get(name))
    return texts


def _text(packed: Packed, bias: np.ndarray | None) -> Any:
    if bias is None:
        return packed.text
    return {"rows": packed.text, "bias": base64_bytes(bias[packed.kept].astype("<f4").tobytes())}


def _filtered(record: Mapping[str, Any]) -> int | None:
    """The card whose channels a node filters one by one; None for one that mixes them."""
    window = record["window"]
    if window is None or window["kind"] != "conv" or window["groups"] == 1 or window["groups"] != window["inputs"]:
        return None
    card, first = record["reads"][0]
    return None if first else int(card)


def _by_interest(subject: Subject, card: Shown) -> np.ndarray:
    """Channels that differ most between places first; of features without places the largest, of logits the best."""
    assert card.maps is not None
    if card.maps[0].size > 1:
        interest = card.maps.std(axis=(1, 2))
    elif card.node is not None and set(card.node.outputs) & set(subject.graph.outputs):
        interest = card.maps[:, 0, 0]
    else:
        interest = np.abs(card.maps[:, 0, 0])
    return np.argsort(-interest, kind="stable")
