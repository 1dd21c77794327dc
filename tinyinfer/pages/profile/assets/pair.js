"use strict";
// Two runs side by side: which steps became faster, which slower.

const EVEN = 0.03; // a difference up to this part is none

function pairView(runs, pairs) {
  const names = runs[0].name === runs[1].name ? ["A", "B"] : runs.map((run) => run.name);
  const sum = (run, steps) => steps.reduce((total, i) => total + run.steps[i].ms, 0);
  const rows = pairs.map(([first, second]) => {
    const [a, b] = [sum(runs[0], first), sum(runs[1], second)];
    const step = runs[first.length ? 0 : 1].steps[(first.length ? first : second).at(-1)];
    return { name: step.name, text: step.text, a: first.length ? a : null, b: second.length ? b : null, change: b - a };
  });
  const most = Math.max(...rows.map((row) => Math.abs(row.change)), 1e-9);
  const ratio = runs[1].total_ms / runs[0].total_ms;
  const sorted = [...rows].sort((p, q) => Math.abs(q.change) - Math.abs(p.change));
  return h("section", { class: "pair" },
    h("h2", {}, "Two runs side by side"),
    h("p", { class: "sentence" }, compared(names, runs, ratio)),
    h("p", { class: "quiet" }, `${sentenceOf(sorted, runs[1].total_ms < runs[0].total_ms)} A: ${origin(runs[0])}. B: ${origin(runs[1])}.`),
    totals(runs),
    h("details", {}, h("summary", {}, `All ${rows.length} steps, the largest differences first`),
      h("div", { class: "scroll" }, h("table", {},
        h("thead", {}, h("tr", {}, ["step", "A, ms", "B, ms", "B - A", "", "B / A"].map((title, at) =>
          h("th", { class: at ? "n" : "node", scope: "col" }, title)))),
        h("tbody", {}, sorted.map((row) => pairRow(row, most)))))));
}

function compared(names, runs, ratio) {
  const [a, b] = runs.map((run) => milliseconds(run.total_ms));
  if (Math.abs(ratio - 1) <= EVEN) return `Both take about the same: A ${a}, B ${b}.`;
  const how = ratio < 1 ? `${percent(1 - ratio)} less time` : `${percent(ratio - 1)} more time`;
  const [first, second] = names[0] === "A" ? ["A", "B"] : [`A (${names[0]})`, `B (${names[1]})`];
  return `${second} takes ${how} than ${first}: ${b} instead of ${a}.`;
}

/** Which steps make most of the difference. */
function sentenceOf(sorted, faster) {
  const along = sorted.filter((row) => (faster ? row.change < 0 : row.change > 0)).slice(0, 2);
  if (!along.length) return "";
  const places = along.map((row) => `${row.name} (${row.change > 0 ? "+" : "−"}${milliseconds(Math.abs(row.change))})`);
  return `Most of it at ${places.join(" and ")}.`;
}

const origin = (run) => [run.name, `${run.threads} thread${run.threads === 1 ? "" : "s"}`, run.cpu, run.date].filter(Boolean).join(", ");

/** The kinds of work of both, on one scale. */
function totals(runs) {
  const times = runs.map((run) => new Map(run.works.map(([work, part]) => [work, part * run.total_ms])));
  const works = [...new Set(runs.flatMap((run) => run.works.map(([work]) => work)))];
  const longest = Math.max(...times.flatMap((found) => [...found.values()]), 1e-9);
  const bar = (ms, kind) => h("div", { class: "double" },
    h("span", { class: `length ${kind}`, style: `width: ${(78 * ms) / longest}%` }), h("span", {}, milliseconds(ms)));
  const row = (work) => h("tr", {}, h("td", {}, work),
    h("td", { class: "wide-bar" }, bar(times[0].get(work) ?? 0, "run0"), bar(times[1].get(work) ?? 0, "run1")));
  const runOf = (at) => [h("i", { class: `swatch run${at}` }), ` ${"AB"[at]} `];
  return h("table", { class: "works-pair" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "kind of work"), h("th", { scope: "col" }, runOf(0), runOf(1)))),
    h("tbody", {}, works.map(row)));
}

function pairRow(row, most) {
  const part = (50 * Math.abs(row.change)) / most;
  const kind = row.change < 0 ? "less" : "more";
  const change = `${row.change > 0 ? "+" : row.change < 0 ? "−" : ""}${number(Math.abs(row.change))}`;
  return h("tr", {},
    h("td", { class: "node" }, h("span", { class: "node" }, row.name), h("span", { class: "quiet block" }, row.text)),
    ...[row.a, row.b].map((ms) => h("td", { class: "n" }, ms === null ? "-" : number(ms))), h("td", { class: "n" }, change),
    h("td", { class: "change" }, h("span", { class: kind, style: `width: ${part}%; ${row.change < 0 ? "right" : "left"}: 50%` })),
    h("td", { class: "n" }, row.a && row.b ? `${number(row.b / row.a)} ×` : "-"));
}
