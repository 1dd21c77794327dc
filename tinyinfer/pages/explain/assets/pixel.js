"use strict";
// How one output pixel comes about: from the photo through a window of the inputs to the sum.

/**
 * The panel of one pixel; on.pixel(y, x, aloud) hears which pixel of the output map is pointed at, and
 * on.follow({card, channel, y, x}) that the pixel in the middle of a window is to be looked at.
 */
class PixelView {
  constructor(app, on) {
    Object.assign(this, { app, on, term: null, key: "" });
    this.photo = new MarkedPicture({ side: 220, label: "the photo, with what the pixel can see" });
    this.input = new MarkedPicture({ side: 220, label: "an input map, with the window" });
    this.output = new MarkedPicture({ side: 220, label: "the output map; arrow keys move the pixel", point: on.pixel });
    this.sentence = h("p", { class: "sentence" });
    this.sum = h("div", { class: "sum" });
    const arrow = () => h("span", { class: "arrow", "aria-hidden": "true" }, "→");
    this.flow = h(
      "div",
      { class: "flow" },
      this.photo.element,
      arrow(),
      this.input.element,
      arrow(),
      this.output.element,
    );
    this.element = h(
      "section",
      { class: "pixel", "aria-label": "how a pixel comes about" },
      this.flow,
      this.sentence,
      this.sum,
    );
  }

  /** {card, channel, y, x} of the pixel, the maps of its card, and whether to say it aloud. */
  async show({ card, channel, y, x }, maps, aloud) {
    const { nodes, source } = this.app;
    const key = (this.key = `${card} ${channel} ${y} ${x}`);
    const found = await termsOf(source, nodes, card, channel, y, x);
    if (key !== this.key) return; // another pixel has been pointed at meanwhile
    const value = maps.plane(channel)[y * maps.shape[2] + x];
    this.output.at = [y, x];
    this.drawPhoto(nodes[card], y, x);
    this.drawMap(
      this.output,
      maps,
      channel,
      { top: y, left: x, bottom: y + 1, right: x + 1 },
      `Output channel ${channel}: ${digits(value)}. Point at another pixel.`,
    );
    const told = tellPixel(nodes[card], { channel, y, x, value }, found);
    this.sentence.replaceChildren(told);
    if (aloud) announce(told);
    const terms = found?.terms ?? [];
    const again = this.term && terms.find((term) => term.card === this.term.card && term.channel === this.term.channel);
    await this.choose(
      again ?? terms.reduce((a, b) => (Math.abs(b.adds) > Math.abs(a.adds) ? b : a), terms[0]),
      found,
      card,
      value,
    );
  }

  drawPhoto(node, y, x) {
    const { photo } = this.app;
    const [, height, width] = photo.shape;
    const box = fieldAt(node, y, x, height, width);
    const size = box && `${box.bottom - box.top} x ${box.right - box.left}`;
    this.photo.show({
      picture: photo.image,
      height,
      width,
      box,
      dim: box !== null,
      caption: box ? `It can see ${size} pixels of the photo.` : "It can see all of the photo.",
    });
  }

  drawMap(view, maps, channel, box, caption) {
    const [, height, width] = maps.shape;
    view.show({ picture: canvasOf(pictureOf(maps.plane(channel), height, width)), height, width, box, caption });
  }

  /** Look at one term of the sum: its window on its map, its numbers. */
  async choose(term, found, card, value) {
    this.term = term ?? null;
    const node = this.app.nodes[card];
    this.flow.classList.toggle("direct", !term);
    if (!term) return this.sum.replaceChildren();
    const maps = await this.app.source.maps(term.card);
    this.drawMap(
      this.input,
      maps,
      term.channel,
      term.box,
      `Input channel ${term.channel} of ${shortTitle(this.app.nodes[term.card].name)}`,
    );
    this.sum.replaceChildren(...this.parts(term, found, node, card, value).filter(Boolean));
  }

  parts(term, found, node, card, value) {
    const weighted = node.window.kind === "conv",
      several = found.terms.length > 1;
    const numbers = h(
      "div",
      { class: several ? "product" : "product alone" },
      cells(term.values, boundOf(term.values.flat().map((v) => v ?? 0)), weighted ? "window" : "what it reads"),
      weighted && [
        h("span", { class: "sign" }, "×"),
        cells(term.weights, boundOf(term.weights.flat()), "kernel"),
        h("span", { class: "sign" }, `= ${digits(term.adds)}`),
      ],
      !weighted &&
        term.values.flat().length > 1 &&
        h("span", { class: "sign" }, `${node.window.kind} = ${digits(term.adds)}`),
    );
    const again = (other) =>
      this.choose(other, found, card, value).then(() => this.sum.querySelector('[aria-pressed="true"]')?.focus());
    const nameOf = ({ card: from, channel }) =>
      node.reads.length > 1 ? shortTitle(this.app.nodes[from].name) : `input ${channel}`;
    return [
      this.followButton(term),
      h("div", { class: "terms-and-product" }, several && strongest(found.terms, term, again, nameOf), numbers),
      weighted && several && h("h3", {}, "The running sum"),
      weighted && runningSum({ ...found, rest: restOf(found, node, value) }, Math.max(this.sum.clientWidth, 280)),
    ];
  }

  /** A step back towards the photo: the pixel in the middle of the window becomes the one that is explained. */
  followButton({ card, channel, box }) {
    const [, height, width] = this.app.nodes[card].shape;
    const middle = (from, to, size) => Math.min(Math.max(Math.floor((from + to - 1) / 2), 0), size - 1);
    const place = { card, channel, y: middle(box.top, box.bottom, height), x: middle(box.left, box.right, width) };
    const label = `← Where input channel ${channel} comes from`;
    return h("button", { type: "button", class: "follow noprint", onclick: () => this.on.follow(place) }, label);
  }
}

/** What channels that are not in the page add, where the output tells: not where its activation has cut it off. */
function restOf({ terms, missing, bias }, { activation }, value) {
  const open =
    activation === null || (activation === "relu" && value > 0) || (activation === "relu6" && value > 0 && value < 6);
  return missing && open ? value - bias - terms.reduce((sum, term) => sum + term.adds, 0) : null;
}

/** The last words of a long name. */
function shortTitle(name) {
  return name.length <= 22 ? name : `…${name.slice(-21)}`;
}
