"use strict";
// A bar for each step, in the order in which they run: as high as it takes long, or as something else of it is large.

function barsView(run, link) {
  const steps = run.steps.map((_, i) => i);
  const bars = stepBars(run, link, { name: "time of each step", unit: "ms", height: 190, steps, valueOf: (step) => step.ms });
  return section("Each step, in order", "As high as it takes long. Arrow keys walk through them.", bars);
}

/** `steps` are the numbers of those that have a bar, `valueOf` gives its height, in `unit`. */
function stepBars(run, link, { name, unit, height, steps, valueOf }) {
  const colours = coloursOf(run), most = Math.max(...steps.map((i) => valueOf(run.steps[i])), 1e-9);
  const top = 22, bottom = height - 22, left = 52;
  return chart(height, name, (width) => {
    const x = scale([0, run.steps.length], [left, width - 4]), y = scale([0, most], [bottom, top]);
    const bar = (i) => {
      const step = run.steps[i], value = valueOf(step);
      const words = `${spoken(step)}${unit === "ms" ? "" : `, ${number(value)} ${unit}`}`;
      const wide = x(i + 1) - x(i), high = Math.max(bottom - y(Math.max(value, 0)), 1);
      return standsFor(svg("g", { class: "bar", role: "button", "aria-label": words },
        svg("rect", { class: "reach", x: x(i), y: top, width: wide, height: bottom - top }),
        svg("rect", { class: `mark w${colours[i]}`, x: x(i) + 0.5, y: bottom - high, width: Math.max(wide - 1, 0.8), height: high }),
        svg("title", {}, words)), [i], link);
    };
    const bars = walked(steps.map(bar));
    marking(link, bars, (at) => [steps[at]]);
    return [levels(ticks(most, 3), y, left, width), label(0, 10, unit), orderAxis(left, width, height), bars];
  });
}

/** Grid lines at some values, with their numbers. */
function levels(values, y, left, width) {
  return values.flatMap((value) => [gridLine(left, y(value), width - 4, y(value)), label(left - 6, y(value) + 4, number(value), "end")]);
}

/** Below a chart whose steps stand side by side. */
function orderAxis(left, width, height) {
  return [label(left, height - 6, "first step"), label(width - 4, height - 6, "last", "end")];
}
