"""The graph view: cards are chosen, blocks unfold, layers are found, all of it by pointer and by keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.drawing.cards import cards_of
from tinyinfer.pages.document import Page, document
from tinyinfer.pages.graph.view import graph_scripts, graph_styles, graph_view
from tinyinfer.profiling.cost import cost

SCRIPT = """
const chosen = [];
const view = graphView(embedded("graph"), { select: (card) => chosen.push(card), paint: (cards) => ({ below: `${cards.length} in it` }) });
document.body.append(view.element);
"""  # noqa: E501
STYLE = ".graph { height: 600px; }"


def written(name: str) -> tuple[dict, str]:
    graph = models.build(name)
    macs = {row.name: row.macs for row in cost(graph).rows}
    data = graph_view(cards_of(graph, graph.infer_types(), macs))
    styles, scripts = [*graph_styles(), STYLE], [*graph_scripts(), SCRIPT]
    return data, document(Page(name, "", styles, scripts, data={"graph": data}))


@pytest.fixture(scope="module")
def mobilenet() -> tuple[dict, str]:
    return written("mobilenet_v2")


def test_blocks_unfold_and_fold(mobilenet, open_page) -> None:
    data, html = mobilenet
    page = open_page(html)
    cards = page.locator(".graph-card")
    assert cards.count() == len(data["blocks"][0]["parts"])
    block = page.get_by_role("button", name="block features.2,")
    before = cards.count()
    block.click()
    assert page.get_by_role("button", name="block features.2, unfolded").get_attribute("aria-expanded") == "true"
    assert cards.count() == before + 2  # three cards instead of one
    page.get_by_role("button", name="block features.2, unfolded").locator("text").click()
    assert cards.count() == before
    page.get_by_role("button", name="unfold all blocks").click()
    assert cards.count() == len(data["cards"])
    page.get_by_role("button", name="fold all blocks", exact=True).click()
    assert cards.count() == before


def test_a_click_chooses(mobilenet, open_page) -> None:
    page = open_page(mobilenet[1])
    page.locator(".graph-card").nth(1).click()
    assert page.evaluate("chosen") == [1]
    assert page.locator("[aria-pressed=true]").count() == 1
    assert page.locator(".graph-line.near").count() == 2


def test_search_unfolds_what_it_finds(mobilenet, open_page) -> None:
    data, html = mobilenet
    page = open_page(html)
    wanted = [i for i, card in enumerate(data["cards"]) if "features.17" in card["title"]]
    page.fill("input[type=search]", "features.17")
    assert page.inner_text(".graph-found") == f"{len(wanted)} found"
    page.press("input[type=search]", "Enter")
    assert page.inner_text(".graph-found") == f"1 of {len(wanted)}"
    page.press("input[type=search]", "Enter")
    assert page.evaluate("chosen") == wanted[:2]
    assert page.locator(f'[data-part="{wanted[1]}"]').is_visible()


def test_keys_walk_choose_and_zoom(mobilenet, open_page) -> None:
    page = open_page(mobilenet[1])
    page.locator('[data-part="0"]').focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.part") == "1"
    page.keyboard.press("Enter")
    assert page.evaluate("chosen") == [1]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")  # a block
    assert page.locator("[aria-expanded=true]").count() == 1
    width = page.evaluate("document.querySelector('.graph-scroll svg').clientWidth")
    page.keyboard.press("+")
    assert page.evaluate("document.querySelector('.graph-scroll svg').clientWidth") == pytest.approx(1.25 * width, 0.01)
    page.keyboard.press("0")
    assert page.evaluate("document.querySelector('.graph-scroll svg').clientWidth") == width


def test_the_wheel_zooms_at_the_pointer(mobilenet, open_page) -> None:
    page = open_page(mobilenet[1])
    card = page.locator('[data-part="1"]')
    before = card.bounding_box()
    page.mouse.move(before["x"] + 1, before["y"] + 1)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    for _ in range(100):  # the wheel's event comes when the page has time for it
        if card.bounding_box()["width"] > before["width"]:
            break
        page.wait_for_timeout(20)
    assert card.bounding_box()["width"] == pytest.approx(before["width"] * np.e, rel=0.01)
    assert card.bounding_box()["y"] == pytest.approx(before["y"], abs=3)


def test_dragging_moves_and_chooses_nothing(mobilenet, open_page) -> None:
    page = open_page(mobilenet[1])
    box = page.locator('[data-part="1"]').bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] - 60)
    page.mouse.up()
    assert page.evaluate("document.querySelector('.graph-scroll').scrollTop") == 80
    assert page.evaluate("chosen") == []


@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_does_not_scroll_sideways(width, open_page) -> None:
    page = open_page(written("googlenet")[1], width)
    page.get_by_role("button", name="unfold all blocks").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_overlaps_when_blocks_are_unfolded(open_page) -> None:
    data, html = written("googlenet")
    page = open_page(html)
    for opened in ([0], [0, 1, 4], list(range(len(data["blocks"])))):
        boxes = page.evaluate(f"graphGeometry(embedded('graph'), new Set({opened})).boxes")
        leaves = [box for box in boxes if box["part"] >= 0 or -1 - box["part"] not in opened]
        assert sum(len(data["blocks"][b]["parts"]) for b in opened) == len(boxes)
        for i, a in enumerate(leaves):
            for b in leaves[:i]:
                apart = (a["x"] + a["width"] <= b["x"], b["x"] + b["width"] <= a["x"], a["y"] + a["height"] <= b["y"], b["y"] + b["height"] <= a["y"])  # fmt: skip  # noqa: E501
                assert any(apart)
