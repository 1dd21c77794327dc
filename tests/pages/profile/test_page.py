"""The page of a profile in a browser: all its views are linked, by pointer and by keyboard, on screens of any width."""

from __future__ import annotations

import dataclasses

import pytest
from contrast import faint_texts
from made_profiles import made_profile
from PIL import Image

from tinyinfer.pages.profile.page import page
from tinyinfer.pages.profile.photo import Photo, photo_of
from tinyinfer.profiling.timings import Profile

HOSTILE = '</script><b id="taken">&"'
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def written(profile: Profile, photo: Photo | None = None) -> str:
    return page([profile.to_dict()], [profile], photo)


def noisy() -> Profile:
    profile = made_profile()
    rows = [dataclasses.replace(row, noise=40.0 - 10 * at) for at, row in enumerate(profile.rows[:4])]
    return dataclasses.replace(profile, rows=(*rows, *profile.rows[4:]))


@pytest.fixture(scope="module")
def html() -> str:
    return written(noisy(), Photo(PIXEL, [("tabby", 0.7), ("tiger", 0.2)]))


def test_a_plain_sentence_the_picture_and_one_rate_stand_on_top(html, open_page) -> None:
    shown = open_page(html)
    assert shown.inner_text("h1") == "made: where 10.0 ms go"
    sentence = "60 % of the time is 1x1 convolutions, 30 % 3x3 depthwise convolutions, 10 % additions."
    assert shown.inner_text(".sentence") == sentence
    assert "A CPU, 2026-11-30" in shown.inner_text("header")
    assert shown.locator(".photo li").all_inner_texts()[0].split("\n") == ["tabby", "70 %"]
    assert "46.0 GMAC/s" in shown.inner_text(".facts")
    assert "9000" not in shown.inner_text(".facts")  # compiling is no headline
    last = shown.locator("tfoot tr").last.locator("td").all_inner_texts()
    assert (last[5], last[8]) == ("10.0", "46.0")
    roofs = shown.locator(".roof-name").all_text_contents()
    assert roofs == ["L1 300 GB/s", "L2 90.0 GB/s", "memory 12.0 GB/s", "multiply-adds: 80.0 GMAC/s"]
    assert shown.locator(".legend li .work").count() == 5  # every colour has its words
    assert "The noisiest is block.1.add with 10.0 dB" in shown.inner_text("main")


def test_a_step_that_is_looked_at_is_marked_everywhere_by_pointer_and_by_keys(html, open_page) -> None:
    shown = open_page(html)
    shown.locator(".steps tbody tr").first.hover()
    for selector in (".steps tr.marked", ".dot.marked", "svg[aria-label='time of each step'] .bar.marked"):
        assert shown.locator(selector).count() == 1, selector
    assert shown.locator(".graph-card.linked").count() == 1
    assert shown.locator(".legend li.marked .work").all_inner_texts() == ["1x1 convolutions"]
    assert shown.locator(".buffer.marked").count() == 2  # the two that are alive at that step
    assert "stem.conv" in shown.inner_text(".detail")
    assert "bound by compute" in shown.inner_text(".detail")
    shown.mouse.move(2, 2)
    assert shown.locator(".marked").count() == 0

    shown.locator("svg[aria-label='time of each step'] .bar").first.focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowRight")
    assert shown.locator(".steps tr.marked .node").first.inner_text() == "block.1.dw"
    shown.keyboard.press("Enter")
    shown.keyboard.press("Tab")
    assert shown.locator(".steps tr.marked").count() == 1
    shown.keyboard.press("Escape")
    assert shown.locator(".steps tr.marked").count() == 0

    shown.locator(".legend li", has_text="additions").click()
    shown.mouse.move(2, 2)
    assert shown.locator(".steps tr.marked .node").first.inner_text() == "block.1.add"
    shown.get_by_role("button", name="Let go").click()
    shown.mouse.move(2, 2)
    assert shown.locator(".marked").count() == 0


def test_headings_sort_and_steps_that_take_hardly_any_time_are_folded(html, open_page) -> None:
    shown = open_page(html)

    def names() -> list[str]:
        return shown.locator(".steps tbody span.node").all_inner_texts()

    before = names()
    assert before == ["stem.conv", "block.1.dw", "block.1.add"]
    shown.get_by_role("button", name="ms", exact=True).click()
    assert names() == before
    assert shown.locator("th[aria-sort=descending]").inner_text().startswith("ms")
    shown.get_by_role("button", name="ms", exact=True).click()
    assert names() == before[::-1]
    shown.get_by_role("button", name="node", exact=True).click()
    assert names() == sorted(before)
    shown.get_by_role("button", name="Show 5 small steps").click()
    assert len(names()) == 8
    shown.get_by_role("button", name="Fold 5 small steps").click()
    assert len(names()) == 3


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_is_cut_and_all_can_be_read(width, html, open_page) -> None:
    shown = open_page(html, width)
    shown.get_by_role("button", name="Show 5 small steps").click()
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    table = shown.locator(".steps").bounding_box()
    assert table["x"] + table["width"] <= width
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        assert faint_texts(shown) == []


def test_two_runs_side_by_side(open_page) -> None:
    first, second = made_profile(), made_profile(total_ms=7.0, threads=4)
    shown = open_page(page([first.to_dict(), second.to_dict()], [None, second]))
    assert shown.inner_text(".pair .sentence") == "B takes 30 % less time than A: 7.00 ms instead of 10.0 ms."
    assert "4 threads" in shown.inner_text(".pair")
    assert shown.locator(".graph").count() == 0  # of the earlier run there is no graph
    assert "noise" not in shown.inner_text("main").lower()
    shown.get_by_role("button", name="B: made").click()
    assert shown.inner_text("h1") == "made: where 7.00 ms go"
    assert shown.locator(".graph").count() == 1
    shown.locator(".pair summary").click()
    assert shown.locator(".pair tbody .node .node").first.inner_text() in ("stem.conv", "block.1.dw")
    assert faint_texts(shown) == []


def test_names_are_text(open_page) -> None:
    profile = made_profile(name=HOSTILE)
    row = dataclasses.replace(profile.rows[1], name=HOSTILE, why=HOSTILE, kernel=HOSTILE)
    profile = dataclasses.replace(profile, rows=(profile.rows[0], row, *profile.rows[2:]))
    shown = open_page(written(profile, Photo(PIXEL, [(HOSTILE, 1.0)])))
    assert shown.locator("#taken").count() == 0
    assert shown.inner_text("h1").startswith(HOSTILE)


def test_the_picture_is_shown_at_a_size_and_with_what_the_network_says() -> None:
    from tinyinfer import models
    from tinyinfer.model import Model

    made = models.create("mobilenet_v2_cifar")
    model = Model(made.graph, made.meta, kernels="reference")
    photo = photo_of(model, Image.new("RGB", (3000, 2000), "red"), top=3)
    assert len(photo.found) == 3
    assert photo.source.startswith("data:image/jpeg;base64,")
    assert len(photo.source) < 20_000
