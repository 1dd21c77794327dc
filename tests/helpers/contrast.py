"""Contrast of every text that a page shows, as WCAG 2 defines it."""

from __future__ import annotations

from typing import Any

FAINT = """
(least) => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (color) => {
    if (!known.has(color)) known.set(color, painted(color));
    return known.get(color);
  };
  const painted = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => a * c + (1 - a) * below[i]);
  const ground = (element) => {
    if (!element) return [255, 255, 255];
    return over(rgba(getComputedStyle(element).backgroundColor), ground(element.parentElement));
  };
  const boxesUnder = (text) => {  // rectangles that were drawn before a text and reach from its one end to the other
    const at = text.getBoundingClientRect();
    const earlier = [...text.parentElement.children].slice(0, [...text.parentElement.children].indexOf(text));
    return earlier.filter((box) => {
      const { left, right, top, bottom } = box.getBoundingClientRect();
      const holds = left <= at.left && right >= at.right && top <= at.top + 2 && bottom >= at.bottom - 2;
      return box.tagName === "rect" && holds;
    });
  };
  const luminance = (color) => color.reduce((sum, c, i) => {
    const s = c / 255;
    return sum + [0.2126, 0.7152, 0.0722][i] * (s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4);
  }, 0);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest("script, style, title, option, :disabled")) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    let below = ground(drawn ? element.ownerSVGElement.parentElement : element);
    for (const box of drawn ? boxesUnder(element) : []) {
      const { fill, fillOpacity } = getComputedStyle(box), [r, g, b, a] = rgba(fill);
      below = over([r, g, b, a * Number(fillOpacity)], below);
    }
    const found = ratio(luminance(over(rgba(drawn ? style.fill : style.color), below)), luminance(below));
    if (found < least) faint.push(`${found.toFixed(2)}: ${text.slice(0, 60)}`);
  }
  return faint;
}
"""


def faint_texts(page: Any, least: float = 4.5) -> list[str]:
    """Texts whose contrast with what is behind them is below ``least``, each with its contrast; disabled ones apart."""
    found: list[str] = page.evaluate(FAINT, least)
    return found
