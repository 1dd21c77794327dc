// Axes of the charts: scales, ticks and grid lines in SVG.

/** A logarithmic scale from `low` to `high` onto pixels. */
function logScale(low, high, from, to) {
  const span = Math.log(high / low);
  return (value) => from + ((to - from) * Math.log(Math.max(value, low) / low)) / span;
}

function linearScale(low, high, from, to) {
  return (value) => from + ((to - from) * (value - low)) / (high - low);
}

/** 1, 2, 5 times powers of ten within a range; powers alone where it is wide. */
function logTicks(low, high) {
  const factors = high / low > 300 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of factors) {
      const tick = factor * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

function linearTicks(low, high, count = 5) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high * 1.0001; tick += step) ticks.push(tick);
  return ticks;
}

/** Grid lines and numbers on the left, with a name above. */
function yAxis(scale, ticks, left, right, name, text = plainNumber) {
  return [
    ...ticks.map((tick) => svg("line", { class: "grid", x1: left, x2: right, y1: scale(tick), y2: scale(tick) })),
    ...ticks.map((tick) => svg("text", { class: "tick", x: left - 6, y: scale(tick) + 4, "text-anchor": "end" }, text(tick))),
    svg("text", { class: "axis", x: 0, y: 12 }, name),
  ];
}

function xAxis(scale, ticks, bottom, name, middle, text = plainNumber) {
  return [
    ...ticks.map((tick) => svg("text", { class: "tick", x: scale(tick), y: bottom + 17, "text-anchor": "middle" }, text(tick))),
    svg("text", { class: "axis", x: middle, y: bottom + 35, "text-anchor": "middle" }, name),
  ];
}

function plainNumber(value) {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 3 });
}

/** A picture as wide as its place: its width in CSS pixels is that of its coordinates, so text keeps its size. */
function picture(element, height, label, children) {
  const width = Math.max(300, Math.floor(element.getBoundingClientRect().width));
  element.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label }, children(width)));
}
