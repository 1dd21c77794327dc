"""The texts of a page that can't be read well: their contrast with their ground is below 4.5 (WCAG 2.1, 1.4.3)."""

from __future__ import annotations

from typing import Any

LEAST = 4.5

FAINT = """
(least) => {
  const parsed = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parsed(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode, element = text.parentElement;
    if (!text.textContent.trim() || element.closest("script, noscript, .hidden-text, title") || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = parsed(element instanceof SVGElement ? style.fill : style.color).slice(0, 3);
    const [high, low] = [light(ink), light(groundOf(element))].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < least) faint.add(`${text.textContent.trim().slice(0, 30)}: ${contrast.toFixed(2)}`);
  }
  return [...faint];
}
"""  # noqa: E501


def faint_texts(page: Any) -> list[str]:
    """Each with its contrast; ``page`` is a playwright page."""
    return list(page.evaluate(FAINT, LEAST))
