"use strict";
// What stands on top: a plain sentence, the numbers of the run, the picture and what the network says of it.

function headOf(run) {
  const speed = run.total_ms ? run.macs / run.total_ms / 1e6 : 0;
  const roof = run.peak ? Math.max(...run.peak.roofs.map(([, gmacs]) => gmacs)) : 0;
  const facts = [
    [milliseconds(run.total_ms), `a run, median of ${run.repeats}`],
    [`${number(speed)} GMAC/s`, roof ? `${percent(speed / roof)} of the ${number(roof)} measured here` : "multiply-adds a second"],
    [`${millions(run.macs)} M`, "mult-adds"],
    [`${millions(run.params)} M`, "parameters"],
    [megabytes(run.arena_bytes), "arena for values"],
    [String(run.threads), run.threads === 1 ? "thread" : "threads"],
  ];
  const made = [run.cpu, run.date].filter(Boolean).join(", ");
  return h("header", {},
    h("h1", {}, `${run.name}: where ${milliseconds(run.total_ms)} go`),
    h("p", { class: "sentence" }, run.sentence),
    h("p", { class: "quiet" }, made),
    h("div", { class: "facts" }, facts.map(([value, what]) => h("div", {}, h("b", {}, value), h("span", {}, what)))),
    details(run));
}

/** How it was measured, for who asks. */
function details(run) {
  const watched = run.steps.reduce((sum, step) => sum + step.watched, 0);
  const costs = watched > run.total_ms
    ? `Timed step by step it takes ${milliseconds(watched)}, as looking at the clock takes time too: `
      + "the same for each step, which has been taken off."
    : `Step by step it adds up to ${milliseconds(watched)}; the rest goes by between the steps.`;
  const spread = `Of ${run.repeats} runs that nobody watched the fastest took ${milliseconds(run.total_min_ms)}, `
    + `and 90 % at most ${milliseconds(run.total_p90_ms)}.`;
  const first = `Before that came ${milliseconds(run.prepare_ms)} of preparation and a first run of `
    + `${milliseconds(run.first_ms)}, which loads kernels, or compiles them where no run has before.`;
  return h("details", {}, h("summary", {}, "How it was measured"), h("p", {}, spread), h("p", {}, costs), h("p", {}, first));
}

function photoOf(photo) {
  const best = Math.max(...photo.found.map(([, part]) => part), 1e-9);
  const alt = photo.found.length ? `The picture, labelled ${photo.found[0][0]}` : "The picture";
  const rows = photo.found.map(([words, part]) => h("li", {},
    h("span", { class: "meter", style: `width: ${(100 * part) / best}%` }), h("span", { class: "found" }, words),
    h("span", {}, percent(part))));
  return h("figure", { class: "photo" }, h("img", { src: photo.source, alt }),
    rows.length ? h("figcaption", {}, h("ol", {}, rows)) : null);
}
