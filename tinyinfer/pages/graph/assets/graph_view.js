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
  const view = new GraphView(data, options);
  return { element: view.element, select: (card) => view.select(card), repaint: () => view.render() };
}

class GraphView {
  constructor(data, options) {
    Object.assign(this, { data, options, open: new Set(data.open), chosen: null, zoomed: 1, found: [], at: -1 });
    this.current = data.blocks[0].parts[0]; // the part that Tab leads to
    this.parents = parentsOf(data);
    this.scroller = h("div", {
      class: "graph-scroll",
      role: "group",
      "aria-label": options.name ?? "network graph",
      onclick: (event) => this.click(event),
      onkeydown: (event) => graphKey(event, this),
    });
    const hint = "Drag or scroll to move, Ctrl + wheel or + and − to zoom, arrow keys to walk, Enter to open.";
    this.element = h(
      "div",
      { class: "graph" },
      graphTools(this, data.blocks.length > 1),
      this.scroller,
      h("p", { class: "graph-hint noprint" }, hint),
    );
    dragAndWheel(this.scroller, (...change) => this.zoom(...change));
    this.render();
  }

  /** Draw everything anew; with `focus` the current part has it afterwards. */
  render(focus = false) {
    this.geometry = graphGeometry(this.data, this.open);
    const { width, height, boxes, lines } = this.geometry;
    while (!boxes.some((box) => box.part === this.current)) this.current = -1 - this.parents.get(this.current);
    this.drawn = new Map(boxes.map((box) => [box.part, this.boxElement(box)]));
    const of = (some) => some.map((box) => this.drawn.get(box.part));
    const paths = lines.map((line) =>
      drawLine(line, this.chosen !== null && [line.from, line.to].includes(this.chosen)),
    );
    const picture = svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}` },
      of(boxes.filter((box) => this.isFrame(box))),
      paths,
      of(boxes.filter((box) => !this.isFrame(box))),
    );
    this.scroller.replaceChildren(picture);
    this.resize();
    if (focus) this.drawn.get(this.current).focus({ preventScroll: true });
  }

  isFrame(box) {
    return box.part < 0 && this.open.has(-1 - box.part);
  }

  boxElement(box) {
    const { data, options, current, chosen } = this;
    const common = { role: "button", tabindex: box.part === current ? 0 : -1, "data-part": box.part };
    if (this.isFrame(box)) {
      const { name } = data.blocks[-1 - box.part];
      const state = { "aria-expanded": "true", "aria-label": `block ${name}, unfolded` };
      return drawFrame(box, this.shortName(name, box.inside), { ...common, ...state });
    }
    const face = faceOf(data, box, options.paint);
    face.title = this.shortName(face.title, box.inside);
    const state = box.part < 0 ? { "aria-expanded": "false" } : { "aria-pressed": String(box.part === chosen) };
    const element = drawCard(box, face, { ...common, ...state, "aria-label": face.spoken });
    element.classList.toggle(
      "found",
      cardsOf(data, box.part).some((card) => this.found.includes(card)),
    );
    return element;
  }

  /** Inside a block's frame, its name need not stand on every card. */
  shortName(name, inside) {
    const prefix = this.data.blocks[inside].name;
    return prefix && name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name;
  }

  click(event) {
    const box = event.target.closest("[data-part]");
    if (box) this.press(Number(box.dataset.part));
  }

  /** Choose a card, fold or unfold a block. */
  press(part = this.current) {
    this.current = part;
    if (part >= 0) {
      this.chosen = part;
      this.options.select?.(part);
    } else if (!this.open.delete(-1 - part)) {
      this.open.add(-1 - part);
    }
    this.render(true);
    this.show(part);
  }

  /** Unfold what hides a card, choose it and bring it into view. */
  select(card) {
    for (let block = this.parents.get(card); block !== undefined; block = this.parents.get(-1 - block))
      this.open.add(block);
    Object.assign(this, { chosen: card, current: card });
    this.options.select?.(card);
    this.render();
    this.show(card);
  }

  /** Move the focus to the nearest part in the direction of an arrow key. */
  walk(key) {
    const to = neighbour(this.geometry.boxes, this.current, key);
    if (to === null) return;
    this.drawn.get(this.current).setAttribute("tabindex", -1);
    this.current = to;
    this.drawn.get(to).setAttribute("tabindex", 0);
    this.drawn.get(to).focus({ preventScroll: true });
    this.show(to);
  }

  /** Scroll no further than it takes to see a part. */
  show(part) {
    const { scroller, zoomed } = this,
      room = 12;
    const box = this.geometry.boxes.find((candidate) => candidate.part === part);
    const place = (shown, size, from, extent) =>
      Math.max(0, Math.min(shown, from * zoomed - room), (from + extent) * zoomed + room - size);
    const [height, width] = [Math.min(box.height, 3 * GRAPH.height), Math.min(box.width, this.data.size.width)];
    scroller.scrollTop = place(scroller.scrollTop, scroller.clientHeight, box.y, height);
    scroller.scrollLeft = place(scroller.scrollLeft, scroller.clientWidth, box.x, width);
  }

  resize() {
    const picture = this.scroller.firstElementChild;
    picture.setAttribute("width", this.geometry.width * this.zoomed);
    picture.setAttribute("height", this.geometry.height * this.zoomed);
  }

  /** Magnify so that the point (x, y) of the view, its middle unless said, stays where it is. */
  zoom(factor, x = this.scroller.clientWidth / 2, y = this.scroller.clientHeight / 2) {
    const { scroller, zoomed } = this,
      { scrollLeft, scrollTop } = scroller;
    this.zoomed = Math.min(Math.max(zoomed * factor, 0.15), 4);
    this.resize();
    const grown = this.zoomed / zoomed;
    scroller.scrollLeft = (scrollLeft + x) * grown - x;
    scroller.scrollTop = (scrollTop + y) * grown - y;
  }

  reset() {
    this.zoom(1 / this.zoomed);
  }

  fit() {
    const {
      scroller: { clientWidth, clientHeight },
      geometry: { width, height },
    } = this;
    this.zoom(Math.min(clientWidth / width, clientHeight / height, 1) / this.zoomed);
  }

  /** Mark the cards that have this text; returns how many there are, in words. */
  search(text) {
    const wanted = text.trim().toLowerCase();
    const words = (card) => [...card.names, card.title, card.text].join(" ").toLowerCase();
    const cards = [...this.data.cards.keys()];
    this.found = wanted ? cards.filter((card) => words(this.data.cards[card]).includes(wanted)) : [];
    this.at = -1;
    this.render();
    return wanted ? `${this.found.length} found` : "";
  }

  /** Go to the next card that was found, or the one before; returns which, in words. */
  next(step) {
    if (!this.found.length) return "0 found";
    this.at = (this.at + step + this.found.length) % this.found.length;
    this.select(this.found[this.at]);
    return `${this.at + 1} of ${this.found.length}`;
  }

  foldAll(folded) {
    this.open = new Set(folded ? [0] : this.data.blocks.keys());
    this.render();
    announce(folded ? "all blocks folded" : "all blocks unfolded");
  }
}

/** Of each part, the number of the block that holds it. */
function parentsOf(data) {
  const parents = new Map();
  data.blocks.forEach((block, number) => block.parts.forEach((part) => parents.set(part, number)));
  return parents;
}

/** The cards of a part: the card itself, or those of the block. */
function cardsOf(data, part) {
  return part >= 0 ? [part] : data.blocks[-1 - part].parts.flatMap((inner) => cardsOf(data, inner));
}

/** What stands on a card or a folded block, and what a screen reader says of it. */
function faceOf(data, box, paint) {
  const block = box.part < 0 ? data.blocks[-1 - box.part] : null;
  const card = data.cards[box.part];
  const { name, detail, shape, macs, colour } = block
    ? { ...block, detail: `▸ ${block.count} layers`, colour: "var(--quiet)" }
    : { ...card, name: card.title, detail: card.text };
  const painted = paint?.(cardsOf(data, box.part)) ?? {};
  const below = painted.below ?? (macs ? `${short(macs)} MAC` : "");
  const count = macs ? `${macs.toLocaleString("en")} mult-adds` : "no mult-adds";
  const lines = [name, detail.replace("▸ ", ""), `output ${shape}`, count];
  const spoken = [block ? `block ${name}` : name, ...lines.slice(1), ...(painted.below ? [painted.below] : [])].join(
    ", ",
  );
  return {
    title: name,
    detail,
    right: shape.replace(/^1x/, ""),
    below,
    colour,
    fill: painted.fill,
    tooltip: lines.join("\n"),
    spoken,
  };
}
