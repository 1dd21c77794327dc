"""The page that explains a network on a photo, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import PurePath
from typing import Any

import numpy as np

from tinyinfer.drawing.cards import cards_of
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.pages.document import Page, asset, base64_bytes, document
from tinyinfer.pages.explain.answer import answer, png
from tinyinfer.pages.explain.class_map import Progress, find_head
from tinyinfer.pages.explain.eight_bits import Packed, Rows, pack
from tinyinfer.pages.explain.live import program
from tinyinfer.pages.explain.nodes import Shown, describe, kernels, shown
from tinyinfer.pages.explain.subject import Subject, look
from tinyinfer.pages.graph.view import graph_scripts, graph_styles, graph_view
from tinyinfer.profiling.cost import Cost, cost
from tinyinfer.vision.image import ImageSource
from tinyinfer.vision.image import describe as name_of
from tinyinfer.vision.preprocess import Preprocess

MEGABYTES = 5.0
LEAST_MEGABYTES = 0.5
REST = 300_000  # characters of a page beside maps, kernels and the photo

SCRIPTS = ("activations", "colours", "tiles", "windows", "maps", "photo", "answer", "sums", "pixel", "kernels", "detail", "pictures", "drawing_pad", "live", "explain")  # fmt: skip  # noqa: E501


def explain(model: Model, photo: ImageSource, *, megabytes: float = MEGABYTES, tell: Progress | None = None) -> str:
    """A web page in one file that shows how a network comes to what it says of a photo.

    The file has at most some ``megabytes``: feature maps and kernels are left out, and said to be, where they would
    take more.  ``tell(done, total)`` hears of the progress of maps that take many runs.  Raises ImageError for the
    photo and InputError for a network that doesn't take one picture, or a size below half a megabyte.
    """
    if not megabytes >= LEAST_MEGABYTES:
        raise InputError(f"megabytes: expected at least {LEAST_MEGABYTES}, found {megabytes}")
    subject = look(model, photo)
    counted = cost(subject.graph, {subject.graph.inputs[0].name: subject.x.shape})
    cards = shown(subject)
    said = answer(subject, counted.macs, tell)
    records = describe(subject, cards)
    live = program(subject.graph, subject.types, counted.macs) if said.data["task"] == "classify" else None
    seen = png(subject.seen)
    data: dict[str, Any] = {
        "graph": graph_view(cards_of(subject.graph, subject.types, _macs(counted), trailing=False)),
        "nodes": records,
    }
    if live is None:
        data |= _packed(subject, cards, records, int(megabytes * 1e6) - REST - len(seen))
    else:
        data["program"] = live
    title = f"How {model.name} sees {PurePath(name_of(photo)).name}"
    data["explain"] = {
        **said.data,
        "seen": seen,
        "live": live is not None and _live_facts(subject),
        "name": model.name,
    }
    return document(
        Page(
            title,
            _body(title, said.sentence, subject, counted),
            [*graph_styles(), asset(__package__, "explain.css")],
            [*graph_scripts(), *(asset(__package__, f"{name}.js") for name in SCRIPTS)],
            {"network": network_worker()} if live else {},
            data,
        )
    )


def network_worker() -> str:
    """The script of the worker that runs a program of `live`."""
    return "\n".join(asset(__package__, f"{name}.js") for name in ("activations", "network", "network_worker"))


def _macs(counted: Cost) -> Mapping[str, int]:
    return {row.name: row.macs for row in counted.rows}


def _packed(subject: Subject, cards: list[Shown], records: list[dict[str, Any]], size: int) -> dict[str, Any]:
    """Maps and kernels by the name of their element; ``records`` learn which channels are there."""
    names: list[str] = []
    items: list[Rows] = []
    biases: dict[str, np.ndarray] = {}
    orders: dict[int, np.ndarray] = {}
    for at, card in enumerate(cards):
        if card.maps is None:
            continue
        order = _by_interest(subject, card)
        if (before := _filtered(records[at])) is not None and len(orders[before]) == len(order):
            order = orders[before]  # so that a kernel's map and the one it reads are both there
        orders[at] = order
        names.append(f"maps-{at}")
        items.append(Rows(card.maps, order))
        if (found := kernels(subject.graph, card)) is not None:
            names.append(f"kernels-{at}")
            items.append(Rows(found[0], order, signed=True))
            biases[names[-1]] = found[1]
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


def _live_facts(subject: Subject) -> dict[str, Any]:
    """What the page needs to prepare other pictures and to say what the network makes of them."""
    preprocess = Preprocess.from_meta(subject.model.preprocess)
    count = subject.values[subject.graph.outputs[0]].size
    head = find_head(subject.graph)
    weight = None if head is None or head.weight is None else head.weight
    producer = next((n for n in subject.graph.nodes if weight is not None and n.params.get("weight") == weight), None)
    return {
        "labels": subject.model.meta.get("labels") or [str(i) for i in range(count)],
        "preprocess": asdict(preprocess),
        "pixels": base64_bytes(subject.seen.tobytes()),
        "features": head and head.features,
        "classifier": producer and producer.name,
    }


def _body(title: str, sentence: str, subject: Subject, counted: Cost) -> str:
    channels, height, width = subject.x.shape[1:]
    facts = (
        f"{len(subject.graph.nodes)} layers, {counted.params / 1e6:.2f} million parameters, "
        f"{counted.macs / 1e6:,.1f} million mult-adds, on {channels} x {height} x {width} pixels."
    )
    return (
        f'<header><h1>{escape(title)}</h1><p class="lead">{escape(sentence)}</p>'
        f'<p class="quiet small">{escape(facts)}</p></header><main id="explain"></main>'
        "<noscript><p>This page draws itself with JavaScript.</p></noscript>"
        '<footer class="quiet small" id="footer"></footer>'
    )
