"""The page that explains a network on a photo, put together."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from pathlib import PurePath
from typing import Any

from tinyinfer.drawing.cards import cards_of
from tinyinfer.errors import InputError
from tinyinfer.model import Model
from tinyinfer.pages.document import Page, asset, base64_bytes, document
from tinyinfer.pages.explain.answer import answer, png
from tinyinfer.pages.explain.class_map import Progress, find_head
from tinyinfer.pages.explain.embedding import pack_maps
from tinyinfer.pages.explain.live import program
from tinyinfer.pages.explain.nodes import describe, shown
from tinyinfer.pages.explain.subject import Subject, look
from tinyinfer.pages.graph.view import graph_scripts, graph_styles, graph_view
from tinyinfer.profiling.cost import Cost, cost
from tinyinfer.tasks import CLASSIFY
from tinyinfer.vision.image import ImageSource
from tinyinfer.vision.image import describe as name_of
from tinyinfer.vision.preprocess import Preprocess

MEGABYTES = 5.0
LEAST_MEGABYTES = 0.5

# in this order, as one may use what those before it define
SCRIPTS = (
    *("activations", "colours", "tiles", "windows", "maps", "photo", "answer"),
    *("sums", "sentences", "pixel", "kernels", "detail"),
    *("pictures", "drawing_pad", "live", "explain"),
)


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
    said = answer(subject, counted.macs, tell)
    live = program(subject.graph, subject.types, counted.macs) if said.data["task"] == CLASSIFY else None
    cards = shown(subject)
    records = describe(subject, cards)
    title = f"How {model.name} sees {PurePath(name_of(photo)).name}"
    facts = {"seen": png(subject.seen), "live": live is not None and _live_facts(subject)}
    macs = {row.name: row.macs for row in counted.rows}
    data: dict[str, Any] = {
        "explain": {**said.data, **facts},
        "graph": graph_view(cards_of(subject.graph, subject.types, macs, trailing=False)),
        "nodes": records,
    }
    page = Page(
        title,
        _body(title, said.sentence, subject, counted),
        [*graph_styles(), asset(__package__, "explain.css")],
        [*graph_scripts(), *(asset(__package__, f"{name}.js") for name in SCRIPTS)],
        {"network": network_worker()} if live else {},
        data,
    )
    if live is not None:
        data["program"] = live
    else:
        room = int(megabytes * 1e6) - len(document(page).encode())
        data |= pack_maps(subject, cards, records, room)
    return document(page)


def network_worker() -> str:
    """The script of the worker that runs a program of `live`."""
    return "\n".join(asset(__package__, f"{name}.js") for name in ("activations", "network", "network_worker"))


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
