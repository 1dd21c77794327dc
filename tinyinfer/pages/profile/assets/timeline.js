"use strict";
// One run as it went by: when each step began and how long it took.

function timelineView(run, link) {
  const end = Math.max(...run.steps.map((step) => step.start + step.typical), 0);
  if (!end) return null;
  const colours = coloursOf(run), height = 72, top = 6, bottom = 48, left = 4;
  return section("One run as it went by", `From the first step to the end of the last, ${milliseconds(end)} while every step was timed.`, chart(height, "timeline of one run", (width) => {
    const x = scale([0, end], [left, width - 4]);
    const axis = ticks(end, width < 500 ? 4 : 8).filter((ms) => x(ms) < width - 30).flatMap((ms) => [gridLine(x(ms), top, x(ms), bottom + 4), label(x(ms), bottom + 18, number(ms), ms === 0 ? "start" : "middle")]);
    const groups = run.steps.map((step, i) => standsFor(svg("g", { class: "bar", role: "button", "aria-label": `${step.name}, from ${milliseconds(step.start)}, for ${milliseconds(step.typical)}` },
      svg("rect", { x: x(step.start), y: top, width: Math.max(x(step.start + step.typical) - x(step.start), 0.7), height: bottom - top, class: `mark w${colours[i]}` }),
      svg("title", {}, `${step.name}\nfrom ${milliseconds(step.start)}, for ${milliseconds(step.typical)}`)), [i], link));
    walked(groups);
    marking(link, groups, (i) => [i]);
    return [axis, label(width - 4, bottom + 18, "ms", "end"), groups];
  }));
}
