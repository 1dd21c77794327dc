"use strict";
// The arena: which values lie where, from which step to which.

function memoryView(run, link) {
  if (!run.buffers.length) return null;
  const total = Math.max(run.arena_bytes, 1), count = run.steps.length, height = 290, top = 22, bottom = height - 24, left = 60;
  const alive = run.steps.map((_, i) => sumOf(run.buffers.filter((b) => b.first <= i && i <= b.last)));
  const most = Math.max(...alive), tallest = total / 1e6;
  const words = `${run.buffers.length} values and workspaces take turns in ${megabytes(run.arena_bytes)}; `
    + `each with memory of its own would take ${megabytes(sumOf(run.buffers))}. The dashed line is the most that is `
    + `needed at one time, ${megabytes(most)}: no plan can do with less.`;
  const stepsOf = run.buffers.map((b) => Array.from({ length: Math.min(b.last, count - 1) - b.first + 1 }, (_, i) => b.first + i));
  return section("Memory over time", words, chart(height, "arena over time", (width) => {
    const x = scale([0, count], [left, width - 4]), y = scale([0, tallest], [bottom, top]);
    const buffers = walked(run.buffers.map((b, at) => standsFor(bufferOf(b, at, x, y), stepsOf[at], link)));
    const band = svg("rect", { x: 0, y: top, width: 0, height: bottom - top, class: "band" });
    link.tell((steps) => {
      const first = Math.min(...steps), last = Math.max(...steps), whole = steps.size > 0 && last - first + 1 === steps.size;
      band.setAttribute("x", whole ? x(first) : 0);
      band.setAttribute("width", whole ? x(last + 1) - x(first) : 0);
      buffers.forEach((buffer, at) => buffer.classList.toggle("marked", steps.size === 1 && stepsOf[at].includes(first)));
    });
    const bound = svg("line", { class: "bound", x1: left, x2: width - 4, y1: y(most / 1e6), y2: y(most / 1e6) });
    return [levels(ticks(tallest, 4), y, left, width), label(0, 10, "MB"), orderAxis(left, width, height), buffers, bound, band];
  }));
}

const sumOf = (buffers) => buffers.reduce((sum, b) => sum + b.bytes, 0);

/** A rectangle over its steps and addresses, with its name where there is room. */
function bufferOf(b, at, x, y) {
  const left = x(b.first), wide = x(b.last + 1) - left, top = y((b.offset + b.bytes) / 1e6), tall = y(b.offset / 1e6) - top;
  const says = `${b.name}: ${megabytes(b.bytes)}, steps ${b.first} to ${b.last}`;
  const fits = tall > 14 && wide > 6.6 * b.name.length;
  return svg("g", { class: "buffer", role: "button", "aria-label": says },
    svg("rect", {
      class: b.workspace ? "space" : `value v${at % 4}`, x: left + 0.5, y: top,
      width: Math.max(wide - 1, 0.8), height: Math.max(tall - 0.5, 0.8),
    }),
    fits ? label(left + wide / 2, top + tall / 2 + 4, b.name, "middle", "buffer-name") : null,
    svg("title", {}, says));
}
