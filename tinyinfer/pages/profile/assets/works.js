"use strict";
// Kinds of work: a bar of their shares, and the legend of all colours on the page.

const COLOURS = 6; // what takes less shares the last, grey

/** Of each step the number of its colour; the largest kinds come first. */
function coloursOf(run) {
  const order = new Map(run.works.map(([work], at) => [work, Math.min(at, COLOURS)]));
  return run.steps.map((step) => order.get(step.work));
}

function worksView(run, link) {
  const works = run.works.map(([work, part], at) => ({
    work, part, colour: `w${Math.min(at, COLOURS)}`, steps: run.steps.flatMap((step, i) => (step.work === work ? [i] : [])),
  }));
  const parts = works.map(({ work, part, colour, steps }) => standsFor(h("span", {
    class: `part ${colour}`, style: `flex-grow: ${Math.max(part, 0.0005)}`, title: `${work}: ${percent(part)}`,
  }), steps, link));
  const rows = walked(works.map(({ work, part, colour, steps }) => standsFor(
    h("li", { role: "button", "aria-label": `${work}, ${percent(part)} of the time, mark its steps` },
      h("i", { class: `swatch ${colour}` }), h("span", { class: "work" }, work), h("b", {}, percent(part)),
      h("span", { class: "quiet" }, milliseconds(part * run.total_ms))), steps, link)));
  marking(link, rows, (at) => works[at].steps);
  const words = "Point at a kind of work, a step, a layer or a dot: it is marked everywhere. A click keeps it, Escape lets it go.";
  return section("What the time is spent on", words,
    h("div", { class: "stack", "aria-hidden": "true" }, parts), h("ul", { class: "legend" }, rows));
}
