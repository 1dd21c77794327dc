"use strict";
// How a graph is handled: its buttons and search field, keys, dragging and the wheel.

/** The row of tools above a graph. */
function graphTools(view, hasBlocks) {
  const found = h("span", { class: "graph-found", role: "status" });
  const field = h("input", {
    type: "search",
    placeholder: "Search layers",
    "aria-label": "search layers",
    oninput: () => {
      found.textContent = view.search(field.value);
    },
    onkeydown: (event) => {
      if (event.key === "Enter") found.textContent = view.next(event.shiftKey ? -1 : 1);
    },
  });
  const button = (label, name, act) =>
    h("button", { type: "button", "aria-label": name, title: name, onclick: act }, label);
  return h(
    "div",
    { class: "graph-tools noprint" },
    h("div", { class: "graph-search" }, field, found),
    button("−", "zoom out", () => view.zoom(1 / 1.25)),
    button("+", "zoom in", () => view.zoom(1.25)),
    button("Fit", "fit the graph into its frame", () => view.fit()),
    hasBlocks && [
      button("Fold", "fold all blocks", () => view.foldAll(true)),
      button("Unfold", "unfold all blocks", () => view.foldAll(false)),
    ],
  );
}

/** Keys while a card or block has the focus. */
function graphKey(event, view) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act =
    {
      Enter: () => view.press(),
      " ": () => view.press(),
      "+": () => view.zoom(1.25),
      "=": () => view.zoom(1.25),
      "-": () => view.zoom(1 / 1.25),
      0: () => view.reset(),
    }[event.key] ?? (event.key.startsWith("Arrow") ? () => view.walk(event.key) : null);
  if (!act) return;
  event.preventDefault();
  act();
}

/** The nearest box in the direction of an arrow key, or null: first in the same column or row, then aslant. */
function neighbour(boxes, part, key) {
  const here = boxes.find((box) => box.part === part);
  const middle = (box) => ({ x: box.x + box.width / 2, y: box.y + Math.min(box.height, GRAPH.height) / 2 });
  const from = middle(here);
  let best = null,
    least = Infinity;
  for (const box of boxes) {
    const to = middle(box);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const along = { ArrowDown: dy, ArrowUp: -dy, ArrowRight: dx, ArrowLeft: -dx }[key];
    const aside = Math.abs(key === "ArrowDown" || key === "ArrowUp" ? dx : dy);
    const slant = key === "ArrowDown" || key === "ArrowUp" ? 0.5 : 6; // a row is a row, but a column may lean
    if (along > 4 && along + slant * aside < least) [best, least] = [box.part, along + slant * aside];
  }
  return best;
}

/** Drag with the mouse to move, Ctrl or Cmd and the wheel (or a pinch on a touchpad) to zoom at the pointer. */
function dragAndWheel(scroller, zoom) {
  let start = null,
    moved = false;
  scroller.addEventListener("pointerdown", (event) => {
    moved = false;
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    start = { x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop };
  });
  window.addEventListener("pointermove", (event) => {
    if (!start) return;
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    moved ||= Math.hypot(dx, dy) > 4;
    if (!moved) return;
    scroller.classList.add("dragged");
    scroller.scrollLeft = start.left - dx;
    scroller.scrollTop = start.top - dy;
  });
  window.addEventListener("pointerup", () => {
    start = null;
    scroller.classList.remove("dragged");
  });
  scroller.addEventListener(
    "click",
    (event) => {
      // one that ends a drag is not meant for what lies under it
      if (moved) event.stopImmediatePropagation();
      moved = false;
    },
    { capture: true },
  );
  scroller.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const edge = scroller.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), event.clientX - edge.left, event.clientY - edge.top);
    },
    { passive: false },
  );
}
