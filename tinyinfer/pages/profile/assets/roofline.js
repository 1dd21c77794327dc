"use strict";
// How near each step comes to what the machine can do: mult-adds a second over mult-adds a byte, both by logarithms.

function rooflineView(run, link) {
  if (!run.peak) return null;
  const colours = coloursOf(run);
  const dots = run.steps.flatMap((step, i) => (step.macs && step.bytes && step.ms ? [{ step, i, x: step.macs / step.bytes, y: rate(step) }] : []));
  if (!dots.length) return null;
  const highest = Math.max(...run.peak.roofs.map(([, gmacs]) => gmacs));
  const xs = [Math.min(0.02, ...dots.map((dot) => dot.x / 1.5)), Math.max(100, ...dots.map((dot) => 1.5 * dot.x))];
  const ys = [Math.max(Math.min(highest / 100, ...dots.map((dot) => dot.y / 1.5)), highest / 1e5), 1.8 * Math.max(highest, ...dots.map((dot) => dot.y))];
  const height = 360, top = 24, bottom = height - 36, left = 52;
  const levels = run.peak.levels.map(([name]) => name).join(", ");
  return section("Roofline", `Flat lines are what arithmetic reaches here, slanted ones what ${levels} deliver: a step under a line can't cross it if that is where its values lie. Larger dots take longer.`,
    chart(height, "roofline", (width) => {
      const x = scale(xs, [left, width - 6], true), y = scale(ys, [bottom, top], true);
      const grid = [
        ...decades(xs).flatMap((value) => [gridLine(x(value), top, x(value), bottom), label(x(value), bottom + 15, shortPower(value), "middle")]),
        ...decades(ys).flatMap((value) => [gridLine(left, y(value), width - 6, y(value)), label(left - 6, y(value) + 4, shortPower(value), "end")]),
        label(width - 6, height - 5, "mult-adds a byte", "end"), label(0, 10, "GMAC/s"),
      ];
      const groups = [...dots].sort((a, b) => b.step.ms - a.step.ms).map(({ step, i, x: at, y: speed }) => ({ i, element: standsFor(svg("g", { class: "dot", role: "button", "aria-label": `${spoken(step)}, ${number(speed)} GMAC/s, bound by ${step.bound}` },
        svg("circle", { cx: x(at), cy: y(speed), r: 3.5 + 11 * Math.sqrt(step.share), class: `mark w${colours[i]}` }),
        svg("title", {}, `${spoken(step)}\n${number(speed)} GMAC/s, ${number(at)} mult-adds a byte, bound by ${step.bound}`)), [i], link) }));
      const inOrder = [...groups].sort((a, b) => a.i - b.i);
      walked(inOrder.map(({ element }) => element));
      marking(link, inOrder.map(({ element }) => element), (at) => [inOrder[at].i]);
      return [grid, roofLines(run.peak, xs, ys, x, y, highest), groups.map(({ element }) => element)];
    }));
}

/** The roofs, each with its name and number on it. */
function roofLines(peak, xs, ys, x, y, highest) {
  const parts = [];
  peak.levels.forEach(([name, gbytes], at) => {
    const from = Math.max(xs[0], ys[0] / gbytes), to = Math.min(highest / gbytes, xs[1]);
    if (from >= to) return;
    const [x0, y0, x1, y1] = [x(from), y(from * gbytes), x(to), y(to * gbytes)];
    const turn = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
    parts.push(svg("line", { x1: x0, y1: y0, x2: x1, y2: y1, class: "roof" }));
    const along = at === peak.levels.length - 1 ? 0.45 : 0.02 + 0.33 * (at % 3);
    const [mx, my] = [x0 + along * (x1 - x0), y0 + along * (y1 - y0)];
    parts.push(svg("text", { x: mx, y: my - 4, class: "roof-name", transform: `rotate(${turn} ${mx} ${my})` }, `${name} ${number(gbytes)} GB/s`));
  });
  const fastest = Math.max(...peak.levels.map(([, gbytes]) => gbytes));
  for (const [name, gmacs] of peak.roofs) {
    const from = Math.max(gmacs / fastest, xs[0]);
    parts.push(svg("line", { x1: x(from), y1: y(gmacs), x2: x(xs[1]), y2: y(gmacs), class: "roof" }));
    parts.push(svg("text", { x: x(xs[1]), y: y(gmacs) - 5, class: "roof-name", "text-anchor": "end" }, `${name}: ${number(gmacs)} GMAC/s`));
  }
  return parts;
}

const shortPower = (value) => (value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1))));
