"use strict";
// How far rounding to 8 bits takes each step's output from what it was in real numbers.

function noiseView(run, link) {
  const noisy = run.steps.flatMap((step, i) => (step.noise === null ? [] : [i]));
  if (!noisy.length) return null;
  const colours = coloursOf(run), height = 180, top = 22, bottom = height - 22, left = 52;
  const most = Math.max(...noisy.map((i) => run.steps[i].noise), 1);
  const worst = noisy.reduce((a, b) => (run.steps[b].noise < run.steps[a].noise ? b : a));
  const words = `Decibels of each output over its rounding noise, against the network in real numbers: lower is noisier, 20 dB is a tenth. The noisiest is ${run.steps[worst].name} with ${number(run.steps[worst].noise)} dB.`;
  return section("Rounding noise of 8 bits", words, chart(height, "rounding noise of each step", (width) => {
    const x = scale([0, run.steps.length], [left, width - 4]), y = scale([0, most], [bottom, top]);
    const grid = ticks(most, 3).flatMap((db) => [gridLine(left, y(db), width - 4, y(db)), label(left - 6, y(db) + 4, number(db), "end")]);
    const groups = noisy.map((i) => standsFor(svg("g", { class: "bar", role: "button", "aria-label": `${run.steps[i].name}, ${number(run.steps[i].noise)} dB` },
      svg("rect", { x: x(i), y: top, width: x(i + 1) - x(i), height: bottom - top, class: "reach" }),
      svg("rect", { x: x(i) + 0.5, y: y(Math.max(run.steps[i].noise, 0)), width: Math.max(x(i + 1) - x(i) - 1, 0.8), height: Math.max(bottom - y(run.steps[i].noise), 1), class: `mark w${colours[i]}` }),
      svg("title", {}, `${run.steps[i].name}: ${number(run.steps[i].noise)} dB`)), [i], link));
    walked(groups);
    marking(link, groups, (at) => [noisy[at]]);
    return [grid, label(0, 10, "dB"), label(left, height - 6, "first step"), label(width - 4, height - 6, "last", "end"), groups];
  }));
}
