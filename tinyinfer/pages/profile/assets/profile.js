"use strict";
// The page: its parts from top to bottom, for one run at a time; with two, buttons choose which.

(() => {
  const runs = embedded("runs"), graphs = embedded("graphs"), main = document.getElementById("profile");
  const has = (name) => document.getElementById(`data-${name}`) !== null;
  const shown = h("div");

  /** What is said of the step that is looked at, at the lower edge of the window. */
  function detailBar(run, link) {
    const says = h("div", { class: "says" });
    const loose = h("button", { type: "button", hidden: true, onclick: () => link.clear() }, "Let go");
    const bar = h("div", { class: "detail noprint", hidden: true }, says, loose); // the button stays, or a press would miss it
    link.tell((steps, kept) => {
      bar.hidden = steps.size === 0;
      loose.hidden = !kept;
      if (!steps.size) return;
      const found = [...steps].map((i) => run.steps[i]);
      const ms = found.reduce((sum, step) => sum + step.ms, 0), share = found.reduce((sum, step) => sum + step.share, 0);
      const step = found[0];
      const single = [
        step.text, step.kernel, step.shape, rate(step) ? `${number(rate(step))} GMAC/s` : null, step.bound && `bound by ${step.bound}`,
        step.noise === null ? null : `${number(step.noise)} dB over its rounding noise`,
      ];
      says.replaceChildren(
        h("b", {}, found.length === 1 ? step.name : `${found.length} steps`), h("span", {}, `${milliseconds(ms)}, ${percent(share)}`),
        ...(found.length === 1 ? single.filter(Boolean).map((words) => h("span", { class: "quiet" }, words)) : []),
        found.length === 1 && step.why ? h("span", { class: "quiet why" }, `${step.kernel}: ${step.why}`) : "");
    });
    return bar;
  }

  function show(at) {
    const run = runs[at], link = makeLink();
    document.onkeydown = (event) => { if (event.key === "Escape") link.clear(); };
    const top = h("div", { class: "top" }, headOf(run), at === 0 && has("photo") ? photoOf(embedded("photo")) : null);
    shown.replaceChildren(...[
      top, worksView(run, link), barsView(run, link), graphs[at] && networkView(run, embedded(`graph${at}`), link), stepsView(run, link),
      noiseView(run, link), rooflineView(run, link), timelineView(run, link), memoryView(run, link), detailBar(run, link),
    ].filter(Boolean));
  }

  function chooser() {
    const buttons = runs.map((run, at) => h("button", { type: "button", onclick: () => choose(at) }, `${"AB"[at]}: ${run.name}`));
    const choose = (at) => {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === at)));
      show(at);
    };
    choose(0);
    return h("div", { class: "row noprint chooser", role: "group", "aria-label": "run that is shown below" }, "Below:", buttons);
  }

  if (runs.length === 2) main.append(pairView(runs, embedded("pairs")), chooser());
  else show(0);
  main.append(shown);
})();
