"use strict";
// The running sum of one output pixel: from the bias, channel after channel, to what goes into the activation.

const SUM = { height: 132, left: 8, right: 8, top: 18, bottom: 22 };

/** Terms in channel order as a staircase; `rest` is what channels that are not in the page add, or null if unknown. */
function runningSum({ bias, terms, rest }, width) {
  const steps = [
    ["bias", bias],
    ...terms.map((term) => [`input ${term.channel}`, term.adds]),
    ...(rest ? [["left out", rest]] : []),
  ];
  const levels = [0];
  for (const [, adds] of steps) levels.push(levels.at(-1) + adds);
  const low = Math.min(...levels),
    high = Math.max(...levels),
    span = high - low || 1;
  const y = (value) => SUM.top + ((high - value) / span) * (SUM.height - SUM.top - SUM.bottom);
  const wide = (width - SUM.left - SUM.right) / steps.length;
  const bars = steps.map(([name, adds], i) =>
    svg(
      "rect",
      {
        x: SUM.left + i * wide,
        y: Math.min(y(levels[i]), y(levels[i + 1])),
        width: Math.max(wide - (wide > 4 ? 1 : 0), 0.5),
        height: Math.max(Math.abs(y(levels[i]) - y(levels[i + 1])), 1),
        class: name === "bias" ? "sum-bias" : name === "left out" ? "sum-rest" : adds < 0 ? "sum-down" : "sum-up",
      },
      svg("title", {}, `${name}: ${digits(adds)}, together ${digits(levels[i + 1])}`),
    ),
  );
  const line = (value, kind) =>
    svg("line", { x1: SUM.left, x2: width - SUM.right, y1: y(value), y2: y(value), class: kind });
  const end = levels.at(-1);
  const says = `running sum over ${terms.length} input channels, from the bias ${digits(bias)} to ${digits(end)}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${SUM.height}`, class: "running", role: "img", "aria-label": says },
    low <= 0 && high >= 0 && line(0, "sum-zero"),
    bars,
    line(end, "sum-end"),
    svg("text", { x: SUM.left, y: SUM.height - 6, class: "sum-text" }, `bias ${digits(bias)}`),
    svg(
      "text",
      { x: width - SUM.right, y: Math.max(y(end) - 5, 12), class: "sum-text strong", "text-anchor": "end" },
      digits(end),
    ),
    svg(
      "text",
      { x: width - SUM.right, y: SUM.height - 6, class: "sum-text", "text-anchor": "end" },
      rest
        ? "grey: channels left out of this file"
        : `${terms.length} input ${terms.length === 1 ? "channel" : "channels"}, left to right`,
    ),
  );
}

/** Rows of numbers as coloured cells; small windows show the numbers, null is beyond the border. */
function cells(rows, bound, name) {
  const shows = rows.length * rows[0].length <= 25;
  const cell = (value) =>
    value === null
      ? h("span", { class: "cell outside", title: "beyond the border: 0" }, shows ? "0" : "")
      : h("span", { class: "cell", style: cellStyle(value, bound), title: digits(value) }, shows ? digits(value) : "");
  const grid = h(
    "div",
    { class: shows ? "cells" : "cells many", style: `--columns: ${rows[0].length}` },
    rows.flat().map(cell),
  );
  return h("figure", { class: "cells-figure" }, grid, h("figcaption", { class: "small quiet" }, name));
}

/** The terms that add most, as bars of which one is chosen: choose(term) hears which; nameOf(term) is written. */
function strongest(terms, chosen, choose, nameOf, most = 8) {
  const order = [...terms].sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds)).slice(0, most);
  const bound = Math.max(...order.map((term) => Math.abs(term.adds)), 1e-30);
  return h(
    "ol",
    { class: "terms" },
    order.map((term) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            class: "term",
            "aria-pressed": String(term === chosen),
            onclick: () => choose(term),
            "aria-label": `${nameOf(term)} adds ${digits(term.adds)}`,
          },
          h("span", { class: "term-name" }, nameOf(term)),
          h(
            "span",
            { class: "term-track" },
            h("span", {
              class: term.adds < 0 ? "term-fill down" : "term-fill",
              style: `width: ${(50 * Math.abs(term.adds)) / bound}%`,
            }),
          ),
          h("span", { class: "term-number" }, digits(term.adds)),
        ),
      ),
    ),
  );
}
