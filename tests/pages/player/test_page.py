"""The page computes what Python computes, counts the same, and can be used with the keyboard at every width."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from contrast import faint_texts
from small_cache import misses

from tinyinfer.pages.player.chapters import chapters_of
from tinyinfer.pages.player.page import player_document
from tinyinfer.pages.player.trace.arrays import arrays_of, memory_of
from tinyinfer.pages.player.trace.convolution import every_convolution
from tinyinfer.pages.player.trace.machine import Machine

sync_api = pytest.importorskip("playwright.sync_api")

RUN = """
(keys) => {
  const player = new Player(embedded("player"));
  const found = {};
  for (const key of keys) {
    const setting = player.data.convolutions[key];
    const { layout, kernel, stride, groups } = setting;
    found[key] = setting.chapters.map(({ name }) => {
      player.choose({ layout, kernel, stride, groups }, name, 1e9);
      const { start, size } = player.arrays.get("result");
      return {
        name, ...player.machine.counts, misses: player.cache.misses,
        result: Array.from(player.machine.memory.slice(start, start + size)),
        sentence: sentenceOf(player),
      };
    });
  }
  return JSON.stringify(found);
}
"""


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("player") / "player.html"
    path.write_text(player_document(), encoding="utf-8")
    return path


def test_the_page_computes_what_python_computes(open_page, html) -> None:
    some = [conv for i, conv in enumerate(every_convolution()) if i % 5 == 0 or conv.has_winograd]
    found = json.loads(open_page(html).evaluate(RUN, ["-".join(map(str, conv)) for conv in some]))
    for conv in some:
        arrays, chapters = arrays_of(conv), chapters_of(conv)
        start, size = arrays["result"].start, arrays["result"].size
        for chapter, row in zip(chapters, found["-".join(map(str, conv))], strict=True):
            machine = Machine(memory_of(conv, arrays))
            machine.run(chapter)
            np.testing.assert_array_equal(row["result"], machine.memory[start : start + size])
            counts = {name: row[name] for name in ("loads", "stores", "macs", "additions")}
            assert (row["name"], counts) == (chapter.name, vars(machine.counts))
            assert row["misses"] == misses(machine.accesses)
            assert row["sentence"].endswith(".")
            assert "undefined" not in row["sentence"]
            assert "NaN" not in row["sentence"]


def test_every_step_has_a_sentence_and_numbers(open_page, html) -> None:
    page = open_page(html)
    words = page.evaluate(
        """() => {
          const found = [];
          for (const key of ["NHWC-3-1-1", "NCHW-5-2-4", "NCHW-1-1-2"]) {
            const player = new Player(embedded("player"));
            const { layout, kernel, stride, groups, chapters } = player.data.convolutions[key];
            for (const { name } of chapters) {
              player.choose({ layout, kernel, stride, groups }, name);
              for (let i = 0; i < player.steps.shown.length; i += 1) {
                player.seek(i);
                found.push(sentenceOf(player) + arithmeticOf(player).map((part) => part.textContent).join(" "));
              }
            }
          }
          return found;
        }"""
    )
    assert len(words) > 1000
    assert not [text for text in words if "undefined" in text or "NaN" in text]


def test_the_keyboard_steps_plays_and_chooses(open_page, html) -> None:
    page = open_page(html)
    page.keyboard.press("ArrowRight")
    assert "step 2 of 128" in page.inner_text("#transport")
    assert page.locator(".cell.written").count() == 1
    page.keyboard.press("2")
    assert page.locator("#chapters [aria-pressed=true]").inner_text().endswith("im2col")
    page.keyboard.press("n")
    assert "Row 0 of the matrix times kernel 0" in page.inner_text("#sentence")
    page.keyboard.press(" ")
    sync_api.expect(page.locator("#transport output")).not_to_have_text("step 17 of 144")
    page.keyboard.press(" ")
    assert "Play" in page.inner_text("#transport")
    page.keyboard.press("End")
    assert "step 144 of 144" in page.inner_text("#transport")


def test_the_arrows_go_from_number_to_number_in_an_array(open_page, html) -> None:
    page = open_page(html)
    page.focus("[data-array=image]")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert page.inner_text("#readout") == "image, row 1, column 1, channel 0: 1 (line 3, in the cache)"
    assert page.inner_text("#announcements") == page.inner_text("#readout")
    assert "step 1 of" in page.inner_text("#transport")


def test_the_address_holds_what_is_shown(open_page, html) -> None:
    page = open_page(html, fragment="#way=register+tile&layout=NCHW&groups=2&cache=32&step=40")
    assert page.locator("#switches [aria-pressed=true]").all_inner_texts() == ["NCHW", "3 × 3", "1", "2"]
    assert page.input_value("#cache-size") == "32"
    assert "step 40 of" in page.inner_text("#transport")
    page.get_by_role("button", name="5 × 5").click()
    page.wait_for_url("**kernel=5**")


def test_winograd_is_offered_where_it_can_be(open_page, html) -> None:
    page = open_page(html, fragment="#way=Winograd")
    assert "become 4 × 4" in page.inner_text("#sentence")
    page.get_by_role("group", name="Stride").get_by_role("button", name="2").click()
    assert page.locator("#chapters button", has_text="Winograd").is_disabled()
    assert page.locator("#chapters [aria-pressed=true]").inner_text().endswith("Sliding window")


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_is_wider_than_the_screen(open_page, html, width) -> None:
    page = open_page(html, width, dark=width == 390)
    for key in "12356":
        page.keyboard.press(key)
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("button", name="5 × 5").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(open_page, html, dark) -> None:
    page = open_page(html, dark=dark)
    for key in "36":  # of all arrays and hues
        page.keyboard.press(key)
        page.keyboard.press("End")
        assert faint_texts(page) == []
