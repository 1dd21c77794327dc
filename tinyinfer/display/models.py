"""A model: how large it is, how good where that is known, and its network drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from tinyinfer.drawing.draw import draw
from tinyinfer.model import Model
from tinyinfer.profiling.cost import cost
from tinyinfer.reporting.html import facts_html, fragment
from tinyinfer.reporting.tables import millions
from tinyinfer.showing import to_html

MEASURES = {"top1": "top-1", "top5": "top-5", "miou": "mean IoU", "map": "mAP"}


@to_html.register
def model_html(model: Model) -> str:
    """Facts, where it comes from, and the drawing."""
    counted = cost(model.graph)
    given = ", ".join(f"{i.name} {i.text}" for i in model.graph.inputs)
    facts = [
        (f"{millions(counted.params)} M", "parameters"),
        (f"{millions(counted.macs)} M", "mult-adds"),
        *accuracies(model.meta),
        (f"{len(model.graph.nodes)}", "nodes"),
        (given, "input" if len(model.graph.inputs) == 1 else "inputs"),
    ]
    paper = [str(model.meta[key]) for key in ("paper", "year") if model.meta.get(key)]
    about = f"<p>{escape(', '.join(paper))}</p>" if paper else ""
    drawing = f'<div class="scroll">{draw(model.graph, name=model.name)}</div>'
    return fragment(f"<h1>{escape(model.name)}</h1>{about}{facts_html(facts)}{drawing}")


def accuracies(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the metadata say of accuracy, as (value, what it is): measured ones, else published ones."""
    measured, published = meta.get("accuracy"), meta.get("published")
    if isinstance(measured, Mapping):  # shares
        data = f" on {measured['dataset']}" if "dataset" in measured else ""
        for key, words in MEASURES.items():
            if isinstance(value := measured.get(key), int | float):
                yield f"{value:.1%}", f"{words}{data}"
    elif isinstance(published, Mapping):  # per cent
        for key, words in MEASURES.items():
            if isinstance(value := published.get(key), int | float):
                yield f"{value:.1f}%", f"{words} as published"
