"""Drawings of networks in a browser: what stands on a tile fits on it, in the widest letters that a system may have."""

from __future__ import annotations

import pytest

from tinyinfer.drawing.draw import draw
from tinyinfer.models.registry import build

SPILLED = """
() => [...document.querySelectorAll("svg g")].flatMap((tile) => {
  const frame = tile.querySelector(":scope > rect.frame");
  if (!frame) return [];
  const inside = frame.getBoundingClientRect();
  const boxOf = (text) => text.getBoundingClientRect();
  const cross = (a, b) => a.left < b.right && b.left < a.right && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3;
  const texts = [...tile.querySelectorAll(":scope > text")];
  const spills = (text) => boxOf(text).right > inside.right || boxOf(text).bottom > inside.bottom + 1;
  const meets = (text) => texts.some((other) => other !== text && cross(boxOf(text), boxOf(other)));
  return texts.filter((text) => spills(text) || meets(text)).map((text) => text.textContent);
})
"""


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "efficientnet_b0"])
def test_texts_fit_on_their_tiles(name, open_page) -> None:
    page = open_page(f"<!DOCTYPE html><meta charset='utf-8'><body style='margin: 0'>{draw(build(name))}</body>")
    assert page.locator("rect.frame").count() > 10
    assert page.evaluate("document.documentElement.scrollWidth") == 1200
    assert page.evaluate(SPILLED) == []
