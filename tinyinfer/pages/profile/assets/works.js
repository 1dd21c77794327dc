"use strict";
// Kinds of work: a bar of their shares, and the legend of all colours on the page.

const COLOURS = 6; // what takes less shares the last, grey

/** Of each step the number of its colour; the largest kinds come first. */
function coloursOf(run) {
  const order = new Map(run.works.map(([work], at) => [work, Math.min(at, COLOURS)]));
  return run.steps.map((step) => order.get(step.work));
}

function worksView(run, link) {
  const stepsOf = run.works.map(([work]) => run.steps.flatMap((step, i) => (step.work === work ? [i] : [])));
  const parts = run.works.map(([work, part], at) => h("span", { class: `part w${Math.min(at, COLOURS)}`, style: `flex-grow: ${Math.max(part, 0.0005)}`, title: `${work}: ${percent(part)}` }));
  const rows = run.works.map(([work, part], at) => standsFor(h("li", { role: "button", "aria-label": `${work}, ${percent(part)} of the time, mark its steps` },
    h("i", { class: `swatch w${Math.min(at, COLOURS)}` }), h("span", { class: "work" }, work), h("b", {}, percent(part)),
    h("span", { class: "quiet" }, milliseconds(part * run.total_ms))), stepsOf[at], link));
  walked(rows);
  parts.forEach((part, at) => standsFor(part, stepsOf[at], link));
  marking(link, rows, (at) => stepsOf[at]);
  return section("What the time is spent on", "Point at a kind of work, a step, a layer or a dot: it is marked everywhere. A click keeps it, Escape lets it go.",
    h("div", { class: "stack", "aria-hidden": "true" }, parts), h("ul", { class: "legend" }, rows));
}
