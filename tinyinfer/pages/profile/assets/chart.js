"use strict";
// What charts have in common: a field with margins, scales, axes, words for numbers.

/** A chart as wide as there is room; `draw(width)` returns the children of the SVG.  It is drawn anew for another width. */
function chart(height, label, draw) {
  const box = h("div", { class: "chart" });
  let drawn = 0;
  const fill = () => {
    const width = Math.max(box.clientWidth, 280);
    if (width === drawn) return;
    drawn = width;
    box.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label }, draw(width).flat(3)));
  };
  new ResizeObserver(fill).observe(box);
  return box;
}

/** From numbers to pixels, straight or by logarithms. */
function scale([low, high], [from, to], logarithmic = false) {
  const map = logarithmic ? Math.log : (value) => value;
  const [a, b] = [map(low), map(high)];
  return (value) => from + ((map(value) - a) / (b - a || 1)) * (to - from);
}

/** Round numbers between 0 and `most`, some `count` of them. */
function ticks(most, count) {
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** Powers of ten within a range. */
function decades([low, high]) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => 10 ** (first + i));
}

function gridLine(x0, y0, x1, y1) {
  return svg("line", { x1: x0, y1: y0, x2: x1, y2: y1, class: "grid-line" });
}

function label(x, y, words, anchor = "start", kind = "axis") {
  return svg("text", { x, y, class: kind, "text-anchor": anchor }, words);
}

/** 0.00123 as "0.0012", 12.345 as "12.3": three digits that count, no more than four behind the point. */
function number(value) {
  if (!Number.isFinite(value)) return "-";
  const digits = value === 0 ? 0 : Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toFixed(digits);
}

const percent = (part) => `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;
const milliseconds = (ms) => `${number(ms)} ms`;
const megabytes = (bytes) => `${number(bytes / 1e6)} MB`;
const millions = (count) => (count ? number(count / 1e6) : "-");
const rate = (step) => (step.ms && step.macs ? step.macs / step.ms / 1e6 : 0); // 10^9 mult-adds a second

/** The section of a page: a heading, a line that says what is seen, and what is shown. */
function section(title, words, ...children) {
  return h("section", {}, h("h2", {}, title), words && h("p", { class: "quiet" }, words), ...children);
}

/** What is said of a step when it is pointed at, and by a screen reader. */
function spoken(step) {
  return `${step.name}, ${step.text}, ${milliseconds(step.ms)}, ${percent(step.share)}`;
}
