"use strict";
// The graph of a network that is looked at: blocks fold and unfold, cards are chosen, searched and walked through.

/**
 * The view of what graph_view of view.py gathered, as an element.  options, each of which may be left out:
 *   select(card)  is told the number of a card that was chosen
 *   paint(cards)  of a card's number, or those in a folded block, returns {fill, below}: a colour, and words for its
 *                 lower right
 *   name          what a screen reader calls it
 * Returns {element, select(card), repaint()}.
 */
function graphView(data, options = {}) {
  const state = { open: new Set(data.open), chosen: null, current: data.blocks[0].parts[0], zoom: 1, found: [], at: -1 };
  const parents = parentsOf(data);
  const scroller = h("div", { class: "graph-scroll", role: "group", "aria-label": options.name ?? "network graph" });
  let geometry, drawn;

  function render(focus = false) {
    geometry = graphGeometry(data, state.open);
    const visible = geometry.boxes.map((box) => box.part);
    while (!visible.includes(state.current)) state.current = -1 - parents.get(state.current);
    drawn = new Map();
    const lines = geometry.lines.map((line) => ({ line, path: drawLine(line) }));
    for (const box of geometry.boxes) drawn.set(box.part, boxElement(box));
    const picture = svg("svg", { viewBox: `0 0 ${geometry.width} ${geometry.height}` });
    const frames = geometry.boxes.filter((box) => isFrame(box)), cards = geometry.boxes.filter((box) => !isFrame(box));
    picture.append(...frames.map((box) => drawn.get(box.part)), ...lines.map(({ path }) => path), ...cards.map((box) => drawn.get(box.part)));
    for (const { line, path } of lines) {
      path.classList.toggle("near", state.chosen !== null && (line.from === state.chosen || line.to === state.chosen));
    }
    scroller.replaceChildren(picture);
    resize();
    if (focus) drawn.get(state.current).focus({ preventScroll: true });
  }

  const isFrame = (box) => box.part < 0 && state.open.has(-1 - box.part);

  function boxElement(box) {
    const common = { role: "button", tabindex: box.part === state.current ? 0 : -1, "data-part": box.part };
    if (isFrame(box)) {
      const block = data.blocks[-1 - box.part];
      return drawFrame(box, shortName(block.name, box.inside), { ...common, "aria-expanded": "true", "aria-label": `block ${block.name}, unfolded` });
    }
    const face = faceOf(data, box, options.paint);
    face.title = shortName(face.title, box.inside);
    const cards = box.part < 0 ? cardsIn(data, -1 - box.part) : [box.part];
    const kind = box.part < 0 ? { "aria-expanded": "false" } : { "aria-pressed": String(box.part === state.chosen) };
    const element = drawCard(box, face, { ...common, ...kind, "aria-label": face.spoken });
    element.classList.toggle("found", cards.some((card) => state.found.includes(card)));
    return element;
  }

  /** Inside a block's frame, its name need not stand on every card. */
  function shortName(name, inside) {
    const prefix = data.blocks[inside].name;
    return prefix && name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name;
  }

  function press(part) {
    state.current = part;
    if (part >= 0) {
      state.chosen = part;
      options.select?.(part);
    } else if (!state.open.delete(-1 - part)) {
      state.open.add(-1 - part);
    }
    render(true);
    show(part);
  }

  /** Unfold what hides a card, choose it and bring it into view. */
  function select(card, focus = false) {
    for (let block = parents.get(card); block !== undefined; block = parents.get(-1 - block)) state.open.add(block);
    Object.assign(state, { chosen: card, current: card });
    options.select?.(card);
    render(focus);
    show(card);
  }

  function show(part) {
    const box = geometry.boxes.find((candidate) => candidate.part === part);
    const height = Math.min(box.height, GRAPH.height * 3);
    const reach = (size, shown, from, extent) => Math.max(0, Math.min(shown, from * state.zoom - 12), (from + extent) * state.zoom + 12 - size);
    scroller.scrollTop = reach(scroller.clientHeight, scroller.scrollTop, box.y, height);
    scroller.scrollLeft = reach(scroller.clientWidth, scroller.scrollLeft, box.x, Math.min(box.width, data.size.width));
  }

  function resize() {
    const picture = scroller.firstElementChild;
    picture.setAttribute("width", geometry.width * state.zoom);
    picture.setAttribute("height", geometry.height * state.zoom);
  }

  /** Magnify so that the point (x, y) of the view, its middle unless said, stays where it is. */
  function zoom(factor, x = scroller.clientWidth / 2, y = scroller.clientHeight / 2) {
    const before = state.zoom;
    state.zoom = Math.min(Math.max(before * factor, 0.15), 4);
    const [left, top] = [scroller.scrollLeft, scroller.scrollTop];
    resize();
    const grown = state.zoom / before;
    scroller.scrollLeft = (left + x) * grown - x;
    scroller.scrollTop = (top + y) * grown - y;
  }

  function fit() {
    const high = scroller.clientHeight / geometry.height, wide = scroller.clientWidth / geometry.width;
    zoom(Math.min(high, wide, 1) / state.zoom);
  }

  function search(text) {
    const wanted = text.trim().toLowerCase();
    const words = (card) => [...card.names, card.title, card.text].join(" ").toLowerCase();
    state.found = wanted ? data.cards.map((card, i) => (words(card).includes(wanted) ? i : -1)).filter((i) => i >= 0) : [];
    state.at = -1;
    render();
    return wanted ? `${state.found.length} found` : "";
  }

  function next(step) {
    if (!state.found.length) return "";
    state.at = (state.at + step + state.found.length) % state.found.length;
    select(state.found[state.at]);
    return `${state.at + 1} of ${state.found.length}`;
  }

  function foldAll(folded) {
    state.open = new Set(folded ? [0] : data.blocks.keys());
    render();
    announce(folded ? "all blocks folded" : "all blocks unfolded");
  }

  const actions = { zoom, fit, reset: () => zoom(1 / state.zoom), search, next, foldAll };
  const tools = graphTools(actions, data.blocks.length > 1);
  const hint = h("p", { class: "graph-hint noprint" }, "Drag or scroll to move, Ctrl + wheel or + and − to zoom, arrow keys to walk, Enter to open.");
  scroller.addEventListener("click", (event) => {
    const box = event.target.closest("[data-part]");
    if (box) press(Number(box.dataset.part));
  });
  scroller.addEventListener("keydown", (event) => graphKey(event, actions, {
    press: () => press(state.current),
    walk: (key) => {
      const to = neighbour(geometry.boxes, state.current, key);
      if (to === null) return;
      drawn.get(state.current).setAttribute("tabindex", -1);
      state.current = to;
      drawn.get(to).setAttribute("tabindex", 0);
      drawn.get(to).focus({ preventScroll: true });
      show(to);
    },
  }));
  dragAndWheel(scroller, zoom);
  render();
  const element = h("div", { class: "graph" }, tools, scroller, hint);
  return { element, select, repaint: () => render() };
}

