"use strict";
// The time of each step as a bar, in the order in which they run.

function barsView(run, link) {
  const colours = coloursOf(run), most = Math.max(...run.steps.map((step) => step.ms), 1e-9);
  const height = 190, top = 22, bottom = height - 22, left = 52;
  return section("Each step, in order", "As high as it takes long. Arrow keys walk through them.", chart(height, "time of each step", (width) => {
    const x = scale([0, run.steps.length], [left, width - 4]), y = scale([0, most], [bottom, top]);
    const grid = ticks(most, 3).flatMap((ms) => [gridLine(left, y(ms), width - 4, y(ms)), label(left - 6, y(ms) + 4, number(ms), "end")]);
    const groups = run.steps.map((step, i) => standsFor(svg("g", { class: "bar", role: "button", "aria-label": spoken(step) },
      svg("rect", { x: x(i), y: top, width: x(i + 1) - x(i), height: bottom - top, class: "reach" }),
      svg("rect", { x: x(i) + 0.5, y: Math.min(y(step.ms), bottom - 1), width: Math.max(x(i + 1) - x(i) - 1, 0.8), height: Math.max(bottom - y(step.ms), 1), class: `mark w${colours[i]}` }),
      svg("title", {}, spoken(step))), [i], link));
    walked(groups);
    marking(link, groups, (i) => [i]);
    return [grid, label(0, 10, "ms"), label(left, height - 6, "first step"), label(width - 4, height - 6, "last", "end"), groups];
  }));
}
