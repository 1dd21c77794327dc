"use strict";
// One run as it went by: when each step began and how long it took.

function timelineView(run, link) {
  const end = Math.max(...run.steps.map((step) => step.start + step.typical), 0);
  if (!end) return null;
  const colours = coloursOf(run), height = 72, top = 6, bottom = 48, left = 4;
  const words = `From the first step to the end of the last, ${milliseconds(end)} while every step was timed.`;
  return section("One run as it went by", words, chart(height, "timeline of one run", (width) => {
    const x = scale([0, end], [left, width - 4]);
    const shown = ticks(end, width < 500 ? 4 : 8).filter((ms) => x(ms) < width - 30);
    const axis = shown.flatMap((ms) => [
      gridLine(x(ms), top, x(ms), bottom + 4), label(x(ms), bottom + 18, number(ms), ms === 0 ? "start" : "middle"),
    ]);
    const spans = walked(run.steps.map((step, i) => {
      const says = `${step.name}, from ${milliseconds(step.start)}, for ${milliseconds(step.typical)}`;
      const wide = Math.max(x(step.start + step.typical) - x(step.start), 0.7);
      return standsFor(svg("g", { class: "bar", role: "button", "aria-label": says },
        svg("rect", { class: `mark w${colours[i]}`, x: x(step.start), y: top, width: wide, height: bottom - top }),
        svg("title", {}, says)), [i], link);
    }));
    marking(link, spans, (i) => [i]);
    return [axis, label(width - 4, bottom + 18, "ms", "end"), spans];
  }));
}
