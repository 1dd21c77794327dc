"use strict";
// The arena: which values lie where, from which step to which.

function memoryView(run, link) {
  if (!run.buffers.length) return null;
  const total = Math.max(run.arena_bytes, 1), count = run.steps.length;
  const alive = run.steps.map((_, i) => run.buffers.reduce((sum, b) => sum + (b.first <= i && i <= b.last ? b.bytes : 0), 0));
  const most = Math.max(...alive), separate = run.buffers.reduce((sum, b) => sum + b.bytes, 0);
  const height = 290, top = 22, bottom = height - 24, left = 60;
  const words = `${run.buffers.length} values and workspaces take turns in ${megabytes(run.arena_bytes)}; each with memory of its own would take ${megabytes(separate)}. The dashed line is the most that is needed at one time, ${megabytes(most)}: no plan can do with less.`;
  return section("Memory over time", words, chart(height, "arena over time", (width) => {
    const x = scale([0, count], [left, width - 4]), y = scale([0, total / 1e6], [bottom, top]);
    const grid = ticks(total / 1e6, 4).flatMap((mb) => [gridLine(left, y(mb), width - 4, y(mb)), label(left - 6, y(mb) + 4, number(mb), "end")]);
    const band = svg("rect", { x: 0, y: top, width: 0, height: bottom - top, class: "band" });
    const stepsOf = run.buffers.map((b) => Array.from({ length: Math.min(b.last, count - 1) - b.first + 1 }, (_, i) => b.first + i));
    const groups = run.buffers.map((b, at) => {
      const tall = y(0) - y(b.bytes / 1e6), wide = x(b.last + 1) - x(b.first), y0 = y((b.offset + b.bytes) / 1e6);
      const says = `${b.name}: ${megabytes(b.bytes)}, steps ${b.first} to ${b.last}`;
      return standsFor(svg("g", { class: "buffer", role: "button", "aria-label": says },
        svg("rect", { x: x(b.first) + 0.5, y: y0, width: Math.max(wide - 1, 0.8), height: Math.max(tall - 0.5, 0.8), class: b.workspace ? "space" : `value v${at % 4}` }),
        tall > 14 && wide > 6.6 * b.name.length ? label(x(b.first) + wide / 2, y0 + tall / 2 + 4, b.name, "middle", "buffer-name") : null,
        svg("title", {}, says)), stepsOf[at], link);
    });
    walked(groups);
    link.tell((steps) => {
      const [first, last] = [Math.min(...steps), Math.max(...steps)];
      band.setAttribute("x", steps.size ? x(first) : 0);
      band.setAttribute("width", steps.size && last - first + 1 === steps.size ? x(last + 1) - x(first) : 0);
      groups.forEach((group, at) => group.classList.toggle("marked", steps.size === 1 && stepsOf[at].includes(first)));
    });
    return [grid, label(0, 10, "MB"), label(left, height - 6, "first step"), label(width - 4, height - 6, "last", "end"),
      groups, svg("line", { x1: left, x2: width - 4, y1: y(most / 1e6), y2: y(most / 1e6), class: "bound" }), band];
  }));
}
