"use strict";
// The table of steps: sorted by any column, small ones folded to one row.

const SLIGHT = 0.02; // of the time: a step that takes more is never folded
const TOGETHER = 0.05; // nor more of them than take so much together
const FEWEST = 4; // steps that are worth folding

/** Columns: heading, value to sort by, cell, class; those of class "extra" are left out in print and on narrow screens, "wide" on a phone. */
function stepColumns(run, longest) {
  const columns = [
    ["node", (step) => step.name, (step) => [h("span", { class: "node" }, step.name), h("span", { class: "narrow quiet" }, step.text)], "node"],
    ["what it does", (step) => step.text, (step) => step.text, "wide"],
    ["kernel", (step) => step.kernel, (step) => step.kernel, "wide extra"],
    ["output", (step) => step.shape.split("x").reduce((product, size) => product * size, 1), (step) => step.shape, "n wide extra"],
    ["M mult-adds", (step) => step.macs, (step) => millions(step.macs), "n wide"],
    ["ms", (step) => step.ms, (step) => number(step.ms), "n"],
    ["", null, (step, colour) => h("span", { class: `length w${colour}`, style: `width: ${(100 * step.ms) / longest}%` }), "lengths"],
    ["share", (step) => step.share, (step) => percent(step.share), "n"],
    ["GMAC/s", rate, (step) => (rate(step) ? number(rate(step)) : "-"), "n wide"],
    ["bound by", (step) => step.bound, (step) => step.bound, "wide"],
  ];
  if (run.steps.some((step) => step.noise !== null)) {
    columns.push(["noise, dB", (step) => step.noise ?? 999, (step) => (step.noise === null ? "-" : number(step.noise)), "n wide"]);
  }
  return columns;
}

/** The steps that take least, which are folded at first. */
function smallSteps(run) {
  const order = run.steps.map((_, i) => i).sort((i, j) => run.steps[i].share - run.steps[j].share);
  let together = 0;
  return order.filter((i) => run.steps[i].share < SLIGHT && (together += run.steps[i].share) <= TOGETHER);
}

function stepsView(run, link) {
  const colours = coloursOf(run), longest = Math.max(...run.steps.map((step) => step.ms), 1e-9);
  const columns = stepColumns(run, longest);
  const small = smallSteps(run);
  const state = { by: null, down: true, folded: small.length >= FEWEST };
  const body = h("tbody");
  const cellsOf = (step, i) => columns.map(([, , cell, kind]) => h("td", { class: kind }, cell(step, colours[i])));
  const rows = run.steps.map((step, i) => standsFor(h("tr", { role: "row" }, cellsOf(step, i)), [i], link));
  marking(link, rows, (i) => [i]);
  const toggle = h("button", { type: "button", class: "fold", onclick: () => { state.folded = !state.folded; fill(); } });
  const heads = columns.map(([title, value, , kind], at) => h("th", { class: kind, scope: "col", "aria-sort": "none" },
    value && h("button", { type: "button", class: "sort", onclick: () => sort(at) }, title, h("span", { class: "arrow", "aria-hidden": "true" }))));
  const line = (cells) => h("tr", {}, columns.map(([title, , , kind]) => h("td", { class: kind }, cells[title] ?? "")));
  const foot = [
    run.between > 0 && line({ node: "between the steps", ms: number(run.between), share: percent(run.between / run.total_ms) }),
    line({
      node: `${run.steps.length} steps`, "M mult-adds": millions(run.macs), ms: number(run.total_ms), share: "100 %",
      "GMAC/s": number(run.macs / run.total_ms / 1e6),
    }),
  ].filter(Boolean);

  function sort(at) {
    state.down = state.by === at ? !state.down : at > 2;
    state.by = at;
    fill();
    announce(`sorted by ${columns[at][0]}, ${state.down ? "largest" : "smallest"} first`);
  }

  function fill() {
    const order = run.steps.map((_, i) => i).filter((i) => !state.folded || !small.includes(i));
    if (state.by !== null) {
      const value = columns[state.by][1], sign = state.down ? -1 : 1;
      order.sort((i, j) => {
        const [a, b] = [value(run.steps[i]), value(run.steps[j])];
        return sign * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b) || i - j;
      });
    }
    heads.forEach((head, at) => {
      head.setAttribute("aria-sort", at !== state.by ? "none" : state.down ? "descending" : "ascending");
      const arrow = head.querySelector(".arrow");
      if (arrow) arrow.textContent = at !== state.by ? "" : state.down ? " ▾" : " ▴";
    });
    const part = small.reduce((sum, i) => sum + run.steps[i].share, 0);
    toggle.textContent = state.folded ? `Show ${small.length} small steps, ${percent(part)} in all` : `Fold ${small.length} small steps`;
    toggle.setAttribute("aria-expanded", String(!state.folded));
    body.replaceChildren(...walked(order.map((i) => rows[i])));
  }

  fill();
  return section("All steps", "A heading sorts by its column. Times are of a run that nobody watches: they add up to it.",
    h("div", { class: "scroll" }, h("table", { class: "steps" }, h("thead", {}, h("tr", {}, heads)), body, h("tfoot", {}, foot))),
    small.length >= FEWEST ? toggle : null);
}
