"""Steps in a page that explains a network: open it, go to a layer, wait for what it says."""

from __future__ import annotations

from typing import Any


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
