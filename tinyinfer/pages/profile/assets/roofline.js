"use strict";
// How near each step comes to what the machine can do: mult-adds a second over mult-adds a byte, both by logarithms.

function rooflineView(run, link) {
  const dots = run.steps.flatMap((step, i) => (step.macs && step.bytes && step.ms ? [{ step, i, x: step.macs / step.bytes, y: rate(step) }] : []));
  if (!run.peak || !dots.length) return null;
  const highest = Math.max(...run.peak.roofs.map(([, gmacs]) => gmacs)), speeds = dots.map((dot) => dot.y);
  const xs = [Math.min(0.02, ...dots.map((dot) => dot.x / 1.5)), Math.max(100, ...dots.map((dot) => 1.5 * dot.x))];
  const lowest = Math.min(highest / 100, ...speeds.map((speed) => speed / 1.5));
  const ys = [Math.max(lowest, highest / 1e5), 1.8 * Math.max(highest, ...speeds)];
  const height = 360, top = 24, bottom = height - 36, left = 52;
  const words = `Flat lines are what arithmetic reaches here, slanted ones what ${run.peak.levels.map(([name]) => name).join(", ")} `
    + "deliver: a step under a line can't cross it if that is where its values lie. Larger dots take longer.";
  return section("Roofline", words, chart(height, "roofline", (width) => {
    const x = scale(xs, [left, width - 6], true), y = scale(ys, [bottom, top], true);
    const grid = [
      ...decades(xs).flatMap((v) => [gridLine(x(v), top, x(v), bottom), label(x(v), bottom + 15, powerOfTen(v), "middle")]),
      ...decades(ys).flatMap((v) => [gridLine(left, y(v), width - 6, y(v)), label(left - 6, y(v) + 4, powerOfTen(v), "end")]),
      label(width - 6, height - 5, "mult-adds a byte", "end"), label(0, 10, "GMAC/s"),
    ];
    const elements = walked(dots.map((dot) => standsFor(dotOf(dot, coloursOf(run)[dot.i], x, y), [dot.i], link)));
    marking(link, elements, (at) => [dots[at].i]);
    const largestFirst = dots.map((_, at) => at).sort((a, b) => dots[b].step.ms - dots[a].step.ms);
    return [grid, roofLines(run.peak, xs, ys, x, y, highest), largestFirst.map((at) => elements[at])];
  }));
}

function dotOf({ step, x: intensity, y: speed }, colour, x, y) {
  const says = `${spoken(step)}, ${number(speed)} GMAC/s at ${number(intensity)} mult-adds a byte, bound by ${step.bound}`;
  return svg("g", { class: "dot", role: "button", "aria-label": says },
    svg("circle", { cx: x(intensity), cy: y(speed), r: 3.5 + 11 * Math.sqrt(step.share), class: `mark w${colour}` }),
    svg("title", {}, says));
}

/** The roofs, each with its name and number on it. */
function roofLines(peak, xs, ys, x, y, highest) {
  const line = (x1, y1, x2, y2) => svg("line", { class: "roof", x1, y1, x2, y2 });
  const slanted = peak.levels.map(([name, gbytes], at) => {
    const from = Math.max(xs[0], ys[0] / gbytes), to = Math.min(highest / gbytes, xs[1]);
    if (from >= to) return null;
    const [x0, y0, x1, y1] = [x(from), y(from * gbytes), x(to), y(to * gbytes)];
    const turn = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
    const along = at === peak.levels.length - 1 ? 0.45 : 0.02 + 0.33 * (at % 3); // names of near lines stand apart
    const [mx, my] = [x0 + along * (x1 - x0), y0 + along * (y1 - y0)];
    const place = { class: "roof-name", x: mx, y: my - 4, transform: `rotate(${turn} ${mx} ${my})` };
    return [line(x0, y0, x1, y1), svg("text", place, `${name} ${number(gbytes)} GB/s`)];
  });
  const fastest = Math.max(...peak.levels.map(([, gbytes]) => gbytes)), right = x(xs[1]);
  const flat = peak.roofs.map(([name, gmacs]) => [
    line(x(Math.max(gmacs / fastest, xs[0])), y(gmacs), right, y(gmacs)),
    label(right, y(gmacs) - 5, `${name}: ${number(gmacs)} GMAC/s`, "end", "roof-name"),
  ]);
  return [...slanted, ...flat].filter(Boolean);
}

const powerOfTen = (value) => (value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1))));