/** Of each part, the number of the block that holds it. */
function parentsOf(data) {
  const parents = new Map();
  data.blocks.forEach((block, number) => block.parts.forEach((part) => parents.set(part, number)));
  return parents;
}

function cardsIn(data, block) {
  return data.blocks[block].parts.flatMap((part) => (part < 0 ? cardsIn(data, -1 - part) : [part]));
}

/** What stands on a card or a folded block, and what a screen reader says of it. */
function faceOf(data, box, paint) {
  const block = box.part < 0 ? data.blocks[-1 - box.part] : null;
  const { name, detail, shape, macs, colour } = block
    ? { ...block, detail: `▸ ${block.count} layers`, colour: "var(--quiet)" }
    : { ...data.cards[box.part], name: data.cards[box.part].title, detail: data.cards[box.part].text };
  const painted = paint?.(block ? cardsIn(data, -1 - box.part) : [box.part]) ?? {};
  const right = shape.replace(/^1x/, "");
  const below = painted.below ?? (macs ? `${short(macs)} MAC` : "");
  const tooltip = [name, block ? `${block.count} layers` : detail, `output ${shape}`, macs ? `${macs.toLocaleString("en")} mult-adds` : "no mult-adds"];
  const spoken = `${block ? "block " : ""}${tooltip.join(", ")}${painted.below ? `, ${painted.below}` : ""}`;
  return { title: name, detail, right, below, colour, fill: painted.fill, tooltip: tooltip.join("\n"), spoken };
}
