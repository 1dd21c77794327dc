"""Pages that explain a network, and steps in them: open one, go to a layer, wait for what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tinyinfer.model import Model
from tinyinfer.pages.explain import explain
from tinyinfer.pages.explain.subject import Subject, look

PHOTO = Path(__file__).resolve().parents[2] / "weights" / "sample.jpg"


class Explained(NamedTuple):
    subject: Subject
    path: Path


def written(model: Model, folder: Path, **options) -> Explained:
    path = folder / "page.html"
    path.write_text(explain(model, PHOTO, **options), encoding="utf-8")
    return Explained(look(model, PHOTO), path)


def opened(open_page, explained, *args, **options) -> Any:
    """The page of `Explained`, ready."""
    page = open_page(explained.path, *args, **options)
    page.wait_for_selector("html[data-ready]", state="attached")
    return page


def go_to(page, name: str) -> None:
    """Find a layer and wait until all of it is shown."""
    page.fill("input[type=search]", name)
    page.press("input[type=search]", "Enter")
    page.wait_for_selector(f'.detail[data-shown="{name}"]')


def says(page, selector: str, text: str) -> None:
    """Wait until the text is there; not by wait_for_function, which the page's policy keeps from running."""
    page.locator(selector, has_text=text).wait_for(state="attached")
