"""Sliders, address, verdicts and charts of the sandbox, in a browser."""

from __future__ import annotations

import pytest
from contrast import faint_texts

from tinyinfer.pages.sandbox import __main__ as command
from tinyinfer.pages.sandbox.accuracies import published


def test_the_keyboard_designs(open_page, html) -> None:
    page = open_page(html)
    assert "3.50 M" in page.inner_text("#headline")
    assert page.inner_text("#headline").count("as in the paper") == 4
    page.focus("#knob-width")
    page.keyboard.press("ArrowLeft")
    assert "× 0.95" in page.inner_text("#knobs")
    page.keyboard.press("Home")
    assert "× 0.25" in page.inner_text("#knobs")
    page.wait_for_url("**width=0.25**")
    assert 'create("mobilenet_v2", width=0.25' in page.inner_text("#code")
    page.get_by_role("button", name="As in the paper").click()
    assert "3.50 M" in page.inner_text("#headline")
    page.focus("#bars")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#readout").startswith("stem: 3 × 3, 3 to 32 channels, 112 × 112")
    assert page.locator("#roofline .dot.selected").count() == 1


def test_the_address_holds_the_design(open_page, html) -> None:
    page = open_page(html, fragment="#family=mobilenet_v3_large&width=0.5&resolution=160&attention=none&depth=7")
    assert page.locator("#families [aria-pressed=true]").inner_text() == "MobileNet V3"
    assert page.locator("#knobs [aria-pressed=true]").inner_text() == "nowhere"
    text = page.inner_text("#knobs")
    assert "× 0.5" in text
    assert "160 × 160" in text
    assert page.input_value("#knob-depth") == "2"  # the most there is


def test_knobs_that_families_share_keep_their_values(open_page, html) -> None:
    page = open_page(html, fragment="#family=igcv3_d_1x&resolution=96&groups=8")
    page.get_by_role("button", name="ShuffleNet V1").click()
    assert "96 × 96" in page.inner_text("#knobs")
    assert page.locator("#knobs [aria-pressed=true]").inner_text() == "8"


def test_verdicts_follow_the_design(open_page, html) -> None:
    page = open_page(html, fragment="#family=shufflenet_v1_g3_x1_0&groups=1")
    verdicts = page.locator("#verdicts li")
    assert "No 1 × 1 layer is grouped" in verdicts.nth(1).inner_text()
    page.get_by_role("group", name="Groups").get_by_role("button", name="8").click()
    assert verdicts.nth(1).get_attribute("class") == "verdict poor"
    page.get_by_role("button", name="ShuffleNet V2").click()
    assert verdicts.nth(0).get_attribute("class") == "verdict good"


@pytest.mark.parametrize("width", [1200, 390])
def test_nothing_is_wider_than_the_screen(open_page, html, width) -> None:
    page = open_page(html, width, dark=width == 390)
    for button in page.locator("#families button").all():
        button.click()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_published_accuracies_stand_with_their_costs() -> None:
    rows = {row["name"]: row for row in published()}
    assert rows["mobilenet_v1"]["top1"] == 70.6
    assert rows["mobilenet_v1"]["macs"] == 568_740_352
    assert rows["shufflenet_v2_x1_0"]["macs"] == 144_907_992
    macs = [row["macs"] for row in rows.values()]
    assert macs == sorted(macs)


def test_the_command_writes_a_page_and_refuses_what_is_no_table(tmp_path, monkeypatch, capsys) -> None:
    page = tmp_path / "sandbox.html"
    monkeypatch.setattr("sys.argv", ["sandbox", str(page)])
    assert command.main() == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    missing = tmp_path / "none.json"
    monkeypatch.setattr("sys.argv", ["sandbox", str(tmp_path / "other.html"), "--table", str(missing)])
    assert command.main() == 2
    assert "expected a table" in capsys.readouterr().err
    assert not (tmp_path / "other.html").exists()


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_can_be_read(open_page, html, dark) -> None:
    page = open_page(html, dark=dark)
    assert faint_texts(page) == []
    page.get_by_role("button", name="ShuffleNet V1").click()
    assert faint_texts(page) == []
